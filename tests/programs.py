"""Runs programs for tests: natkit's own, and other people's. Every wait has a bound, and what was started is ended by its
process id, however the test goes. Standard library only.
"""
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
NATLAB = ROOT / "scripts" / "natlab"
HAS_IPV6 = Path("/proc/sys/net/ipv6").is_dir()
NO_CACHE = "/dev/null"  # as XDG_CACHE_HOME: nothing is remembered, neither of earlier tests nor by who runs them
os.environ["XDG_CACHE_HOME"] = NO_CACHE
SKIPPED = 4            # as natlab ends where the system forbids namespaces, so that one code means it all
READY_SECONDS = 30.0   # a build with sanitizers on a busy machine
RUN_SECONDS = 60.0
END_SECONDS = 5.0


def skip(why: str) -> NoReturn:
    """For CTest (SKIP_RETURN_CODE): what the test needs is not on this machine."""
    print(f"skipped: {why}", flush=True)
    sys.exit(SKIPPED)


def own(tool: str) -> str:
    """A tool of ours: in $NATKIT_BIN (CTest sets it), else what was built last."""
    told = os.environ.get("NATKIT_BIN")
    built = [Path(told) / tool] if told else list((ROOT / "build").glob(f"*/bin/{tool}"))
    found = [path for path in built if os.access(path, os.X_OK)]
    if not found:
        sys.exit(f"{tool} is not built; cmake --preset dev && cmake --build build/dev --target {tool}")
    return str(max(found, key=lambda path: path.stat().st_mtime))


def foreign(program: str, package: str) -> str:
    return shutil.which(program) or skip(f"{program} is not installed (apt-get install {package})")


def make_certificate(folder: str, address: str) -> tuple[str, str]:
    """Of a server at that address, or on this host, signed by itself; and its key. Both are files of the folder."""
    openssl = foreign("openssl", "openssl")
    certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{address},DNS:localhost"],
                   check=True, capture_output=True, timeout=RUN_SECONDS)
    return certificate, key


class Program:
    """Something that runs until the test is through with it. Its output is read all the while, so it never blocks on it."""

    def __init__(self, *command: str, spoken_to: bool = False):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE if spoken_to else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace")
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, pattern: str) -> re.Match:
        """The first line not yet looked at that the pattern matches. Raises AssertionError when there comes none."""
        while True:
            try:
                line = self._lines.get(timeout=READY_SECONDS)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.process.args} never said /{pattern}/ but: {self.said}")
            self.said.append(line)
            if match := re.search(pattern, line):
                return match

    def wait(self, seconds: float = RUN_SECONDS) -> int:
        """Its exit status once it ends by itself; then `output` is complete."""
        status = self.process.wait(seconds)
        self._reader.join(END_SECONDS)
        return status

    def output(self) -> str:
        """All that it said; once it has ended."""
        while not self._lines.empty() and (line := self._lines.get()) is not None:
            self.said.append(line)
        return "\n".join(self.said)

    def end(self) -> int:
        """SIGTERM, and SIGKILL for who does not listen. Returns the exit status."""
        self.process.terminate()
        try:
            status = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join(END_SECONDS)
        self.process.stdout.close()
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        return status

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_) -> None:
        self.end()


# A host of the lab that this process was started beside (natlab run); how every command in some other host begins; or right here.
Host = str | tuple[str, ...] | None


def inside(host: Host, *command: str) -> list[str]:
    if isinstance(host, tuple):
        return [*host, *command]
    return [str(NATLAB), "exec", host, "--", *command] if host else list(command)


def serve(*arguments: str, host: Host = None) -> tuple[Program, list[str]]:
    """Starts rendezvousd; returns it with the UDP endpoints that its ready line names."""
    program = Program(*inside(host, own("rendezvousd"), "--log", "json", *arguments))
    try:
        ready = json.loads(program.wait_for(r'"event":\s*"ready"').string)
    except BaseException:
        program.end()
        raise
    return program, ready["udp"]


@dataclass
class Probed:
    """What one run of nat-probe left behind."""
    exit: int
    answer: dict
    stderr: str
    stdout: str = ""

    def value(self, path: str):
        found = self.answer
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def reasons(self, about: str) -> list[str]:
        return [item["reason"] for item in self.answer.get("evidence", []) if item["about"] == about]

    def __str__(self) -> str:
        return f"exit {self.exit}: {json.dumps(self.answer)} {self.stderr}"


def nat_probe(*arguments: str, host: str | None = None, wrapper: tuple[str, ...] = (), seconds: float = RUN_SECONDS,
              cache: str = NO_CACHE) -> Probed:
    command = [*wrapper, *inside(host, own("nat-probe"), "--json", *arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "NATKIT_SERVER"} | {"XDG_CACHE_HOME": cache}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=environment)
    lines = done.stdout.splitlines()
    return Probed(done.returncode, json.loads(lines[0]) if len(lines) == 1 else {}, done.stderr, done.stdout)


def beside_a_lab(*specs: str) -> None:
    """Goes on only inside `natlab run SPEC… -- this very program`: started without a lab, it becomes that command, and the
    lab ends with it. Where namespaces are forbidden natlab says so and ends with SKIPPED."""
    mine = "NATKIT_TEST_LAB"
    if os.environ.get(mine) == os.environ.get("NATLAB_NAME", ""):
        return
    name = f"test-{os.getpid()}"
    os.environ[mine] = name
    sys.stdout.flush()
    os.execv(NATLAB, [str(NATLAB), "run", "--name", name, *specs, "--", sys.executable, *sys.argv])


def members(behavior: str | list[str] | None) -> Iterator[str]:
    """The behaviours that a value of the report leaves possible; none: it is unknown."""
    if isinstance(behavior, str):
        yield behavior
    yield from behavior if isinstance(behavior, list) else ()
