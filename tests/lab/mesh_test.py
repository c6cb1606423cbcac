#!/usr/bin/env python3
"""Sessions of meshctl between networks of the lab, by real NATs at 50 ms: who joins, who leads when the host is killed or leaves,
what is said, and how long each of it takes.

    mesh_test.py [life] [two] [silent] [routed] [apart] [matched]      all of them by default

Ends with 1 if something is wrong, and says what.
"""
import os
import signal
import sys
import time
from pathlib import Path

from mesh_lab import (SERVERS, Member, check, create, full_status, join, serve, start_at_once, tell, until_all, wait_for_new_host)

HOMES = {"anna": "eim-apdf", "ben": "eim-eif", "carl": "public", "dora": "eim-adf", "emil": "apdm-apdf", "finn": "eim-apdf"}
SYMMETRIC = [f"sym{number}" for number in range(1, 8)]


def life() -> list[Member]:
    """Five come, the host is killed, a sixth comes, the new host leaves, the session is ended."""
    members = [create("anna")]
    rest = [Member(host, "join") for host in ("ben", "carl", "dora", "emil")]
    start_at_once(rest)
    members += rest
    check(until_all(lambda: all(one.find("joined") for one in rest), 20), "four join at once, after ms: "
          + ", ".join(f"{one.host} {one.joined_ms:.0f}" for one in rest if one.find("joined")))
    if not all(one.find("joined") for one in rest):
        return members
    check(until_all(lambda: all(full_status(one, 5) for one in members)), "everybody is linked with everybody")
    said = members[1].ask("send", "hello all")
    check(said.returncode == 0 and until_all(lambda: all(one.find("message") for one in members if one is not members[1])), "what ben says is heard by all")

    killed_at = time.monotonic()
    members[0].kill()
    survivors = members[1:]
    leader = wait_for_new_host(survivors, members[0], killed_at, "the host is killed")
    check(until_all(lambda: all(any(left.event["member"] == members[0].id and left.event["cause"] == "crashed" for left in one.find("member-left"))
                                for one in survivors)), "all hear that anna crashed")
    late = join("finn")
    members.append(late)
    survivors.append(late)
    check(until_all(lambda: full_status(late, 5)), "a sixth is linked with the four that are left")

    host = next((one for one in survivors if one.id == leader), survivors[0])
    left_at = time.monotonic()
    host.process.send_signal(signal.SIGINT)
    others = [one for one in survivors if one is not host]
    new = wait_for_new_host(others, host, left_at, "the host leaves")
    check(host.wait(10) == 130, f"who was interrupted: exit {host.process.returncode}")
    ending = next((one for one in others if one.id == new), others[0])
    refused = next(one for one in others if one is not ending).ask("end")
    check(refused.returncode == 4, f"only the host may end it: exit {refused.returncode}")
    until_all(lambda: ending.status().get("state") == "host")
    done = ending.ask("end")
    check(done.returncode == 0 and all(one.wait(10) == 0 for one in others), f"the host ends it for all: exits {[one.process.returncode for one in others]}")
    return members


def two() -> list[Member]:
    """Of two one is killed, and the other goes on."""
    members = [create("anna"), join("ben")]
    check(until_all(lambda: full_status(members[1], 2)), "two are linked")
    until_all(lambda: all(each["voter"] for each in members[1].status().get("members", [{"voter": False}])))
    # That all are ready is told of a view that ben knows both to have: until then a death would leave him in doubt.
    said = [one.ask("ready").returncode for one in members]
    check(said == [0, 0] and until_all(lambda: members[1].find("all-ready")), "both are ready, and know it")
    killed_at = time.monotonic()
    members[0].kill()
    wait_for_new_host(members[1:], members[0], killed_at, "one of two is killed")
    check(until_all(lambda: members[1].status().get("state") == "host"), "the other leads alone")
    return members


