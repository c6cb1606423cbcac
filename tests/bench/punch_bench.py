"""How long two hosts take to find a path: punch, libnice and aioice, in turn, behind the same pairs of NATs, 50 ms of round
trip between any two hosts and to the server.

Run through scripts/bench punch, which builds what is measured. The clock of each is its own: from the instant at which a side
is told of the other to its first path; of the two sides, the slower counts. All are warm: addresses gathered, relays held,
registered. So what is left out is the trip of the introduction itself (half a round trip from the server to either side, or
one and a half from the other side): punch is told by rendezvousd, which tells both in one instant; libnice and aioice, which
bring no signalling, are told by this script, both in one instant.
"""

import argparse
import contextlib
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("NATKIT_BIN", str(ROOT / "build" / "release" / "bin"))
import programs  # noqa: E402
import punching  # noqa: E402
import sdp_peers  # noqa: E402

NICE_PEER = ROOT / "build" / "release" / "tests" / "bench" / "nice_peer"
AIOICE_PEER = ROOT / "tests" / "interop" / "aioice_peer.py"
SECRET = "north"
PATIENCE = 15.0
DELAY = "delay=12.5ms"   # at either end, so 50 ms there and back
NETWORKS = {"pub": "public", "home": "eim-apdf", "cone": "eim-eif", "sym": "apdm-apdf", "lossy": "eim-apdf,loss=3%"}
SPECS = ["server=" + DELAY, *(f"{name}{side}={spec},{DELAY}" for name, spec in NETWORKS.items() for side in (1, 2)),
         f"lan=same-lan,{DELAY}"]


@dataclass(frozen=True)
class Row:
    title: str
    hosts: tuple[str, str]
    has_relay: bool = False
    rounds: float = 1.0     # as a share of what is asked for


ROWS = {
    "public": Row("public x public", ("pub1", "pub2")),
    "home": Row("home x home (port-restricted)", ("home1", "home2")),
    "symmetric": Row("full cone x symmetric", ("cone1", "sym2")),
    "relayed": Row("symmetric x symmetric, by relay", ("sym1", "sym2"), has_relay=True),
    "lan": Row("same LAN", ("lan1", "lan2")),
    "loss": Row("home x home, 3 % loss per link", ("lossy1", "lossy2"), rounds=1.5),
}


def address_of(host: str) -> str:
    return os.environ[f"NATLAB_{host.upper()}_ADDRESS"]


def relay_of(row: Row) -> list[str]:
    return [",".join((f"turn={punching.SERVER}", *punching.credentials(SECRET)))] if row.has_relay else []


def by_sdp(command: list[str], *manner: str) -> Callable[[Row], sdp_peers.Meeting]:
    def run(row: Row) -> sdp_peers.Meeting:
        peers = [sdp_peers.SdpPeer(host, [*command, role, *manner, f"{address_of(host)}={punching.SERVER}", *relay_of(row)])
                 for host, role in zip(row.hosts, ("controlling", "controlled"))]
        return sdp_peers.meet(*peers, PATIENCE)
    return run


def by_punch(row: Row) -> sdp_peers.Meeting:
    """The first registers and waits, then the second comes; both are told when its registration arrives."""
    arguments = ["pair", f"room-{time.monotonic_ns()}", "--then", "pipe", "--wait", "20s",
                 *(punching.relay(SECRET) if row.has_relay else ("--relay", "never"))]
    first = punching.Punch(row.hosts[0], *arguments, pipes=True)
    first.wait_for("registered")
    peers = (first, punching.Punch(row.hosts[1], *arguments, pipes=True))
    for peer in peers:
        peer.process.stdin.write(b"hello\n")
        peer.process.stdin.close()
    ends = [peer.wait(PATIENCE) for peer in peers]
    return sdp_peers.Meeting(tuple(peer.connected_ms if end == 0 else None for peer, end in zip(peers, ends)),
                             tuple(peer.story() for peer in peers),
                             max((peer.secured_ms or math.inf for peer in peers)),
                             tuple(sorted(peer.first_byte_ms or math.inf for peer in peers)))


@dataclass
class Contender:
    name: str
    run: Callable[[Row], sdp_peers.Meeting]
    rounds: float = 1.0    # as a share of what is asked for


CONTENDERS = {
    "punch": Contender("punch", by_punch),
    "libnice": Contender("libnice as it comes", by_sdp([str(NICE_PEER)], "as-it-comes"), rounds=0.25),   # seconds each
    "tuned": Contender("libnice, UDP, 5 ms", by_sdp([str(NICE_PEER)], "tuned")),
    "aioice": Contender("aioice", by_sdp(["/usr/bin/python3", str(AIOICE_PEER)])),
}


