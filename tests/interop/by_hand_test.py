#!/usr/bin/env python3
"""`punch manual --sdp` and other people's ICE agents, which show no certificate: a path is found, both sides name it, and punch
says that nothing more can come of it.

    by_hand_test.py libnice NICE_PEER | aioice      in a network namespace of its own, whose only line leads nowhere
"""
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import programs

ADDRESS = "10.0.0.1"
SECONDS = 40.0
LINK = (f'ip link set lo up && ip link add here type veth peer name there && ip address add {ADDRESS}/24 dev here && '
        'ip link set here up && ip link set there up && ip route add default via 10.0.0.2 && exec "$@"')


def meet(peer: list[str]) -> tuple[list[dict], int, str]:
    """punch's events, its exit status, and what the other program said on stderr."""
    punch = subprocess.Popen([programs.own("punch"), "manual", "--sdp", "--json", "--map", "never", "--for", "500ms"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    theirs = subprocess.Popen(peer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    limit = threading.Timer(SECONDS, lambda: (punch.kill(), theirs.kill()))
    limit.start()
    try:
        threading.Thread(target=carry, args=(theirs, punch), daemon=True).start()
        events = []
        for line in punch.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "description":
                os.write(theirs.stdin.fileno(), events[-1]["text"].encode())
        status = punch.wait()
        return events, status, theirs.communicate()[1].decode(errors="replace")
    finally:
        limit.cancel()
        for process in (punch, theirs):
            process.kill()
            process.wait()


def carry(theirs: subprocess.Popen, punch: subprocess.Popen) -> None:
    """What they say, with an empty line after it, as a person would paste it. It stays open: its end would be ours."""
    while data := os.read(theirs.stdout.fileno(), 4096):
        try:
            os.write(punch.stdin.fileno(), data)
            if b"a=end-of-candidates" in data:
                os.write(punch.stdin.fileno(), b"\n")
        except OSError:
            return


def main() -> int:
    name, *rest = sys.argv[1:]
    if os.environ.get("BY_HAND_TEST") != "inside":
        if subprocess.run(["unshare", "-Urn", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            programs.skip("the system forbids network namespaces")
        return subprocess.run(["unshare", "-Urn", "sh", "-c", LINK, "sh", sys.executable, __file__, *sys.argv[1:]],
                              timeout=10 * SECONDS, env={**os.environ, "BY_HAND_TEST": "inside"}).returncode
    failures = 0
    for role in ("controlled", "controlling"):   # punch thinks that it leads: where both do, they find out (RFC 8445 §7.3.1.1)
        for telling in ("all", "trickle"):
            program = rest if name == "libnice" else ["/usr/bin/python3", str(HERE / "aioice_peer.py")]
            events, status, said = meet([*program, role, telling, ADDRESS])
            connected = next((event for event in events if event["event"] == "connected"), None)
            good = status == 0 and connected is not None and connected["direct"] and "selected" in said
            way = f"{connected['path']['kind']} to {connected['path']['remote']}" if connected else "no path"
            print(f"{'ok    ' if good else 'FAILED'} {name} {role}, {telling}: {way}", flush=True)
            if not good:
                failures += 1
                print(f"  exit {status}", *events, said, sep="\n  ", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