def signal_tool(member: Member, number: signal.Signals) -> None:
    """To the tool itself: who started it in its network hands signals on, but not these."""
    starter = member.process.pid
    for child in Path(f"/proc/{starter}/task/{starter}/children").read_text(encoding="ascii").split():
        os.kill(int(child), number)


def silent() -> list[Member]:
    """Of two one falls silent, as by a power cut: the server's vote lets the other go on."""
    members = [create("anna"), join("ben")]
    anna, ben = members
    check(until_all(lambda: full_status(ben, 2) and ben.status().get("witness") == "votes"), "two are linked, and the server votes")
    signal_tool(anna, signal.SIGSTOP)
    stopped_at = time.monotonic()
    wait_for_new_host([ben], anna, stopped_at, "the host falls silent", 3000)
    check(not ben.find("paused"), "the other never paused")
    check(until_all(lambda: ben.believes() == {ben.id}, 15), "the silent one is struck out")
    signal_tool(anna, signal.SIGCONT)
    check(until_all(lambda: full_status(anna, 2) and full_status(ben, 2), 20), "the silent one wakes and is back")
    check(until_all(lambda: anna.leaders()[-1] == ben.id), "and knows who leads")
    return members


def routed() -> list[Member]:
    """Behind symmetric NATs pairs have no path of their own: a willing member carries their packets, and no relay does."""
    members = [create("carl", "--relay-for-others", "30")]
    for host in SYMMETRIC[:3]:
        members.append(join(host))
    if not all(one.find("joined") for one in members):
        return members
    check(until_all(lambda: all(full_status(one, 4) for one in members), 20), "everybody is linked with everybody")
    kinds = {each["path"]["kind"] for one in members[1:] for each in one.status()["members"] if each["path"] and not each["host"]}
    check(kinds == {"routed"}, f"pairs behind symmetric NATs: {kinds}")
    said = members[1].ask("send", "hello all")
    check(said.returncode == 0 and until_all(lambda: all(one.find("message") for one in members if one is not members[1])), "what one says is heard by all")
    check(members[0].status()["carried_bytes"] > 0, "the willing member carried it")
    return members


def apart() -> list[Member]:
    """Without the server the session goes on, and so does the change of host."""
    members = [create("anna"), join("ben"), join("carl")]
    check(until_all(lambda: all(full_status(one, 3) for one in members)), "three are linked")
    SERVERS[-1].end()
    killed_at = time.monotonic()
    members[0].kill()
    wait_for_new_host(members[1:], members[0], killed_at, "server and host are gone")
    said = members[1].ask("send", "still here")
    check(said.returncode == 0 and until_all(lambda: members[2].find("message")), "the two that are left hear each other")
    return members


def matched() -> list[Member]:
    """Three who do not know each other are matched, and the one whom everybody reaches is to host: each has told what its NAT does."""
    SERVERS[-1].end()
    serve("--relay", "on", "--alternate", "198.51.100.2:3479")   # or nobody could tell what a NAT filters
    kinds = {"anna": "easy", "carl": "open", "emil": "hard"}
    members = [Member(host, "match", "--players", str(len(kinds)), session=None).go() for host in kinds]
    if check_all_joined(members):
        told = members[0].find("matched")[0].event
        for one in members:
            one.session = told["name"]
        known = {one["member"]: one["reach"] for one in told["players"]}
        check({one.host: known[one.id] for one in members} == kinds, f"the server knows how they are reached: {known}")
        check(told["host"] == members[1].id, "the one whom everybody reaches hosts")
        check(until_all(lambda: all(full_status(one, len(kinds)) for one in members)), "everybody is linked with everybody")
    return members


def check_all_joined(members: list[Member]) -> bool:
    is_so = until_all(lambda: all(one.find("joined") for one in members), 20)
    check(is_so, "all are in one session")
    return is_so


STORIES = {"life": life, "two": two, "silent": silent, "routed": routed, "apart": apart, "matched": matched}


if __name__ == "__main__":
    sys.exit(tell(STORIES, {**HOMES, **{name: "apdm-apdf" for name in SYMMETRIC}}, __doc__))
