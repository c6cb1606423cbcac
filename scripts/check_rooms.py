#!/usr/bin/env python3
"""Checks that the source tree is built the way lib/README.md says: which room may include what, and where things live.

    scripts/check_rooms.py [ROOT]      ROOT is the top of the source tree; default: the tree this file is in

Prints one line per finding, "file:line: [rule] what is wrong; what to do", and exits 1 if there is any, 2 on wrong usage.
Reads text only: no compiler, no configuration, well under a second.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# In dependency order: a room may include itself and the rooms above it.
# The value names the outside libraries it may include; what `base` may include, everybody may.
ROOMS: dict[str, set[str]] = {
    "base": {"fmt"},
    "crypto": {"OpenSSL"},
    "stun": set(),
    "probe": set(),
    "portmap": set(),
    "turn": set(),
    "ice": set(),
    "channel": {"OpenSSL", "usrsctp"},
    "rendezvous": {"nlohmann_json"},
    "link": set(),
    "mesh": set(),
    "sim": {"files"},  # leaves a pcap when a test fails
    "report": {"nlohmann_json"},
    "io": {"asio", "libmicrohttpd", "miniupnpc", "hiredis", "prometheus-cpp", "system", "files", "threads"},
    "cli": {"CLI11", "system", "files", "streams"},
}
ROOMS_ABOVE = {room: set(list(ROOMS)[:place]) for place, room in enumerate(ROOMS)}
# Outside the rooms anything of ours may be included.
APPS = {"fmt", "CLI11", "system", "files", "streams"}
TESTS = {"fmt", "Catch2", "OpenSSL", "nlohmann_json", "CLI11", "asio", "system", "files", "streams", "threads"}
OTHER_TESTS = {"lab", "fuzz", "bench", "golden", "interop", "package", "scripts"}
TESTS_LIBRARIES = {"bench": TESTS | {"Google Benchmark"}, "interop": TESTS | {"libnice"}}

# Which header belongs to which library. A name without a slash or suffix that is not here is the C++ standard library.
HEADERS = [
    ("fmt", r"fmt/"),
    ("OpenSSL", r"openssl/"),
    ("asio", r"asio(\.hpp$|/)"),
    ("CLI11", r"CLI/"),
    ("nlohmann_json", r"nlohmann/"),
    ("miniupnpc", r"miniupnpc/"),
    ("usrsctp", r"usrsctp\.h$"),
    ("hiredis", r"hiredis/"),
    ("libmicrohttpd", r"microhttpd\.h$"),
    ("prometheus-cpp", r"prometheus/"),
    ("Catch2", r"catch2/"),
    ("Google Benchmark", r"benchmark/"),
    ("libnice", r"(nice/|glib\.h$)"),
    ("threads", r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token)$"),
    ("files", r"(fstream|filesystem|cstdio)$"),
    ("streams", r"(iostream|print|syncstream)$"),
    ("system", r"(sys|net|netinet|arpa|linux)/|[a-z0-9_]+\.h$"),
    ("standard", r"[a-z0-9_]+$"),
]

# Words that reach for the clock, the scheduler, chance, the environment or the terminal behind the caller's back.
IMPURE = [
    ("clock", r"(system|steady|high_resolution|utc|tai|gps|file)_clock\b|\b(clock_gettime|gettimeofday|timespec_get)\s*\("
     r"|\bstd::time\s*\(",
     "take an Instant as an argument"),
    ("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.>:])sleep\s*\(",
     "return the deadline from poll_timeout()"),
    ("chance", r"\brandom_device\b|\bmt19937(_64)?\b|(?<![\w.>])(std::)?s?rand\s*\(|\bgetrandom\s*\(",
     "take an Rng& as an argument"),
    ("environment", r"\b(secure_)?getenv\s*\(", "read it in cli and pass the value"),
]
PRINTS = ("print", r"\bstd::(cout|cerr|clog)\b|\b(fmt::print|std::print|printf|puts|perror)\s*\(",
          "return a string; only cli writes to stdout and stderr")
BOOL_PARAMETER = re.compile(r"[(,]\s*(?:const\s+)?bool\s+\w+\s*(?:=\s*\w+\s*)?[,)]")
MAX_LINES = 600  # "far past 500"

TOP_LEVEL = {"CMakeLists.txt", "apps", "lib", "tests", "scripts", "man", "README.md"}
TOP_LEVEL_BY_CUSTOM = {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CMakePresets.json"}

COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<fence>[^(\s]*)\(.*?\)(?P=fence)"|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)+\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


@dataclass(frozen=True, order=True)
class Finding:
    file: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: [{self.rule}] {self.text}"


class Source:
    """One C++ file: its text without comments, and without strings too where only code counts."""

    def __init__(self, root: Path, path: Path):
        self.path, self.name = path, path.relative_to(root).as_posix()
        self.raw = path.read_text(encoding="utf-8")
        self.with_strings = COMMENT_OR_STRING.sub(lambda m: m[0] if m[0][0] not in "/" else blank(m[0]), self.raw)
        self.code = COMMENT_OR_STRING.sub(lambda m: blank(m[0]), self.raw)

    @property
    def parts(self) -> tuple[str, ...]:
        return Path(self.name).parts

    @property
    def room(self) -> str | None:
        return self.parts[2] if self.parts[:2] == ("lib", "natkit") and len(self.parts) > 3 else None

    def includes(self) -> list[tuple[int, str, str]]:
        return [(line_of(self.with_strings, m.start(1)), m[1], m[2]) for m in INCLUDE.finditer(self.with_strings)]

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.name, line, rule, text)


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def library_of(header: str) -> str | None:
    return next((name for name, pattern in HEADERS if re.match(pattern, header)), None)


def allowed_libraries(source: Source) -> set[str]:
    if source.room:
        return ROOMS["base"] | ROOMS.get(source.room, set())
    if source.parts[0] == "apps":
        return APPS
    return TESTS_LIBRARIES.get(source.parts[1], TESTS)


def check_includes(root: Path, source: Source) -> list[Finding]:
    found = []
    for line, quote, header in source.includes():
        if header.startswith("natkit/"):
            found += check_room_include(root, source, line, header)
        elif quote == '"':
            places = [source.path.parent, *test_places(root, source)]
            if not any((place / header).is_file() for place in places):
                found.append(source.finding(line, "include", f'"{header}" is nowhere; outside headers go in <…>'))
        else:
            library = library_of(header)
            if library is None:
                found.append(source.finding(line, "outside", f"<{header}> belongs to no library this project knows; "
                                            "add it to HEADERS in scripts/check_rooms.py and to the table in lib/README.md"))
            elif library != "standard" and library not in allowed_libraries(source):
                found.append(source.finding(line, "outside", f"<{header}> ({library}) may not be included here; hide it "
                                            f"behind a room that may: {', '.join(rooms_with(library)) or 'none yet'}"))
    return found


def test_places(root: Path, source: Source) -> list[Path]:
    """Where else a test finds headers: among the tests, and in the tool whose parts it tests."""
    if source.parts[0] != "tests":
        return []
    tested = tools(root) if source.parts[1] == "fuzz" else {source.parts[1]} & tools(root)
    return [root / "tests", *(root / "apps" / tool for tool in sorted(tested))]


def tools(root: Path) -> set[str]:
    return {path.name for path in (root / "apps").glob("*") if path.is_dir()}


def rooms_with(library: str) -> list[str]:
    return [room for room, libraries in ROOMS.items() if library in libraries]


def check_room_include(root: Path, source: Source, line: int, header: str) -> list[Finding]:
    if not (root / "lib" / header).is_file():
        return [source.finding(line, "include", f'"{header}" is nowhere under lib/')]
    target = header.split("/")[1]
    if source.room in ROOMS_ABOVE.get(target, set()):
        return [source.finding(line, "direction", f"room {source.room} may not include {target}, which stands below it; "
                               f"move the idea up, or declare an interface in {source.room}")]
    return check_private(root, source, line, header)


def check_text(source: Source) -> list[Finding]:
    found = []
    if source.path.suffix == ".hpp" and "#pragma once" not in source.raw:
        found.append(source.finding(1, "once", "a header begins with #pragma once"))
    lines = source.raw.count("\n")
    if lines > MAX_LINES:
        found.append(source.finding(lines, "length", f"{lines} lines; cut it where one idea ends and the next begins"))
    patterns = []
    if is_pure(source):
        patterns += IMPURE
    if source.room and source.room != "cli":
        patterns.append(PRINTS)
    for rule, pattern, advice in patterns:
        for match in re.finditer(pattern, source.code):
            found.append(source.finding(line_of(source.code, match.start()), rule, f"{match[0].strip()}: {advice}"))
    if source.room and source.path.suffix == ".hpp":
        for match in BOOL_PARAMETER.finditer(source.code):
            found.append(source.finding(line_of(source.code, match.start()), "bool",
                                        "a bool parameter says nothing at the call; use an enum"))
    return found


def is_pure(source: Source) -> bool:
    """Rooms without time and chance of their own, and their tests. Tests against the real world read real clocks."""
    if source.room:
        return source.room not in ("io", "cli")
    return source.parts[0] == "tests" and source.parts[1] in ROOMS and source.parts[1] not in ("io", "cli")


def is_listed(root: Path, path: Path) -> bool | None:
    """Whether the nearest CMakeLists.txt names this file; None where there is no such file below the top."""
    for folder in path.parents:
        if folder == root:
            return None
        cmake = folder / "CMakeLists.txt"
        if cmake.is_file():
            names = [path.relative_to(folder).as_posix(), path.name.removesuffix("_fuzz.cpp")]
            text = cmake.read_text(encoding="utf-8")
            return any(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w./-])", text) for name in names)
    return None


def check_listed(root: Path, source: Source) -> list[Finding]:
    """A source that CMake does not know is not built and not tested. A header it does not know is private to its room."""
    if source.path.suffix == ".cpp" and not is_listed(root, source.path):
        return [source.finding(1, "listed", "not listed in the CMakeLists.txt of its folder")]
    return []


def check_private(root: Path, source: Source, line: int, header: str) -> list[Finding]:
    """Private headers are not installed: no installed header and no other room may include one."""
    path = root / "lib" / header
    of_the_room = source.room == path.parent.name or source.parts[:2] == ("tests", path.parent.name)
    installed = source.room and source.path.suffix == ".hpp" and is_listed(root, source.path)
    if (of_the_room and not installed) or is_listed(root, path):
        return []
    return [source.finding(line, "private", f'"{header}" is private to its room; list it under HEADERS there, '
                           "or do without it here")]


def check_places(root: Path) -> list[Finding]:
    found = []
    for name in sorted(name for name in TOP_LEVEL if not (root / name).exists()):
        found.append(Finding(name, 1, "top-level", "is missing"))
    for name in sorted(top_level(root) - TOP_LEVEL - TOP_LEVEL_BY_CUSTOM):
        if not name.startswith("."):
            found.append(Finding(name, 1, "top-level", "does not belong at the top; CONTRIBUTING.md says where things go"))
    found += unknown_folders(root, "lib", {"natkit"}, "lib/ holds natkit and README.md")
    found += unknown_folders(root, "lib/natkit", set(ROOMS),
                             "a new room is entered in scripts/check_rooms.py and lib/README.md first")
    found += unknown_folders(root, "tests", set(ROOMS) | OTHER_TESTS | tools(root),
                             "a test folder is named for the room or the tool it tests")
    found += check_room_order(root)
    map_of_rooms = root / "lib/README.md"
    text = map_of_rooms.read_text(encoding="utf-8") if map_of_rooms.is_file() else ""
    found += [Finding("lib/README.md", 1, "map", f"does not say what room {room} is for")
              for room in ROOMS if (root / "lib/natkit" / room).is_dir() and f"| `{room}` |" not in text]
    return found


def top_level(root: Path) -> set[str]:
    """What is under version control; in an unpacked archive, what is there."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "--cached"], capture_output=True, text=True)
        if listed.returncode == 0:
            return {name.split("/")[0] for name in listed.stdout.splitlines()}
    return {path.name for path in root.iterdir()} - {"build", "compile_commands.json", "CMakeUserPresets.json"}


