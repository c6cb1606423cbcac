#!/usr/bin/env python3
"""Runs command lines and compares what they print, and how they end, with what is written down.

    tests/golden/run.py --tool NAME=PATH [--update] CASE…      CASE: a file *.golden, or a folder of them

One file is one command line, written as in a manual:

    # Why this case is here.
    given busy-port             (optional) see below
    $ rendezvousd --listen 127.0.0.1:{busy-port}
    exit 2
    --- stdout
    --- stderr
    error: cannot listen on udp 127.0.0.1:{busy-port}: Address already in use

The command is split like a shell does, but no shell runs it; its first word must be a --tool. It runs in the folder of
its case file, with an empty environment but PATH, TERM=dumb and a UTF-8 locale, for at most 30 seconds. In expected
output {number}, {address} (an IP address), {port}, {version} and {any} (the rest of a line) stand for what varies.

    given busy-port             a UDP socket of ours holds 127.0.0.1:{busy-port} meanwhile
    given env NAME=VALUE        set for the command
    given signal TERM           sent once a line on stdout has begun with "ready" or is a "ready" event
    given scratch               an empty folder {scratch}, gone afterwards; `given env` after it may name it
    given network none          the command has a network of its own with nothing in it, so that it can ask nobody
    given closed stdout         standard output is closed
    given full stdout           standard output is /dev/full

An end by a signal is written as a shell tells it: exit 143 is SIGTERM. --update writes down what happens now; lines that
still match keep their placeholders. Exit status: 0 all as expected, 1 not, 2 wrong usage.
"""

import argparse
import difflib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

TIME_LIMIT_S = 30
PLACEHOLDERS = {
    "number": r"-?[0-9]+(?:\.[0-9]+)?",
    "port": r"[0-9]{1,5}",
    "address": r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)",
    "version": r"[0-9]+\.[0-9]+\.[0-9]+",
    "any": r".*",
}


@dataclass
class Case:
    path: Path
    comments: list[str] = field(default_factory=list)
    givens: list[list[str]] = field(default_factory=list)
    command: str = ""
    exit: int = 0
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = self.comments + ["given " + shlex.join(words) for words in self.givens]
        lines += ["$ " + self.command, f"exit {self.exit}", "--- stdout", *self.stdout, "--- stderr", *self.stderr]
        return "\n".join(lines) + "\n"


@dataclass
class Outcome:
    exit: int
    stdout: list[str]
    stderr: list[str]


def parse_case(path: Path) -> Case:
    case = Case(path)
    section = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line in ("--- stdout", "--- stderr"):
            section = case.stdout if line.endswith("stdout") else case.stderr
        elif section is not None:
            section.append(line)
        elif line.startswith("#"):
            case.comments.append(line)
        elif line.startswith("given "):
            case.givens.append(shlex.split(line)[1:])
        elif line.startswith("$ "):
            case.command = line[2:]
        elif line.startswith("exit "):
            case.exit = int(line[5:])
        elif line:
            raise ValueError(f"{path}: cannot make sense of {line!r}")
    if not case.command:
        raise ValueError(f"{path}: no command line ($ …)")
    return case


