"""The last part of the demo: a session of five hosts behind five kinds of NATs that outlives its host, told as a story."""
import functools
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable

SERVER = "198.51.100.1"
NAMES = ("anna", "ben", "carl", "dora", "emil", "finn")
PATIENCE = 20.0


class Teller:
    """One member; what it tells goes into a queue that all share, with its name and the instant."""

    def __init__(self, name: str, inside: Callable[..., list[str]], words: list[str], news: queue.Queue):
        self.name, self.news = name, news
        self.folder = tempfile.TemporaryDirectory(prefix="natkit-demo-")   # for its socket; one for all members would be one too few
        # The lab has its own use of that variable, so only the program in it is told.
        command = inside("env", f"XDG_RUNTIME_DIR={self.folder.name}", *words)
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.id = ""
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.news.put((time.monotonic(), self, json.loads(line)))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Story:
    def __init__(self, inside: Callable[..., list[str]], hosts: list[str], program: str, say: Callable[[str], None]):
        self.inside, self.hosts, self.program, self.print = inside, hosts, program, say
        self.news: queue.Queue = queue.Queue()
        self.members: dict[str, Teller] = {}
        self.names: dict[str, str] = {}
        self.start = time.monotonic()
        self.is_right = True

    def say(self, at: float, text: str) -> None:
        self.print(f"  {at - self.start:6.2f} s  {text}")

    def begin(self, name: str, command: str, *options: str) -> None:
        place = self.hosts[NAMES.index(name)]
        words = [self.program, command, "den", "--server", SERVER, "--name", name, "--json", *options]
        self.members[name] = Teller(name, functools.partial(self.inside, place), words, self.news)

    def until(self, expected: set[str], event: str) -> float:
        """Until each of these has told it; then how long the last one took."""
        since = time.monotonic()
        left, last = set(expected), since
        while left and time.monotonic() < since + PATIENCE:
            try:
                at, member, told = self.news.get(timeout=0.2)
            except queue.Empty:
                continue
            if told["event"] == "joined":
                member.id = told["member"]
                self.names[member.id] = member.name
            if told["event"] == event and member.name in left:
                left.discard(member.name)
                last = max(last, at)
                if event == "joined":
                    self.say(at, f"{member.name} is in, {len(told['members'])} members")
                if event == "host-changed" and not left:
                    self.say(at, f"{self.names.get(told['new'], '?')} leads, and all who are left agree ({told['cause']})")
        if left:
            self.is_right = False
            self.say(time.monotonic(), f"waited in vain for {event} of {', '.join(sorted(left))}")
        return last - since

    def ask(self, name: str, *words: str) -> str:
        return subprocess.run([self.program, *words], capture_output=True, text=True, timeout=PATIENCE,
                              env=self.members[name].environment).stdout

    def forget(self) -> None:
        while not self.news.empty():
            self.news.get()

    def tell(self) -> bool:
        self.begin("anna", "create", "--relay-for-others", "20")
        self.until({"anna"}, "joined")
        for name in NAMES[1:5]:
            self.begin(name, "join")
        self.until(set(NAMES[1:5]), "joined")
        self.print("\n".join("           " + line for line in self.ask("ben", "status", "den").splitlines()))
        time.sleep(1)   # so that all of them may vote
        self.forget()
        self.say(time.monotonic(), "anna, the host, is killed (kill -9)")
        self.members["anna"].end()
        took = self.until(set(NAMES[1:5]), "host-changed")
        self.say(time.monotonic(), f"that took {took * 1000:.0f} ms")
        self.begin("finn", "join")
        self.until({"finn"}, "joined")
        host = next((name for name in NAMES[1:5] if '"state":"host"' in self.ask(name, "status", "den", "--json")), "ben")
        self.say(time.monotonic(), f"{host} ends the session")
        self.ask(host, "end", "den")
        self.until(set(NAMES[1:]), "ended")
        return self.is_right and all(member.process.wait(PATIENCE) == 0 for member in self.members.values() if member.name != "anna")


def tell(inside: Callable[..., list[str]], hosts: list[str], program: str, say: Callable[[str], None]) -> bool:
    """Whether all went well. `hosts`: of the lab, as many as there are names."""
    story = Story(inside, hosts, program, say)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return story.tell()
    finally:
        for member in story.members.values():
            member.end()
