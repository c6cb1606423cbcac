#!/usr/bin/env python3
"""Sessions of whom most sit behind symmetric NATs, at 50 ms: members that are willing carry their packets, and no relay does.

    mesh_symmetric_test.py [symmetric] [router_dies]      all of them by default

Ends with 1 if something is wrong, and says what.
"""
import itertools
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching
from mesh_lab import (Member, check, create, full_status, join, note, of_one_mind, pairs, start_at_once, tell, until_all)

SYMMETRIC = [f"sym{number}" for number in range(1, 8)]
NETWORKS = {"carl": "public", "emil": "public", **{name: "apdm-apdf" for name in SYMMETRIC}}
METRICS = f"{punching.SERVER}:8080"
LINE_PAUSE = 0.02   # 50 lines a second
MOST_SILENCE = 1.0


def metric(name: str) -> float:
    done = subprocess.run(programs.inside("server", "curl", "-s", f"http://{METRICS}/metrics"), capture_output=True, text=True, timeout=20, check=True)
    found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", done.stdout, re.MULTILINE)
    assert found, f"no {name} in {done.stdout}"
    return float(found[1])


def gather(routers: list[Member], hosts: list[str]) -> list[Member]:
    """Those behind symmetric NATs come at once."""
    rest = [Member(host, "join") for host in hosts]
    began = start_at_once(rest)
    members = routers + rest
    are_in = until_all(lambda: all(one.is_in for one in rest), 30)
    check(are_in, f"{len(hosts)} behind symmetric NATs join at once, after "
          + ", ".join(f"{(one.find('joined')[0].at - began) * 1000:.0f}" for one in rest if one.is_in) + " ms")
    if are_in:
        check(until_all(lambda: of_one_mind(members) and all(full_status(one, len(members)) for one in members), 20), "everybody is linked with everybody")
    return members


def heard(member: Member, text: str) -> bool:
    return any(one.event["text"] == text for one in member.find("message"))


def symmetric() -> list[Member]:
    """Seven behind symmetric NATs and one open member that carries for others: all 28 pairs talk both ways."""
    members = gather([create("carl", "--relay-for-others", "30")], SYMMETRIC)
    if not all(one.is_in for one in members):
        return members
    for one, other in itertools.permutations(members, 2):
        one.ask("send", "--to", other.host, f"{one.host} to {other.host}")
    talking = [(one, other) for one, other in pairs(members)
               if until_all(lambda: heard(one, f"{other.host} to {one.host}") and heard(other, f"{one.host} to {other.host}"), 5)]
    check(len(talking) == 28, f"{len(talking)} of 28 pairs talk, both ways")
    kinds = {path["path"]["kind"] for one, other in pairs(members[1:]) for path in (one.paths()[other.id], other.paths()[one.id])}
    check(kinds == {"routed"}, f"paths between those behind symmetric NATs: {kinds}")
    carried = members[0].status()["carried_bytes"]
    relayed = metric("natkit_relay_bytes_total")
    check(carried > 0 and relayed == 0, f"the open member carried {carried} bytes, the server's relay {relayed:.0f}")
    return members


class Lines:
    """Numbered lines that one types into the session, as long as this lasts."""

    def __init__(self, member: Member):
        self.member, self.typed, self.is_over = member, 0, False
        self.thread = threading.Thread(target=self.type, daemon=True)
        self.thread.start()

    def type(self) -> None:
        while not self.is_over:
            self.member.type(f"line {self.typed}")
            self.typed += 1
            time.sleep(LINE_PAUSE)   # the pace of a stream, not a wait

    def end(self) -> int:
        self.is_over = True
        self.thread.join()
        return self.typed


def lines_of(member: Member, sender: Member) -> list[tuple[float, int]]:
    return [(one.at, int(one.event["text"].split()[1])) for one in member.find("message")
            if one.event["from"] == sender.id and one.event["text"].startswith("line ")]


def router_dies() -> list[Member]:
    """Two carry for four behind symmetric NATs; one is killed while lines flow between those that it carries for."""
    routers = [create("emil", "--relay-for-others", "30"), join("carl", "--relay-for-others", "30")]
    rest = [Member(host, "join", *(("--chat",) if host == SYMMETRIC[0] else ())) for host in SYMMETRIC[:4]]
    start_at_once(rest)
    members = routers + rest
    check(until_all(lambda: all(one.is_in for one in rest), 30), "two routers and four behind symmetric NATs")
    if not all(one.is_in for one in rest):
        return members
    check(until_all(lambda: all(full_status(one, 6) for one in members), 20), "everybody is linked with everybody")
    speaker, listeners = rest[0], rest[1:]
    # Whoever carries most of the speaker's words, so that there is something to move.
    vias = [speaker.paths()[one.id]["via"] for one in listeners]
    dying = max(routers, key=lambda one: vias.count(one.id))
    living = next(one for one in routers if one is not dying)
    moved = [one for one in listeners if speaker.paths()[one.id]["via"] == dying.id or one.paths()[speaker.id]["via"] == dying.id]
    check(bool(moved), f"{dying.host} carries between {speaker.host} and {', '.join(one.host for one in moved)}")
    lines = Lines(speaker)
    until_all(lambda: all(len(lines_of(one, speaker)) > 50 for one in listeners))
    killed_at = time.monotonic()
    dying.kill()
    check(until_all(lambda: all(speaker.paths().get(one.id, {}).get("via") == living.id for one in listeners), 5), "all paths lead through the other one")
    until_all(lambda: all(lines_of(one, speaker)[-1][0] > killed_at + 3 for one in listeners))
    typed = lines.end()
    for one in listeners:
        until_all(lambda: len(lines_of(one, speaker)) == typed, 5)
        arrived = lines_of(one, speaker)
        silence = max(later[0] - earlier[0] for earlier, later in zip(arrived, arrived[1:]))
        check([number for _, number in arrived] == list(range(typed)), f"{one.host}: {len(arrived)} of {typed} lines, in order")
        check(silence <= MOST_SILENCE, f"{one.host}: at most {silence * 1000:.0f} ms between two lines{', carried by whom was killed' if one in moved else ''}")
    relayed = metric("natkit_relay_bytes_total")
    note(f"the server's relay carried {relayed:.0f} bytes")
    return members


STORIES = {"symmetric": symmetric, "router_dies": router_dies}

if __name__ == "__main__":
    sys.exit(tell(STORIES, NETWORKS, __doc__, "--relay", "on", "--http", METRICS))
