#!/usr/bin/env python3
"""Sessions of meshctl between networks of the lab, by real NATs at 50 ms: who joins, who leads when the host is killed or leaves,
what is said, and how long each of it takes.

    mesh_test.py [life] [two] [routed] [apart]      all of them by default

Ends with 1 if something is wrong, and says what.
"""
import argparse
import functools
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

DELAY = "delay=12.5ms"   # at either end, so 50 ms there and back
HOMES = {"anna": "eim-apdf", "ben": "eim-eif", "carl": "public", "dora": "eim-adf", "emil": "apdm-apdf", "finn": "eim-apdf"}
SYMMETRIC = [f"sym{number}" for number in range(1, 8)]
SESSION = "den"

complaints: list[str] = []


def check(is_right: bool, what: str) -> None:
    print(f"{'ok   ' if is_right else 'WRONG'} {what}", flush=True)
    if not is_right:
        complaints.append(what)


class Member(punching.Talker):
    """One process of meshctl, with a folder of its own for its socket."""

    def __init__(self, host: str, command: str, *arguments: str, session: str = SESSION):
        self.folder = tempfile.TemporaryDirectory(prefix="mesh-")
        self.session = session
        super().__init__(host, programs.inside(host, programs.own("meshctl"), command, session, *arguments, "--name", host, "--json",
                                               "--server", punching.SERVER), XDG_RUNTIME_DIR=self.folder.name)

    def ask(self, *words: str) -> subprocess.CompletedProcess:
        command, *rest = words
        return subprocess.run([programs.own("meshctl"), command, self.session, *rest, "--json"], capture_output=True, text=True,
                              timeout=punching.END_SECONDS * 4, check=False,
                              env={**punching.os.environ, "XDG_RUNTIME_DIR": self.folder.name})

    @property
    def id(self) -> str:
        return self.find("joined")[0].event["member"]

    @functools.cached_property
    def joined_ms(self) -> float:
        return (self.find("joined")[0].at - self.started) * 1000

    def status(self) -> dict:
        done = self.ask("status")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def leaders(self) -> list[str]:
        return [one.event["new"] for one in self.find("host-changed")]


def create(host: str, *options: str) -> Member:
    member = Member(host, "create", *options)
    check(member.wait_for("joined"), f"{host} begins a session")
    return member


def join(host: str, *options: str) -> Member:
    member = Member(host, "join", *options)
    check(member.wait_for("joined", 15), f"{host} joins")
    return member


def until_all(condition, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not (is_so := condition()) and time.monotonic() < end:
        time.sleep(0.02)   # several processes are waited for at once
    return is_so


def wait_for_new_host(members: list[Member], old: Member, since: float, what: str) -> str | None:
    is_so = until_all(lambda: all(len(member.find("host-changed")) and member.find("host-changed")[-1].event["new"] != old.id for member in members))
    leaders = {member.leaders()[-1] for member in members}
    last = max((member.find("host-changed")[-1].at for member in members), default=since)
    check(is_so and len(leaders) == 1, f"{what}: all name one new host, after {(last - since) * 1000:.0f} ms")
    return leaders.pop() if len(leaders) == 1 else None


def full_status(member: Member, count: int) -> bool:
    status = member.status()
    return len(status.get("members", [])) == count and all(each["self"] or each["path"] for each in status["members"])


def end_all(members: list[Member]) -> None:
    for member in members:
        if member.process.poll() is None:
            member.process.send_signal(signal.SIGTERM)
    for member in members:
        member.wait(15)


def life() -> list[Member]:
    """Five come, the host is killed, a sixth comes, the new host leaves, the session is ended."""
    members = [create("anna")]
    started = time.monotonic()
    rest = [Member(host, "join") for host in ("ben", "carl", "dora", "emil")]
    members += rest
    check(until_all(lambda: all(one.find("joined") for one in rest), 20), f"four join at once, after {(time.monotonic() - started) * 1000:.0f} ms: "
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


SERVERS: list[programs.Program] = []
STORIES = {"life": life, "two": two, "routed": routed, "apart": apart}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", nargs="*", choices=[*STORIES, []], default=[])
    options = parser.parse_args()
    networks = {**HOMES, **{name: "apdm-apdf" for name in SYMMETRIC}}
    programs.beside_a_lab(*(f"{name}={kind},{DELAY}" for name, kind in networks.items()), f"server={DELAY}")
    for name in options.stories or STORIES:
        print(f"--- {name}: {STORIES[name].__doc__}", flush=True)
        before = len(complaints)
        server, _ = programs.serve("--listen", punching.SERVER, "--relay", "on", host="server")
        SERVERS.append(server)
        with server:
            members = STORIES[name]()
            end_all(members)
        if len(complaints) > before:
            print(*(member.story() for member in members), sep="\n")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
