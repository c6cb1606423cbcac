#!/usr/bin/env python3
"""A browser connects to punch: the page's data channels are the streams that punch opens, and both send each other a line.

    browser_test.py        in a network namespace of its own, whose only line leads nowhere

Two people would copy and paste the descriptions; here a page and a little HTTP server do. The page speaks what two punches say
to each other: on stream 1 what it is doing ("then=pipe"), on stream 0 bytes, and the words "end" and "written".
"""
import http.server
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

FROM_US, FROM_BROWSER = "a line from punch", "a line from the page"
SECONDS = 60.0   # a browser takes its time to start
HEAD = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sctp-port:5000"]

PAGE = """<!doctype html><meta charset="utf-8"><title>natkit</title><script>
const tell = (where, what) => fetch(where, {method: "POST", body: what});
const start = async () => {
  const connection = new RTCPeerConnection();
  const words = connection.createDataChannel("words", {negotiated: true, id: 1});
  const pipe = connection.createDataChannel("pipe", {negotiated: true, id: 0});
  pipe.binaryType = "arraybuffer";
  words.onopen = () => words.send("then=pipe");
  pipe.onopen = () => { pipe.send(new TextEncoder().encode("%s\\n")); pipe.send("end"); };
  pipe.onmessage = ({data}) => {
    if (data === "end") pipe.send("written");
    else if (data !== "written") tell("/heard", new TextDecoder().decode(data));
  };
  await connection.setRemoteDescription({type: "offer", sdp: await (await fetch("/offer")).text()});
  await connection.setLocalDescription();
  await new Promise(done => {   // where it finds no address in time, punch still sees where its checks come from
    const look = () => connection.iceGatheringState === "complete" && done();
    connection.onicegatheringstatechange = look; look(); setTimeout(done, 2000);
  });
  await tell("/answer", connection.localDescription.sdp);
};
start().catch(why => tell("/failed", String(why)));
</script>""" % FROM_BROWSER


class Exchange(http.server.BaseHTTPRequestHandler):
    """Gives the page its offer, and takes what it says: (path, text)."""
    offer = ""
    said: "queue.Queue[tuple[str, str]]" = queue.Queue()

    def do_GET(self):
        self.reply((PAGE if self.path == "/" else self.offer).encode(), "text/html" if self.path == "/" else "text/plain")

    def do_POST(self):
        self.said.put((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.reply(b"", "text/plain")

    def reply(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def heard(path: str) -> str:
    where, what = Exchange.said.get(timeout=SECONDS)
    assert where == path, f"the page said {where}: {what}"
    return what


def meet(browser: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        punch = subprocess.Popen([programs.own("punch"), "manual", "--sdp", "--then", "pipe", "--json", "--map", "never",
                                  "--timeout", "60s"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        events: list[dict] = []
        page = server = None
        try:
            while not events or events[-1].get("event") != "description":
                events.append(json.loads(punch.stderr.readline()))
            Exchange.offer = "\r\n".join(HEAD + events[-1]["text"].split("\r\n"))
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            page = subprocess.Popen([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                                     "--disable-dev-shm-usage", f"--user-data-dir={folder}", f"http://127.0.0.1:{server.server_port}/"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    start_new_session=True)
            answer = [line for line in heard("/answer").splitlines() if line]
            output, errors = punch.communicate("\n".join([*answer, "", FROM_US, ""]), timeout=SECONDS)
            assert heard("/heard").strip() == FROM_US
            assert output.strip() == FROM_BROWSER, (output, errors)
            assert punch.returncode == 0, (punch.returncode, errors)
            events += [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
            connected = next(event for event in events if event["event"] == "connected")
            print(f"connected by {connected['path']['kind']} after {connected['elapsed_ms']} ms; a line each way")
        finally:
            punch.kill()
            punch.wait()
            if page:
                os.killpg(page.pid, 15)   # it has children; the group is its own
                page.wait()
            if server:
                server.shutdown()


def main() -> int:
    browser = next((found for name in ("chromium", "chromium-browser", "google-chrome")
                    if (found := programs.shutil.which(name))), None)
    if not browser:
        programs.skip("no Chromium is installed (apt-get install chromium)")
    if len(sys.argv) < 2:
        if subprocess.run(["unshare", "-Urn", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            programs.skip("the system forbids network namespaces")
        # A browser uses the address that its default route leaves from, and none without one.
        inside = ('ip link set lo up && ip link add here type veth peer name there && ip address add 10.0.0.1/24 dev here && '
                  'ip link set here up && ip link set there up && ip route add default via 10.0.0.2 && exec "$@"')
        return subprocess.run(["unshare", "-Urn", "sh", "-c", inside, "sh", sys.executable, __file__, "inside"],
                              timeout=4 * SECONDS).returncode
    meet(browser)
    return 0


sys.exit(main())