@dataclass
class Cell:
    times: list[float] = field(default_factory=list)
    secured: list[float] = field(default_factory=list)
    first_bytes: list[tuple[float, ...]] = field(default_factory=list)   # at the sooner side and at the later
    runs: int = 0

    def add(self, meeting: sdp_peers.Meeting) -> None:
        self.runs += 1
        if meeting.worst is not None:
            self.times.append(meeting.worst)
        if meeting.secured_ms is not None:
            self.secured.append(meeting.secured_ms)
            self.first_bytes.append(meeting.first_bytes_ms)

    @property
    def median(self) -> float | None:
        return statistics.median(self.times) if self.times else None

    def show_encrypted(self) -> list[str]:
        """Medians: both secured; the first byte at the sooner side and at the later."""
        if not self.secured:
            return ["-", "-"]
        return [f"{statistics.median(self.secured):.0f}", " / ".join(f"{statistics.median(side):.0f}" for side in zip(*self.first_bytes))]

    def show(self) -> str:
        if not self.runs:
            return "-"
        if not self.times:
            return f"none of {self.runs}"
        p90 = sorted(self.times)[math.ceil(0.9 * len(self.times)) - 1]
        share = "" if len(self.times) == self.runs else f" ({len(self.times)} of {self.runs})"
        return f"{self.median:.0f} / {p90:.0f}{share}"


def share_of(rounds: int, *shares: float) -> int:
    return max(1, round(rounds * math.prod(shares)))


def measure(row: Row, contenders: list[Contender], rounds: int, is_verbose: bool) -> dict[str, Cell]:
    """One after the other, again and again, so that a disturbance meets all alike."""
    cells = {one.name: Cell() for one in contenders}
    for number in range(share_of(rounds, row.rounds)):
        for one in contenders:
            if number >= share_of(rounds, row.rounds, one.rounds):
                continue
            met = one.run(row)
            cells[one.name].add(met)
            if is_verbose or met.worst is None:
                print(f"  {row.title}, {one.name}: {met.ms} {met.secured_ms} {met.first_bytes_ms}", *(met.said if met.worst is None else ()), sep="\n", file=sys.stderr)
    return cells


def ratio(cells: dict[str, Cell]) -> str:
    """The quickest of the others to punch."""
    ours = cells["punch"].median if "punch" in cells else None
    others = [cell.median for name, cell in cells.items() if name != "punch" and cell.median is not None]
    return f"{min(others) / ours:.2f}" if ours and others else "-"


def show_heading(contenders: list[Contender], rounds: int) -> None:
    print(f"{rounds} rounds in turn, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; milliseconds from being told of each "
          "other\nto a path on both sides, median / 90th percentile")
    print(f"{'':<34}" + "".join(f"{one.name:>22}" for one in contenders) + f"{'best other : punch':>22}"
          f"{'punch secured':>16}{'its first bytes':>18}", flush=True)


def bench(options) -> int:
    contenders = [CONTENDERS[name] for name in options.only or CONTENDERS]
    rows = [ROWS[name] for name in options.row or ROWS]
    with tempfile.TemporaryDirectory() as scratch:
        secret = Path(scratch, "secret")
        secret.write_text(SECRET + "\n")
        # Peers are killed when they are measured, so their relayed addresses are held for minutes.
        limits = [word for limit in ("", "-per-user", "-per-address") for word in (f"--max-relays{limit}", "10000")]
        server, _ = programs.serve("--listen", punching.SERVER, "--relay", "on", "--auth-secret-file", str(secret), *limits, host="server")
        with contextlib.closing(server.process.stdout), server:
            show_heading(contenders, options.rounds)
            for row in rows:
                cells = measure(row, contenders, options.rounds, options.verbose)
                secured, first_bytes = cells.get("punch", Cell()).show_encrypted()
                print(f"{row.title:<34}" + "".join(f"{cells[one.name].show():>22}" for one in contenders) + f"{ratio(cells):>22}"
                      f"{secured:>16}{first_bytes:>18}", flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench punch")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="this contender (repeatable)")
    parser.add_argument("--row", action="append", choices=ROWS, help="this pair of networks (repeatable)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print each run")
    options = parser.parse_args()
    if "NATLAB_NAME" in os.environ:
        return bench(options)
    if not NICE_PEER.exists():
        sys.exit("nice_peer is not built: libnice-dev is missing (scripts/setup test)")
    return subprocess.run([str(programs.NATLAB), "run", "--name", f"bench-{os.getpid()}", *SPECS, "--", sys.executable, __file__,
                           *sys.argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