class Surroundings:
    """What the `given` lines ask for, as long as the command runs."""

    def __init__(self, case: Case):
        self.names: dict[str, str] = {}
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        # What a build with sanitizers needs to hear.
        self.environment |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        self.signal: signal.Signals | None = None
        self.stdout = "pipe"
        self.held: list[socket.socket] = []
        self.prefix: list[str] = []
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        for words in case.givens:
            match words:
                case ["busy-port"]:
                    busy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    busy.bind(("127.0.0.1", 0))
                    self.held.append(busy)
                    self.names["busy-port"] = str(busy.getsockname()[1])
                case ["env", setting]:
                    name, _, value = setting.partition("=")
                    self.environment[name] = self.fill_in(value)
                case ["scratch"]:
                    self.folder = tempfile.TemporaryDirectory()
                    self.names["scratch"] = self.folder.name
                case ["network", "none"]:
                    self.prefix = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
                case ["signal", name]:
                    self.signal = signal.Signals["SIG" + name]
                case [("closed" | "full") as how, "stdout"]:
                    self.stdout = how
                case _:
                    raise ValueError(f"{case.path}: unknown: given {' '.join(words)}")

    def fill_in(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    def take_out(self, line: str) -> str:
        for name, value in self.names.items():
            line = line.replace(value, "{" + name + "}")
        return line


def is_ready(line: str) -> bool:
    return line.startswith("ready") or '"event":"ready"' in line


def run(case: Case, tools: dict[str, str], around: Surroundings) -> Outcome:
    words = shlex.split(around.fill_in(case.command))
    if words[0] not in tools:
        raise ValueError(f"{case.path}: no --tool {words[0]}=PATH was given")
    command = [*around.prefix, tools[words[0]], *words[1:]]
    full = open("/dev/full", "wb") if around.stdout == "full" else None
    process = subprocess.Popen(
        command if around.stdout != "closed" else ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command],
        cwd=case.path.parent, env=around.environment, stdin=subprocess.DEVNULL,
        stdout=full or subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="backslashreplace")
    watchdog = threading.Timer(TIME_LIMIT_S, process.kill)
    watchdog.start()
    try:
        # Remarks are short and fit into the pipe, so the answer can be read line by line meanwhile.
        stdout = []
        for line in process.stdout or []:
            stdout.append(line.rstrip("\n"))
            if around.signal and is_ready(line):
                process.send_signal(around.signal)
        stderr = process.stderr.read().splitlines()
        code = process.wait()
    finally:
        watchdog.cancel()
        process.stderr.close()
        if process.stdout:
            process.stdout.close()
        if full:
            full.close()
    return Outcome(128 - code if code < 0 else code, stdout, stderr)


def pattern_of(expected: str, around: Surroundings) -> re.Pattern[str]:
    pieces = re.split(r"\{([a-z-]+)\}", expected)
    pattern = ""
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            pattern += re.escape(piece)
        elif piece in around.names:
            pattern += re.escape(around.names[piece])
        elif piece in PLACEHOLDERS:
            pattern += PLACEHOLDERS[piece]
        else:
            pattern += re.escape("{" + piece + "}")
    return re.compile(pattern)


def matches(expected: str, actual: str, around: Surroundings) -> bool:
    return pattern_of(expected, around).fullmatch(actual) is not None


def differences(case: Case, outcome: Outcome, around: Surroundings) -> list[str]:
    found = []
    if outcome.exit != case.exit:
        found.append(f"exit {outcome.exit}, expected {case.exit}")
    for name in ("stdout", "stderr"):
        expected, actual = getattr(case, name), getattr(outcome, name)
        if len(expected) == len(actual) and all(matches(e, a, around) for e, a in zip(expected, actual)):
            continue
        # Lines that match are made equal, so that the difference shows only what is wrong.
        shown = [next((e for e in expected if matches(e, a, around)), a) for a in actual]
        found += difflib.unified_diff(expected, shown, f"{name} expected", f"{name} now", lineterm="", n=1)
    return found


def update(case: Case, outcome: Outcome, around: Surroundings) -> None:
    for name in ("stdout", "stderr"):
        expected = getattr(case, name)
        now = [next((e for e in expected if matches(e, a, around)), around.take_out(a)) for a in getattr(outcome, name)]
        setattr(case, name, now)
    case.exit = outcome.exit
    case.path.write_text(case.text(), encoding="utf-8")


def check(path: Path, tools: dict[str, str], is_update: bool) -> bool:
    case = parse_case(path)
    around = Surroundings(case)
    outcome = run(case, tools, around)
    if is_update:
        update(case, outcome, around)
        return True
    found = differences(case, outcome, around)
    if found:
        print(f"{path}: $ {case.command}", *found, sep="\n    ")
    return not found


def main() -> int:
    description, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=description, epilog=rest,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", action="append", default=[], metavar="NAME=PATH", help="where a tool is; repeatable")
    parser.add_argument("--update", action="store_true", help="write down what happens now")
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASE")
    options = parser.parse_args()
    tools = {name: str(Path(path).absolute()) for name, _, path in (tool.partition("=") for tool in options.tool)}
    paths = [p for case in options.cases for p in (sorted(case.rglob("*.golden")) if case.is_dir() else [case])]
    try:
        results = [check(path, tools, options.update) for path in paths]
    except (OSError, ValueError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    if not paths:
        print("run.py: there is no case", file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
