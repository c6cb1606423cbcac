"""The tool `punch` in hosts of a lab: its events with the instants at which they came, its end. Standard library only."""
import atexit
import base64
import functools
import hashlib
import hmac
import json
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from programs import END_SECONDS, Host, inside, own

SERVER = "198.51.100.1"
SERVER6 = "2001:db8:ffff::1"
PATHS = ("connected", "upgraded")   # events that name the path in use
# Takes the port over: tells the peer its role until it has heard the peer's, and a little longer, since that packet may be lost.
TAKER = """
import os, socket, sys, time
def endpoint(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
local, remote, role = (os.environ["NATKIT_" + name] for name in ("LOCAL", "REMOTE", "ROLE"))
udp = socket.socket(socket.AF_INET6 if local.startswith("[") else socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(endpoint(local))
udp.settimeout(0.05)
heard, left, end = "", 5, time.monotonic() + 15
while left and time.monotonic() < end:
    udp.sendto(b"I am " + role.encode(), endpoint(remote))
    try:
        while True:
            data, source = udp.recvfrom(2000)
            if data.startswith(b"I am ") and source[1] == endpoint(remote)[1]:
                heard = data.decode()
                break
    except OSError:
        pass
    left -= bool(heard)
print(role, "heard:", heard)
sys.exit(7)
"""


def credentials(secret: str, user: str = "lab", seconds: int = 3600) -> tuple[str, str]:
    """A relay user's name and password out of the secret shared with the server, as coturn and rendezvousd make them."""
    name = f"{int(time.time()) + seconds}:{user}"
    return name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()


@functools.cache
def state_folder(host: Host) -> str:
    """A host's own, until this process ends: the journal of whoever runs the tests is not theirs to fill, and one journal for
    all hosts would make them wait for each other, and read in the middle of a meeting what thousands of runs left in it."""
    folder = tempfile.TemporaryDirectory(prefix="punch-")
    atexit.register(folder.cleanup)
    return folder.name


def secret_file(text: str) -> str:
    """Until this process ends."""
    file = tempfile.NamedTemporaryFile("w", prefix="punch-", delete=False)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    with file:
        file.write(text + "\n")
    return file.name


def relay(secret: str, url: str = SERVER) -> list[str]:
    """Options that name the server's relay."""
    user, password = credentials(secret)
    return ["--turn", url, "--turn-user", user, "--turn-password-file", secret_file(password)]


@dataclass
class Said:
    at: float     # time.monotonic() when it was read
    event: dict

    @property
    def name(self) -> str:
        return self.event.get("event", "")


class Talker:
    """One run of a tool that tells events. Its stdout is taken for them, unless it carries bytes (`pipes`): then its stderr is.
    Its stdin is a pipe where it is `spoken_to`."""

    def __init__(self, host: Host, command: list[str], pipes: bool = False, spoken_to: bool = False, **environment: str):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE if pipes or spoken_to else subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE,
                                        env={**os.environ, "XDG_STATE_HOME": state_folder(host), **environment})
        self.started, self.ended = time.monotonic(), 0.0
        self.host = host
        self.said: list[Said] = []
        self.other_lines: list[str] = []
        self.carried = b""
        self.carried_at: float | None = None   # time.monotonic() of the first byte
        self.news = threading.Condition()
        events, rest = (self.process.stderr, self.process.stdout) if pipes else (self.process.stdout, self.process.stderr)
        self.threads = [threading.Thread(target=self.read_events, args=(events,), daemon=True),
                        threading.Thread(target=self.read_rest, args=(rest, pipes), daemon=True),
                        threading.Thread(target=self.note_end, daemon=True)]
        for thread in self.threads:
            thread.start()

    def read_events(self, source) -> None:
        for line in source:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                self.other_lines.append(line.decode(errors="replace").rstrip())
                continue
            with self.news:
                self.said.append(Said(time.monotonic(), event))
                self.news.notify_all()

    def read_rest(self, source, is_carried: bool) -> None:
        if is_carried:
            while part := source.read1(65536):
                with self.news:
                    self.carried_at = self.carried_at or time.monotonic()
                    self.carried += part
                    self.news.notify_all()
        else:
            self.other_lines += [line.decode(errors="replace").rstrip() for line in source]

    def note_end(self) -> None:
        self.process.wait()
        with self.news:
            self.ended = time.monotonic()
            self.news.notify_all()

    def until(self, condition, seconds: float) -> bool:
        """Whether it came true in time; given up as soon as the program has ended."""
        with self.news:
            self.news.wait_for(lambda: condition() or self.ended, seconds)
        if self.ended:
            for thread in self.threads[:2]:
                thread.join(END_SECONDS)
        return bool(condition())

    def find(self, *names: str) -> list[Said]:
        return [one for one in self.said if one.name in names]

    def wait_for(self, name: str, seconds: float = 20.0) -> bool:
        return self.until(lambda: self.find(name), seconds)

    def wait(self, seconds: float = 30.0) -> int | None:
        """Its exit status; None: it was still running, and was killed."""
        in_time = self.until(lambda: self.ended, seconds)
        if not in_time:
            self.process.kill()
        status = self.process.wait()
        for thread in self.threads:
            thread.join(END_SECONDS)
        return status if in_time else None

    def kill(self) -> None:
        """SIGKILL: it says goodbye to nobody."""
        self.process.kill()
        self.process.wait()

    @property
    def reason(self) -> str | None:
        """Why it failed."""
        for one in reversed(self.said):
            if error := one.event.get("error"):
                return error.get("reason") if isinstance(error, dict) else error
        return None

    def story(self) -> str:
        """For a person who asks why."""
        lines = [f"  {(one.at - self.started) * 1000:7.0f} ms  {json.dumps(one.event)}" for one in self.said]
        return "\n".join([f"on {self.host}, exit {self.process.poll()}:", *lines, *(f"  {line}" for line in self.other_lines)])


class Punch(Talker):
    """One run of punch, which carries the peer's bytes with `pipes`."""

    def __init__(self, host: Host, *arguments: str, server: str = SERVER, pipes: bool = False, **environment: str):
        super().__init__(host, inside(host, own("punch"), *arguments, "--json", "--server", server), pipes, **environment)

    @property
    def connected_ms(self) -> float | None:
        """From `peer-found` to the first path."""
        found = self.find("connected")
        return found[0].event["elapsed_ms"] if found else None

    @property
    def secured_ms(self) -> float | None:
        """From `peer-found` to an encrypted channel."""
        found = self.find("secured")
        return found[0].event["elapsed_ms"] if found else None

    @property
    def first_byte_ms(self) -> float | None:
        """From `peer-found` to the first byte of the peer's, as whoever reads its standard output sees it."""
        found = self.find("peer-found")
        return (self.carried_at - found[0].at) * 1000 if found and self.carried_at else None

    @property
    def path(self) -> dict | None:
        """The last one it named."""
        found = self.find(*PATHS)
        return found[-1].event["path"] if found else None
