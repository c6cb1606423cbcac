"""Sessions of meshctl between networks of a lab, by the kernel's NATs, 50 ms of round trip between any two and to the server.

Run through scripts/bench mesh, which builds what is measured. Six are measured as RakNet was: in the same kinds of networks, one
by one and five at once, and by the death of their host after some seconds of silence. 32 show what a member costs.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "lab")]
os.environ.setdefault("NATKIT_BIN", str(ROOT / "build" / "release" / "bin"))
import mesh_lab  # noqa: E402
import programs  # noqa: E402
from mesh_lab import Member  # noqa: E402

SIX = {"anna": "eim-apdf", "ben": "eim-eif", "carl": "firewall", "dora": "eim-adf", "emil": "public", "finn": "eim-apdf"}
MANY = {**SIX, "gina": "cgn", "hugo": "eim-apdf"}
CROWD = 32
SILENCE = 6.0   # before the host dies: RakNet was left alone for 6 to 11 s
IDLE = 5.0
SIZES = (2, 4, 8, 12, 16, 20, 24)
# RakNet, quoted: SLikeNet d5f775d, the fork of RakNet 4.082, its verified join with NAT punch-through, six peers in the same
# kinds of networks at the same 50 ms, Debian 12, release build; medians, measured by us in 2026 and not run here.
RAKNET_AT_ONCE_MS = 6300
RAKNET_ONE_BY_ONE_MS = (970, 1800, 2450, 2120, 3470)
RAKNET_NEW_HOST_MS = 8100


sessions = itertools.count(1)
present: list[Member] = []   # of the session that is measured


def begin(host: str, command: str, number: int = 0, *options: str) -> Member:
    name = host if number == 0 else f"{host}{number}"
    session = present[0].session if present else f"den{next(sessions)}"
    present.append(Member(host, command, *options, session=session, name=name))
    present[-1].wait_for("waiting")
    return present[-1]


def until(condition, what: str, seconds: float = 30.0) -> None:
    if mesh_lab.until_all(condition, seconds):
        return
    print(*(one.story() for one in present), sep="\n", file=sys.stderr)
    sys.exit(f"waited in vain for {what}")


def end() -> None:
    mesh_lab.end_all(present)
    present.clear()


def found(count: int) -> Member:
    host = begin("anna", "create", 0, "--max", str(count)).go()
    until(lambda: host.is_in and host.find("registered"), "the first one")
    time.sleep(0.5)   # its row is in the directory by then
    return host


def linked_ms(members: list[Member], since: float) -> float:
    """Until everybody has everybody."""
    ids = {one.id for one in members}
    until(lambda: all(one.linked_at(ids - {one.id}) for one in members), "all links")
    return (max(one.linked_at(ids - {one.id}) for one in members) - since) * 1000


def six_at_once() -> tuple[float, float, float]:
    """Everybody has all five others; everybody is in; after a kill everybody names one new host. ms"""
    members = [found(6)]
    rest = [begin(host, "join") for host in list(SIX)[1:]]
    since = mesh_lab.start_at_once(rest)
    members += rest
    until(lambda: all(one.is_in for one in rest), "five joiners")
    joined = (max(one.find("joined")[0].at for one in rest) - since) * 1000
    linked = linked_ms(members, since)
    until(lambda: mesh_lab.of_one_mind(members), "one mind")
    time.sleep(SILENCE)
    killed_at = time.monotonic()
    members[0].kill()
    until(lambda: all(one.leaders()[-1] != members[0].id for one in rest), "a new host")
    named = (max(one.find("host-changed")[-1].at for one in rest) - killed_at) * 1000
    end()
    return linked, joined, named


def six_one_by_one() -> list[float]:
    """Each joiner, until it has all that are there. ms"""
    members, times = [found(6)], []
    for host in list(SIX)[1:]:
        joiner = begin(host, "join").go()
        until(lambda: joiner.is_in, host)
        members.append(joiner)
        times.append(linked_ms(members, joiner.started))
    end()
    return times


def show_six(rounds: int) -> None:
    print(f"Six, as RakNet was measured; {rounds} rounds, medians (longest), ms. RakNet: SLikeNet d5f775d (fork of RakNet 4.082), quoted,\n"
          "measured in 2026 in the same kinds of networks at the same 50 ms; not run here.\n"
          f"{'':<52}{'meshctl':>16}{'RakNet':>10}{'RakNet : meshctl':>18}")
    runs = [six_at_once() for _ in range(rounds)]
    alone = [six_one_by_one() for _ in range(rounds)]

    def show(title: str, values: list[float], raknet: float | None) -> None:
        median = statistics.median(values)
        theirs = f"{raknet:>10}{raknet / median:>18.1f}" if raknet else f"{'-':>10}{'-':>18}"
        print(f"{title:<52}{f'{median:.0f} ({max(values):.0f})':>16}{theirs}", flush=True)
    show("five at once: everybody has all five others", [one[0] for one in runs], RAKNET_AT_ONCE_MS)
    show("five at once: everybody is told to be in", [one[1] for one in runs], None)
    for number, raknet in enumerate(RAKNET_ONE_BY_ONE_MS):
        show(f"one by one, joiner {number + 1}: has all that are there", [one[number] for one in alone], raknet)
    show("host killed after 6 s of silence: all name a new one", [one[2] for one in runs], RAKNET_NEW_HOST_MS)


# --- 32 --------------------------------------------------------------------------------------------------------------

def sent_bytes(host: str) -> int:
    """By all processes of that host, headers of IP and below included."""
    text = subprocess.run(programs.inside(host, "cat", "/proc/net/dev"), capture_output=True, text=True, timeout=20, check=True).stdout
    return sum(int(line.split(":")[1].split()[8]) for line in text.splitlines() if ":" in line and line.split(":")[0].strip() in ("lo", "eth0"))


def descendants(pid: int) -> list[int]:
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [each for child in children for each in descendants(child)]


def processes(member: Member) -> list[int]:
    """The member, and the process that says its last words."""
    return [pid for pid in descendants(member.process.pid) if Path(f"/proc/{pid}/comm").read_text().strip() == "meshctl"]


def cpu_seconds(pids: list[int]) -> float:
    def ticks(pid: int) -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])   # utime and stime, proc(5)
    return sum(ticks(pid) for pid in pids) / os.sysconf("SC_CLK_TCK")


def memory_kib(member: Member) -> tuple[int, int]:
    """Resident, and what would be free if it ended."""
    resident = private = 0
    for pid in processes(member):
        numbers = {line.split(":")[0]: int(line.split()[1]) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]}
        resident += numbers["Rss"]
        private += numbers["Private_Clean"] + numbers["Private_Dirty"]
    return resident, private


def show_size(members: list[Member], hosts: list[str], took_ms: float) -> None:
    """What a session of that size costs when nothing happens in it."""
    pids = [pid for member in members for pid in processes(member)]
    before, cpu, since = {host: sent_bytes(host) for host in hosts}, cpu_seconds(pids), time.monotonic()
    time.sleep(IDLE)
    cpu, seconds = cpu_seconds(pids) - cpu, time.monotonic() - since
    count = len(members)
    sent = sum(sent_bytes(host) - before[host] for host in hosts) / count / seconds
    memory = [memory_kib(member) for member in members]
    print(f"{count:>7}{took_ms:>10.0f}{sent / 1000:>12.1f}{sent / (count - 1):>12.0f}{cpu / seconds / count:>12.1%}"
          f"{statistics.median(one[0] for one in memory):>12.0f}{statistics.median(one[1] for one in memory):>10.0f}", flush=True)


def show_crowd(most: int) -> None:
    hosts = list(MANY)
    print(f"\nReal members, at most {most}, in {len(hosts)} networks, one by one. Of the last one: until it is in, ms. Of each, idle for {IDLE:.0f} s: kB/s sent,\n"
          "all headers included, and bytes/s to each other one; share of a processor; KiB resident, and its own; medians\n"
          f"{'members':>7}{'joins':>10}{'sends':>12}{'to each':>12}{'processor':>12}{'resident':>12}{'own':>10}", flush=True)
    members = [found(most)]
    while len(members) < most:
        number = len(members)
        joiner = begin(hosts[number % len(hosts)], "join", number // len(hosts), "--timeout", "30s").go()
        if not joiner.wait_for("joined", 30):
            print(f"member {number + 1} did not get in within 30 s: {os.cpu_count()} processors at a load of {os.getloadavg()[0]:.1f} carry no more")
            return end()
        members.append(joiner)
        if len(members) in SIZES or len(members) == most:
            until(lambda: mesh_lab.of_one_mind(members), "one mind")
            show_size(members, hosts, joiner.joined_ms)
    killed_at = time.monotonic()
    members[0].kill()
    rest = members[1:]
    until(lambda: all(one.leaders()[-1] != members[0].id for one in rest), "a new host")
    print(f"host killed: all {len(rest)} others name one new host after {(max(one.find('host-changed')[-1].at for one in rest) - killed_at) * 1000:.0f} ms", flush=True)
    end()


def bench(options) -> int:
    parts = options.part or ["six", "crowd"]
    with mesh_lab.serve("--relay", "off"):
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        if "six" in parts:
            show_six(options.rounds)
        if "crowd" in parts:
            show_crowd(options.members)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench mesh lab")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--members", type=int, default=CROWD)
    parser.add_argument("--part", action="append", choices=("six", "crowd"))
    options = parser.parse_args()
    if "NATLAB_NAME" in os.environ:
        return bench(options)
    specs = [*(f"{name}={kind},{mesh_lab.DELAY}" for name, kind in MANY.items()), f"server={mesh_lab.DELAY}"]
    return subprocess.run([str(programs.NATLAB), "run", "--name", f"bench-{os.getpid()}", *specs, "--", sys.executable, __file__,
                           *sys.argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
