"""Members of sessions in a lab: real processes of meshctl, what they told and when. Standard library only.

A member's program starts when it is told to (`go`), not when its process is made: entering a namespace takes a good part of
what a join takes.
"""
import argparse
import collections
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

DELAY = "delay=12.5ms"   # at either end, so 50 ms there and back
RTT_MS = 50.0
SESSION = "den"
# Waits for a line before it becomes the program, so that several begin at one instant.
GATE = 'echo \'{"event":"waiting"}\'; read go; exec "$@"'

complaints: list[str] = []


def check(is_right: bool, what: str) -> None:
    print(f"{'ok   ' if is_right else 'WRONG'} {what}", flush=True)
    if not is_right:
        complaints.append(what)


def note(what: str) -> None:
    print(f"     {what}", flush=True)


class Member(punching.Talker):
    """One process of meshctl, with a folder of its own for its socket."""

    def __init__(self, host: str, command: str, *arguments: str, session: str | None = SESSION, name: str | None = None, server: bool = True):
        self.folder = tempfile.TemporaryDirectory(prefix="mesh-")
        self.session, self.name = session, name or host
        named = ("--server", punching.SERVER) if server and "--server" not in arguments else ()
        words = [programs.own("meshctl"), command, *([session] if session else []), *arguments, "--name", self.name, "--json", *named]
        super().__init__(host, programs.inside(host, "sh", "-c", GATE, "sh", *words), spoken_to=True, XDG_RUNTIME_DIR=self.folder.name)

    def go(self) -> "Member":
        self.wait_for("waiting")
        self.started = time.monotonic()
        self.type("")
        return self

    def type(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, *words: str) -> subprocess.CompletedProcess:
        command, *rest = words
        return subprocess.run([programs.own("meshctl"), command, self.session, *rest, "--json"], capture_output=True, text=True,
                              timeout=punching.END_SECONDS * 4, check=False, env={**os.environ, "XDG_RUNTIME_DIR": self.folder.name})

    @functools.cached_property
    def id(self) -> str:
        return self.find("joined")[0].event["member"]

    @property
    def is_in(self) -> bool:
        return bool(self.find("joined"))

    @property
    def joined_ms(self) -> float:
        return (self.find("joined")[0].at - self.started) * 1000

    @property
    def joined_after_registration_ms(self) -> float:
        return (self.find("joined")[0].at - self.find("registered")[0].at) * 1000

    def status(self) -> dict:
        done = self.ask("status")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def leaders(self) -> list[str]:
        return [one.event["new"] for one in self.find("host-changed")]

    def paths(self) -> dict[str, dict]:
        """The last word about each link that stands."""
        links = {one.event["peer"]: one.event for one in self.find("link")}
        return {peer: event for peer, event in links.items() if event["path"]}

    def linked_at(self, peers: set[str]) -> float | None:
        """When the first link with the last of these stood."""
        first: dict[str, float] = {}
        for one in self.find("link"):
            if one.event["path"] and one.event["peer"] in peers:
                first.setdefault(one.event["peer"], one.at)
        return max(first.values()) if first.keys() >= peers else None

    def believes(self) -> set[str]:
        """Who is a member, by the events that this one told."""
        known: set[str] = set()
        for one in self.said:
            if one.name == "joined":
                known = {each["member"] for each in one.event["members"]}
            elif one.name == "member-joined":
                known.add(one.event["member"])
            elif one.name == "member-left":
                known.discard(one.event["member"])
        return known

    def is_paused(self) -> bool:
        told = self.find("paused", "resumed", "joined")
        return bool(told) and told[-1].name == "paused"


def create(host: str, *options: str) -> Member:
    member = Member(host, "create", *options).go()
    check(member.wait_for("joined"), f"{host} begins a session")
    return member


def join(host: str, *options: str) -> Member:
    member = Member(host, "join", *options).go()
    check(member.wait_for("joined", 15), f"{host} joins")
    return member


def start_at_once(members: list[Member]) -> float:
    """When."""
    for member in members:
        member.wait_for("waiting")
    for member in members:
        member.go()
    return members[0].started


def until_all(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not (is_so := condition()) and time.monotonic() < end:
        time.sleep(0.02)   # several processes are waited for at once
    return is_so


def wait_for_new_host(members: list[Member], old: Member, since: float, what: str, most_ms: float = 10000) -> str | None:
    is_so = until_all(lambda: all(len(member.find("host-changed")) and member.find("host-changed")[-1].event["new"] != old.id for member in members))
    leaders = {member.leaders()[-1] for member in members}
    last = max((member.find("host-changed")[-1].at for member in members), default=since)
    took = (last - since) * 1000
    check(is_so and len(leaders) == 1 and took <= most_ms, f"{what}: all name one new host, after {took:.0f} ms")
    return leaders.pop() if len(leaders) == 1 else None


def full_status(member: Member, count: int) -> bool:
    status = member.status()
    return len(status.get("members", [])) == count and all(each["self"] or each["path"] for each in status["members"])


def of_one_mind(members: list[Member]) -> bool:
    """By what they told: one set of members, one host, nobody pauses."""
    ids = {member.id for member in members}
    return (all(member.believes() == ids and member.leaders() and not member.is_paused() for member in members)
            and len({member.leaders()[-1] for member in members}) == 1)


def host_of(members: list[Member]) -> Member | None:
    return next((one for one in members if one.status().get("state") == "host"), None)


def end_all(members: list[Member]) -> None:
    for member in members:
        if member.process.poll() is None:
            if member.find("waiting") and member.started:
                member.process.send_signal(signal.SIGTERM)
            else:
                member.process.kill()
    for member in members:
        member.wait(15)


def pairs(members: list) -> list[tuple]:
    return list(itertools.combinations(members, 2))


def counted(words: list[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(collections.Counter(words).items())) or "none"


SERVERS: list[programs.Program] = []


def serve(*options: str) -> programs.Program:
    server, _ = programs.serve("--listen", punching.SERVER, *(options or ("--relay", "on")), host="server")
    SERVERS.append(server)
    return server


def tell(stories: dict[str, Callable[[], list[Member]]], networks: dict[str, str], description: str, *server_options: str) -> int:
    """Each story with a server of its own; all in one lab."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stories", nargs="*", choices=[*stories, []], default=[])
    options = parser.parse_args()
    programs.beside_a_lab(*(f"{name}={kind},{DELAY}" for name, kind in networks.items()), f"server={DELAY}")
    for name in options.stories or stories:
        print(f"--- {name}: {stories[name].__doc__}", flush=True)
        before = len(complaints)
        with serve(*server_options):
            members = stories[name]()
            end_all(members)
        if SERVERS[-1].process.poll() is None:   # a story may have started another one in its place
            SERVERS[-1].end()
        if len(complaints) > before:
            print(*(member.story() for member in members), sep="\n")
    return int(bool(complaints))