def unknown_folders(root: Path, folder: str, known: set[str], advice: str) -> list[Finding]:
    there = [path.name for path in (root / folder).glob("*/") if path.is_dir() and path.name != "__pycache__"]
    return [Finding(f"{folder}/{name}", 1, "place", advice) for name in sorted(set(there) - known)]


def check_room_order(root: Path) -> list[Finding]:
    cmake = root / "lib/natkit/CMakeLists.txt"
    if not cmake.is_file():
        return []
    found, order, last = [], list(ROOMS), -1
    for line, text in enumerate(cmake.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r"\s*add_subdirectory\((\w+)\)", text)
        if match and match[1] in order:
            if order.index(match[1]) < last:
                found.append(Finding("lib/natkit/CMakeLists.txt", line, "order",
                                     f"{match[1]} stands too late; rooms stand in dependency order"))
            last = max(last, order.index(match[1]))
    return found


def check_linked(root: Path, sources: list[Source]) -> list[Finding]:
    """A room that includes another must say so in ROOMS, or its static library comes too late on the linker's line."""
    declared = {}
    for room in ROOMS:
        cmake = root / "lib/natkit" / room / "CMakeLists.txt"
        text = cmake.read_text(encoding="utf-8") if cmake.is_file() else ""
        lists = re.findall(r"\b(?:PRIVATE_)?ROOMS\b((?:\s+[a-z_]+)*)", text)
        declared[room] = {name for names in lists for name in names.split()}
    for room in ROOMS:  # in dependency order, so what lies above is complete
        declared[room] |= {far for near in declared[room] for far in declared.get(near, set())}
    found = []
    for source in (source for source in sources if source.room in ROOMS):
        for line, _, header in source.includes():
            room = header.split("/")[1] if header.startswith("natkit/") else None
            if room in ROOMS_ABOVE[source.room] and room not in declared[source.room]:
                found.append(source.finding(line, "linked", f"add {room} to ROOMS in lib/natkit/{source.room}/CMakeLists.txt"))
    return found


def check(root: Path) -> list[Finding]:
    sources = [Source(root, path) for folder in ("lib", "apps", "tests") for path in (root / folder).rglob("*.[ch]pp")]
    found = check_places(root) + check_linked(root, sources)
    for source in sources:
        found += check_includes(root, source) + check_text(source) + check_listed(root, source)
    return sorted(found)


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if len(arguments) > 1 or not (root / "lib/natkit").is_dir():
        print("usage: check_rooms.py [ROOT], where ROOT has lib/natkit in it", file=sys.stderr)
        return 2
    found = check(root)
    for finding in found:
        print(finding)
    if found:
        print(f"{len(found)} finding(s). The rules and their reasons: lib/README.md", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
