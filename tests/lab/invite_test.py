#!/usr/bin/env python3
"""Sessions of meshctl without a server between networks of the lab, by real NATs at 50 ms: who joins by whose invite, and who
finds whom again.

    invite_test.py [alone] [survivors] [dead-server] [again] [door]      all of them by default

Ends with 1 if something is wrong, and says what.
"""
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching
from mesh_lab import SERVERS, Member, check, create, end_all, full_status, join, tell, until_all, wait_for_new_host

HOMES = {"anna": "public", "ben": "eim-eif", "carl": "eim-apdf", "dora": "eim-adf", "emil": "apdm-apdf", "finn": "eim-apdf"}


class Guest(Member):
    """A member that is told of no server; it may be named after an invite."""

    def __init__(self, host: str, command: str, session: str, *arguments: str):
        super().__init__(host, command, *arguments, session=session, server=False)
        if command == "join":
            self.session = "den"
        self.go()


def invite(member: Member) -> dict:
    done = member.ask("invite")
    return json.loads(done.stdout) if done.returncode == 0 else {}


def found(host: str) -> Guest:
    member = Guest(host, "create", "den", "--as-rendezvous")
    check(member.wait_for("invite") and bool(member.find("joined")), f"{host} begins a session without a server, and invites after "
          f"{(member.find('invite')[0].at - member.started) * 1000 if member.find('invite') else -1:.0f} ms")
    return member


def join_by(host: str, text: str) -> Guest:
    member = Guest(host, "join", text)
    check(member.wait_for("joined", 15), f"{host} joins by an invite" + (f" after {member.joined_ms:.0f} ms" if member.find("joined") else ""))
    return member


def invite_of(member: Guest, entries: int) -> str:
    """Once it knows where so many members are."""
    until_all(lambda: len(invite(member).get("entries", [])) >= entries)
    made = invite(member)
    check(len(made.get("entries", [])) >= entries, f"{member.host} makes an invite with {len(made.get('entries', []))} members, {len(made.get('invite', ''))} characters")
    return made.get("invite", "")


def paths(member: Member) -> dict[str, str]:
    return {each["name"]: each["path"]["kind"] for each in member.status().get("members", []) if each["path"]}


def alone() -> list[Member]:
    """No server at all: five join by the founder's invite, and those behind NATs meet directly. One behind a NAT can invite its own network only."""
    members = [found("anna")]
    made = members[0].find("invite")[0].event
    check(made["scope"] == "anywhere" and len(made["entries"]) == 1, f"the invite of a public host is for {made['scope']}")
    members += [join_by(host, made["invite"]) for host in ("ben", "carl", "dora", "finn")]
    if not all(one.find("joined") for one in members):
        return members
    check(until_all(lambda: all(full_status(one, 5) for one in members)), "everybody is linked with everybody")
    kinds = {(one.host, name): kind for one in members for name, kind in paths(one).items()}
    check(set(kinds.values()) <= {"host", "reflexive", "mapped"}, f"all are linked directly: {sorted(set(kinds.values()))}")
    said = members[1].ask("send", "hello all")
    check(said.returncode == 0 and until_all(lambda: all(one.find("message") for one in members if one is not members[1])), "what ben says is heard by all")
    hidden = Guest("emil", "create", "den", "--as-rendezvous")
    members.append(hidden)
    check(hidden.wait_for("invite") and hidden.find("invite")[0].event["scope"] == "network", "behind a NAT that nothing maps the invite is for the own network only")
    lost = Guest("emil", "join", hidden.find("invite")[0].event["invite"].replace("A", "B", 1))
    check(lost.wait(10) == 2 and lost.reason == "invite-garbled", f"a garbled invite: exit {lost.process.returncode}, {lost.reason}")
    return members


def survivors() -> list[Member]:
    """The founder is killed; a fourth joins by the invite of one that is left, behind a NAT that lets strangers in."""
    members = [found("anna")]
    text = members[0].find("invite")[0].event["invite"]
    members += [join_by("ben", text), join_by("carl", text)]
    if not all(one.find("joined") for one in members):
        return members
    until_all(lambda: all(each["voter"] for each in members[2].status().get("members", [{"voter": False}])))
    invite_of(members[2], 3)
    killed_at = time.monotonic()
    members[0].kill()
    wait_for_new_host(members[1:], members[0], killed_at, "the founder is killed")
    until_all(lambda: len(members[2].status().get("members", [])) == 2)
    members.append(join_by("dora", invite(members[2])["invite"]))
    check(until_all(lambda: full_status(members[3], 3)), "who joined is linked with all that are left")
    gone = Guest("finn", "join", text, "--timeout", "3s")
    check(gone.wait(10) == 5 and gone.reason == "timeout" and "knocked at" in gone.story(), f"the founder's invite leads nowhere now: exit {gone.process.returncode}")
    return members


def dead_server() -> list[Member]:
    """The server dies, and one more joins by a member's invite."""
    members = [create("ben", "--relay-for-others", "10"), *(join(host) for host in ("carl", "dora", "emil"))]
    check(until_all(lambda: all(full_status(one, 4) for one in members)), "four are linked")
    SERVERS[-1].end()
    made = invite(members[1])
    check(len(made.get("entries", [])) == 4 and made["scope"] == "perhaps", f"with the server dead carl makes an invite that is for {made.get('scope')}")
    members.append(join_by("finn", made["invite"]))
    check(until_all(lambda: full_status(members[-1], 5), 20), "who joined is linked with all")
    return members


def cut_and_mend(members: list[Member], address: str) -> None:
    """Carl cannot reach that address until nobody has anything left of the link."""
    route = programs.inside("carl", "ip", "route")
    subprocess.run([*route, "add", "blackhole", address], check=True, timeout=10)
    check(until_all(lambda: not any(full_status(one, 2) for one in members), 40), "cut off, their link dies")
    time.sleep(5)
    subprocess.run([*route, "del", "blackhole", address], check=True, timeout=10)
    mended = time.monotonic()
    check(until_all(lambda: all(full_status(one, 2) for one in members), 60), f"mended, they are linked again after {time.monotonic() - mended:.1f} s")


def again() -> list[Member]:
    """Two are cut off for longer than their link lives, and find each other again without help."""
    members = [found("anna")]
    invited = members[0].find("invite")[0].event
    address = invited["entries"][0]["endpoints"][0].rpartition(":")[0]
    members.append(join_by("carl", invited["invite"]))
    check(until_all(lambda: full_status(members[0], 2)), "two are linked")
    cut_and_mend(members, address)
    return members


def door() -> list[Member]:
    """Two behind NATs that let nobody in are cut off from each other for long; the server is all that is left to go by."""
    members = [create("carl"), join("finn")]
    check(until_all(lambda: full_status(members[0], 2)), "two are linked")
    address = next(each["path"]["remote"] for each in members[0].status()["members"] if each["path"]).rpartition(":")[0]
    cut_and_mend(members, address)
    return members


STORIES = {"alone": alone, "survivors": survivors, "dead-server": dead_server, "again": again, "door": door}


if __name__ == "__main__":
    sys.exit(tell(STORIES, HOMES, __doc__))
