#!/usr/bin/env python3
"""nat-probe where UDP does not get out: what it says of a login page before the internet, and of TLS as a way out.

The login page is a web server on the network's own router, which all is led to that goes to port 80; nothing else passes
until somebody has logged in.
"""
import contextlib
import http.server
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

HOTSPOT, ROUTER, PAGE = "hotspot", "hotspot.router", 8080
SERVER, OTHER, LOGIN = "198.51.100.1", "198.51.100.3", "login.example.net"
PORTAL = f"""table ip portal {{
  chain prerouting {{
    type nat hook prerouting priority dstnat - 1; policy accept;
    iifname "lan" tcp dport 80 redirect to :{PAGE}
  }}
  chain forward {{
    type filter hook forward priority filter - 2; policy accept;
    iifname "lan" drop
  }}
}}
"""


class Login(http.server.BaseHTTPRequestHandler):
    """Leads everybody to where to log in, and tells it who asked, as such pages do."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://{LOGIN}/?ip={self.client_address[0]}&host={self.headers['Host']}")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


def show_login() -> None:
    """Until it is ended."""
    with http.server.ThreadingHTTPServer(("", PAGE), Login) as page:
        print("ready", flush=True)
        page.serve_forever()


def rules(text: str) -> None:
    subprocess.run(programs.inside(ROUTER, "nft", "-f", "-"), input=text, text=True, check=True, timeout=programs.RUN_SECONDS)


@contextlib.contextmanager
def login_required():
    """In the network of the hotspot, until somebody has logged in: when this is left."""
    with programs.Program(*programs.inside(ROUTER, sys.executable, __file__, "show-login")) as page:
        page.wait_for("ready")
        rules(PORTAL)
        try:
            yield
        finally:
            rules("delete table ip portal")


def probe(*options: str, servers: tuple[str, ...] = (SERVER, OTHER), trust: str = "") -> programs.Probed:
    """What it says, and its record says again."""
    with tempfile.TemporaryDirectory() as folder:
        trace = f"{folder}/trace.json"
        wrapper = ("env", f"SSL_CERT_FILE={trust}") if trust else ()
        probed = programs.nat_probe(*servers, "--record", trace, *options, host=HOTSPOT, wrapper=wrapper)
        replayed = programs.nat_probe("--replay", trace)
        assert replayed.stdout == probed.stdout, f"its trace tells something else: {replayed}\n{probed}"
        assert "--redact" not in options or LOGIN not in Path(trace).read_text(), "the record tells where the page is"
    return probed


def expect(probed: programs.Probed, **expected) -> None:
    found = {path: probed.value(path) for path in expected}
    assert found == expected, f"{found}, not {expected}: {probed}"
    print(" ".join(f"{path}={value}" for path, value in found.items()), probed.value("verdict.summary"), flush=True)


def ways(probed: programs.Probed) -> set[tuple[str, str]]:
    return {(way["transport"], way["server"]) for way in probed.value("ways_out")}


def told(probed: programs.Probed, about: str) -> str:
    return " ".join(item["detail"] for item in probed.answer["evidence"] if item["about"] == about)


def test_login_page() -> None:
    with programs.serve("--listen", SERVER, host="server")[0]:
        with login_required():
            closed = probe()
            expect(closed, udp="blocked", captive_portal=True, ways_out=[])
            assert closed.exit == 0 and closed.reasons("udp") == ["captive-portal"], closed
            assert LOGIN in told(closed, "captive_portal") and "?ip=" not in str(closed), closed
            assert "login page" in closed.value("verdict.summary") and "http://" in closed.value("verdict.advice")[0], closed
            alone = probe(servers=(SERVER,))
            expect(alone, udp=None, captive_portal=None)
            assert alone.exit == 3 and "perhaps a login page" in alone.value("error.detail") and "http://" in alone.value("error.advice"), alone
            hidden = probe("--redact")
            expect(hidden, captive_portal=True)
            assert LOGIN not in str(hidden), hidden
        expect(probe(), udp="blocked", captive_portal=False)


def test_tls() -> None:
    """Only where the system trusts whoever signed for the server is it a way out."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = programs.make_certificate(folder, SERVER)
        with programs.serve("--listen", f"{SERVER}:443", "--tls-cert", certificate, "--tls-key", key, host="server")[0]:
            trusted, strange = probe(servers=(SERVER,), trust=certificate), probe(servers=(SERVER,))
    assert ways(trusted) == {("tcp", f"{SERVER}:443"), ("tls", f"{SERVER}:443")}, trusted
    assert ways(strange) == {("tcp", f"{SERVER}:443")}, strange
    expect(trusted, udp="blocked", captive_portal=False)


def main() -> None:
    programs.beside_a_lab(f"{HOTSPOT}=udp-blocked,delay=5ms")
    test_login_page()
    test_tls()


if __name__ == "__main__":
    if sys.argv[1:] == ["show-login"]:
        show_login()
    else:
        main()
