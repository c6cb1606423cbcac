#!/usr/bin/env python3
"""punch between two homes of which one is told of the other 60 ms later, 50 ms of round trip between the two, no relay: they
must connect, whatever their routers do with a packet that nobody asked for (drop, reject, accept), in either order.

    punch_skew_test.py [--runs N]      runs of each pair and order; default 1

Milliseconds are from when the later side was told. ICE agents that send at once and never from another port fail wherever the
late side is `accept`: the early packets have taken the port that the late side's own would need.
"""
import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

POLICIES = ("drop", "reject", "accept")
DELAY = "delay=12.5ms"
SKEW = 0.06
LATE = "198.51.100.3:4000"
AT_ONCE = 2
PATIENCE = 30.0


def meet(one: str, other: str, late: str, run: int) -> tuple[bool, str, float | None]:
    """Whether it is right, the line to print, and the milliseconds."""
    sides = {"A": f"{one}1", "B": f"{other}2"}
    peers = {}
    for side, host in sides.items():
        words = ["pair", f"{one}-{other}-{late}-{run}", "--relay", "never", "--then", "report", "--for", "50ms"]
        is_late = side == late
        peers[side] = punching.Punch(host, *words, *(["--stun", punching.SERVER] if is_late else []),
                                     server=LATE if is_late else punching.SERVER)
    ends = {side: peer.wait(PATIENCE) for side, peer in peers.items()}
    times = {side: peer.connected_ms for side, peer in peers.items()}
    good = all(end == 0 for end in ends.values()) and None not in times.values()
    worst = max(times[side] - (0 if side == late else SKEW * 1000) for side in times) if good else None
    line = f"{'ok    ' if good else 'FAILED'} {one:<6} x {other:<6} {late} late: {f'{worst:.0f} ms' if good else 'never'}"
    return good, line if good else "\n".join([line, *(peer.story() for peer in peers.values())]), worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    programs.beside_a_lab(f"server={DELAY}", *(f"{policy}{side}=eim-apdf,inbound={policy},{DELAY}" for side in (1, 2) for policy in POLICIES))

    late_server = programs.inside("server", sys.executable, str(Path(__file__).with_name("late_server.py")), LATE,
                                  f"{punching.SERVER}:3478", str(SKEW))
    times = []
    with (programs.serve("--listen", punching.SERVER, host="server")[0], programs.Program(*late_server) as held,
          ThreadPoolExecutor(AT_ONCE) as pool):
        held.wait_for("ready")
        good = []
        for run in range(options.runs):
            for late in ("A", "B"):
                for shift in range(len(POLICIES)):   # pairs that share no network, so that they can go at once
                    pairs = [(one, POLICIES[(place + shift) % len(POLICIES)]) for place, one in enumerate(POLICIES)]
                    for is_good, line, worst in pool.map(lambda pair, late=late, run=run: meet(*pair, late, run), pairs):
                        print(line, flush=True)
                        good.append(is_good)
                        times += [worst] if is_good else []
    times.sort()
    print(f"{sum(good)} of {len(good)} connected" + (f"; median {times[len(times) // 2]:.0f} ms, longest {times[-1]:.0f} ms" if times else ""))
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
