#!/usr/bin/env python3
"""Our ICE agent through pairs of the kernel's NATs, told of the peer at once or one side 60 ms later, 50 ms of round trip
between the two. Every pair must become direct; what Linux does with a packet that nobody asked for (drop, reject, accept)
must not matter.

    tests/lab/ice_punch_test.py [RUNS]      runs of each pair and order; default 1

ICE_PEER is the program (tests/interop/ice_peer.cpp).
"""
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from programs import NATLAB, SKIPPED, inside, own, serve  # noqa: E402

POLICIES = ("drop", "reject", "accept")
SIGNALLING = 0.05     # what trickles later takes this long
SKEW = 0.06
PATIENCE = 12.0
FIRST_TRY_MS = 100    # with a reserve: one round trip, and what a sanitized build on a busy machine adds
EVENTUALLY_MS = 1500  # with a fresh socket once it is needed


class Peer:
    """ice_peer in a host of the lab. Its lines are kept until they are to be delivered."""

    def __init__(self, host: str, role: str, reserve: bool):
        words = [own_peer(), role, "natkit", *(["reserve"] if reserve else []), f"{address_of(host)}=198.51.100.1"]
        self.process = subprocess.Popen(inside(host, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.described = threading.Event()
        self.description = b""
        self.other: "Peer | None" = None
        self.said = b""
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self.read_lines, self.read_said)]
        for thread in self.threads:
            thread.start()

    def read_lines(self) -> None:
        for line in self.process.stdout:
            if not self.described.is_set():
                self.description += line
                if line.startswith(b"a=end-of-candidates"):
                    self.described.set()
            else:
                threading.Timer(SIGNALLING, self.other.hear, (line,)).start()

    def read_said(self) -> None:
        self.said = self.process.stderr.read()

    def hear(self, text: bytes) -> None:
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def end(self) -> tuple[int, float | None]:
        """Exit status, and milliseconds from being told to a path."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(2)
        after = re.search(rb"selected .* after ([\d.]+) ms", self.said)
        return self.process.returncode, float(after[1]) if after else None


def own_peer() -> str:
    return os.environ.get("ICE_PEER") or str(Path(own("rendezvousd")).parent.parent / "tests/interop/ice_peer")


def address_of(host: str) -> str:
    return os.environ[f"NATLAB_{host.upper()}_ADDRESS"]


def meet(one: str, other: str, late: str, reserve: bool) -> tuple[float, float] | None:
    """Milliseconds to a path on both sides, from when the later one was told; None: one of them did not connect."""
    a, b = Peer(one, "controlling", reserve), Peer(other, "controlled", reserve)
    a.other, b.other = b, a
    if not (a.described.wait(10) and b.described.wait(10)):
        return a.end() and b.end() and None
    first, second = (b, a) if late == "A" else (a, b)
    first.hear(second.description)
    if late != "nobody":
        time.sleep(SKEW)
    second.hear(first.description)
    ends = [a.end(), b.end()]
    if any(status != 0 or after is None for status, after in ends):
        print(a.said.decode(), b.said.decode(), sep="---\n")
        return None
    skews = {"nobody": (0, 0), "A": (0, SKEW), "B": (SKEW, 0)}[late]
    return tuple(after - skew * 1000 for (_, after), skew in zip(ends, skews))


def beside_the_lab(runs: int) -> int:
    server, _ = serve("--listen", "198.51.100.1", host="server")
    failures = 0
    with server:
        for reserve in (True, False):
            for late in ("nobody", "A", "B"):
                for first in POLICIES:
                    for second in POLICIES:
                        for _ in range(runs):
                            times = meet(f"{first}1", f"{second}2", late, reserve)
                            bound = FIRST_TRY_MS if reserve or late == "nobody" else EVENTUALLY_MS
                            good = times is not None and max(times) <= bound
                            failures += not good
                            shown = " and ".join(f"{ms:.0f}" for ms in times) + " ms" if times else "never"
                            print(f"{'ok    ' if good else 'FAILED'} {first} x {second}, {late} late, "
                                  f"{'with a reserve' if reserve else 'fresh when due'}: {shown}", flush=True)
    return 1 if failures else 0


def main() -> int:
    if "NATLAB_NAME" in os.environ:
        return beside_the_lab(int(sys.argv[1]))
    runs = sys.argv[1] if len(sys.argv) > 1 else "1"
    specs = [f"{policy}{side}=eim-apdf,inbound={policy},delay=12.5ms" for side in (1, 2) for policy in POLICIES]
    return subprocess.run([str(NATLAB), "run", *specs, "--", sys.executable, __file__, runs]).returncode


sys.exit(main())
