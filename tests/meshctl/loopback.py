"""Sessions of meshctl on this very host, over loopback: the real tool, without a lab. Standard library only."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

SESSION = "den"
SECONDS = 20.0   # a build with sanitizers on a busy machine

complaints: list[str] = []


def check(is_right: bool, what: str) -> bool:
    print(f"{'ok   ' if is_right else 'WRONG'} {what}", flush=True)
    if not is_right:
        complaints.append(what)
    return is_right


def until(condition: Callable[[], object], seconds: float = SECONDS) -> bool:
    end = time.monotonic() + seconds
    while not (is_so := condition()) and time.monotonic() < end:
        time.sleep(0.02)   # several processes are waited for at once
    return bool(is_so)


class Member(punching.Talker):
    """One process of meshctl, with a folder of its own for its socket, and no router that it could ask."""

    def __init__(self, server: str, name: str, command: str, *options: str):
        self.name = name
        self.place = server
        self.folder = tempfile.TemporaryDirectory(prefix="mesh-")
        super().__init__(name, [programs.own("meshctl"), command, SESSION, "--name", name, "--json", "--server", server, *options],
                         XDG_RUNTIME_DIR=self.folder.name, XDG_STATE_HOME=self.folder.name)

    def ask(self, *words: str, form: str = "--json") -> subprocess.CompletedProcess:
        command, *rest = words
        return subprocess.run([programs.own("meshctl"), command, SESSION, *rest, *([form] if form else [])], capture_output=True, text=True,
                              timeout=SECONDS, check=False, env={**os.environ, "XDG_RUNTIME_DIR": self.folder.name})

    @property
    def id(self) -> str:
        return self.find("joined")[0].event["member"]

    def status(self) -> dict:
        done = self.ask("status")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def members(self) -> dict[str, dict]:
        return {one["name"]: one for one in self.status().get("members", [])}

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.wait(SECONDS)


@contextlib.contextmanager
def session(*names: str, create: tuple[str, ...] = (), join: tuple[str, ...] = (), both: tuple[str, ...] = ()) -> Iterator[list[Member]]:
    """A server of its own, and these members one after the other; the first one leads."""
    server, udp = programs.serve("--listen", "127.0.0.1:0")
    members: list[Member] = []
    try:
        for name in names:
            is_first = not members
            members.append(Member(udp[0], name, "create" if is_first else "join", *(create if is_first else join), *both))
            if not check(members[-1].wait_for("joined", SECONDS), f"{name} {'begins the session' if is_first else 'joins'}"):
                break
        yield members
    finally:
        for member in members:
            member.end()
        server.end()
        if complaints:
            for member in members:
                print(member.story())


def finish() -> None:
    sys.exit(1 if complaints else 0)
