#!/usr/bin/env python3
"""Our ICE agent through pairs of the kernel's NATs, told of the peer at once or one side 60 ms later, 50 ms of round trip
between the two. Every pair must become direct; what Linux does with a packet that nobody asked for (drop, reject, accept)
must not matter.

    tests/lab/ice_punch_test.py [RUNS]      runs of each pair and order; default 1

ICE_PEER is the program (tests/interop/ice_peer.cpp).
"""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from programs import NATLAB, own, serve  # noqa: E402
from sdp_peers import SdpPeer, introduce, skewed  # noqa: E402

POLICIES = ("drop", "reject", "accept")
SIGNALLING = 0.05     # what trickles later takes this long
SKEW = 0.06
FIRST_TRY_MS = 100    # with a reserve: one round trip, and what a sanitized build on a busy machine adds
EVENTUALLY_MS = 1500  # with a fresh socket once it is needed


def start_peer(host: str, role: str, reserve: bool) -> SdpPeer:
    words = [own_peer(), role, "natkit", *(["reserve"] if reserve else []), f"{address_of(host)}=198.51.100.1"]
    return SdpPeer(host, words, SIGNALLING)


def own_peer() -> str:
    return os.environ.get("ICE_PEER") or str(Path(own("rendezvousd")).parent.parent / "tests/interop/ice_peer")


def address_of(host: str) -> str:
    return os.environ[f"NATLAB_{host.upper()}_ADDRESS"]


def meet(one: str, other: str, late: str, reserve: bool) -> tuple[float, float] | None:
    """Milliseconds to a path on both sides, from when the later one was told; None: one of them did not connect."""
    a, b = start_peer(one, "controlling", reserve), start_peer(other, "controlled", reserve)
    introduce(a, b, late, SKEW)
    if any(status != 0 for status in (a.wait(), b.wait())) or a.after_ms is None or b.after_ms is None:
        print(a.said.decode(), b.said.decode(), sep="---\n")
        return None
    return tuple(peer.after_ms - early for peer, early in zip((a, b), skewed(late, SKEW)))


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
