"""A checker that finds nothing is worth nothing: every rule of check_rooms.py is broken once here and must be named."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))
import check_rooms  # noqa: E402

SOUND = {
    "CMakeLists.txt": "project(sample)\n",
    "README.md": "sample\n",
    "apps/tool/CMakeLists.txt": "natkit_app(tool SOURCES main.cpp ROOMS cli)\n",
    "apps/tool/main.cpp": '#include <chrono>\n#include "natkit/base/a.hpp"\nauto t = std::chrono::steady_clock::now();\n',
    "lib/README.md": "| `base` |\n| `stun` |\n| `io` |\n",
    "lib/natkit/CMakeLists.txt": "add_subdirectory(base)\nadd_subdirectory(stun)\nadd_subdirectory(io)\n",
    "lib/natkit/base/CMakeLists.txt": "natkit_room(base HEADERS a.hpp)\n",
    "lib/natkit/base/a.hpp": "#pragma once\n#include <fmt/format.h>\n/// steady_clock::now() in words is no sin\nint f();\n",
    "lib/natkit/stun/CMakeLists.txt": "natkit_room(stun SOURCES s.cpp HEADERS s.hpp ROOMS base)\n",
    "lib/natkit/stun/s.hpp": '#pragma once\n#include "natkit/base/a.hpp"\nbool is_open();\n',
    "lib/natkit/stun/s.cpp": '#include "natkit/stun/inner.hpp"\n#include "natkit/stun/s.hpp"\n',
    "lib/natkit/stun/inner.hpp": "#pragma once\n",
    "lib/natkit/io/CMakeLists.txt": "natkit_room(io HEADERS i.hpp ROOMS stun)\n",
    "lib/natkit/io/i.hpp": '#pragma once\n#include <asio.hpp>\n#include "natkit/base/a.hpp"\n',
    "man/tool.1": "sample\n",
    "scripts/setup": "sample\n",
    "tests/stun/CMakeLists.txt": "natkit_test(stun SOURCES s_test.cpp)\n",
    "tests/stun/s_test.cpp": '#include "catch.hpp"\n#include "natkit/stun/s.hpp"\n',
    "tests/catch.hpp": "#pragma once\n#include <catch2/catch.hpp>\n",
}

# What is put into which file, and the rule that must be named for it at that line.
BROKEN = {
    "a room includes one below it": ("lib/natkit/base/a.hpp", '#pragma once\n#include "natkit/stun/s.hpp"\n', 2, "direction"),
    "a room includes a library that is not its own": ("lib/natkit/stun/s.cpp", "#include <asio.hpp>\n", 1, "outside"),
    "a machine includes a system header": ("lib/natkit/stun/s.cpp", "#include <sys/socket.h>\n", 1, "outside"),
    "a library nobody entered in the table": ("lib/natkit/io/i.hpp", "#pragma once\n#include <boost/asio.hpp>\n", 2, "outside"),
    "an included header does not exist": ("lib/natkit/stun/s.cpp", '\n#include "natkit/stun/gone.hpp"\n', 2, "include"),
    "a local header does not exist": ("apps/tool/main.cpp", '#include "gone.hpp"\n', 1, "include"),
    "a header without pragma once": ("lib/natkit/stun/s.hpp", "int f();\n", 1, "once"),
    "a source that CMake does not know": ("lib/natkit/stun/forgotten.cpp", "\n", 1, "listed"),
    "an installed header includes a private one": ("lib/natkit/stun/s.hpp", '#pragma once\n#include "natkit/stun/inner.hpp"\n', 2, "private"),
    "another room includes a private header": ("apps/tool/main.cpp", '#include "natkit/stun/inner.hpp"\n', 1, "private"),
    "a test that CMake does not know": ("tests/stun/forgotten_test.cpp", "\n", 1, "listed"),
    "a dependency between rooms that CMake does not know": ("lib/natkit/stun/CMakeLists.txt", "natkit_room(stun SOURCES s.cpp HEADERS s.hpp)\n", None, "linked"),
    "a machine reads a clock": ("lib/natkit/stun/s.cpp", "\nauto t = std::chrono::steady_clock::now();\n", 2, "clock"),
    "a unit test sleeps": ("tests/stun/s_test.cpp", "void f() { std::this_thread::sleep_for(1s); }\n", 1, "sleep"),
    "a machine draws its own lots": ("lib/natkit/stun/s.cpp", "int f() { return rand(); }\n", 1, "chance"),
    "a machine reads the environment": ("lib/natkit/stun/s.cpp", 'auto v = std::getenv("HOME");\n', 1, "environment"),
    "a library prints": ("lib/natkit/io/i.hpp", '#pragma once\ninline void f() { std::cout << 1; }\n', 2, "print"),
    "a bool parameter": ("lib/natkit/stun/s.hpp", "#pragma once\nvoid open(int a, bool fast);\n", 2, "bool"),
    "a file that never ends": ("lib/natkit/stun/s.cpp", "\n" * 700, 700, "length"),
    "something strange at the top": ("src/x.txt", "\n", 1, "top-level"),
    "a room that is not in the table": ("lib/natkit/util/x.txt", "\n", 1, "place"),
    "a test folder without a room": ("tests/misc/x.txt", "\n", 1, "place"),
    "a room that the map leaves out": ("lib/README.md", "| `base` |\n| `stun` |\n", 1, "map"),
    "rooms out of order": ("lib/natkit/CMakeLists.txt", "add_subdirectory(stun)\nadd_subdirectory(base)\n", 2, "order"),
}


class CheckRooms(unittest.TestCase):
    def findings(self, tree: dict[str, str]) -> list[check_rooms.Finding]:
        with tempfile.TemporaryDirectory() as root:
            for name, text in tree.items():
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_rooms.check(Path(root))

    def test_a_sound_tree_passes(self):
        self.assertEqual(self.findings(SOUND), [])

    def test_every_broken_rule_is_named_with_its_place_and_nothing_else_is(self):
        for why, (name, text, line, rule) in BROKEN.items():
            with self.subTest(why):
                found = self.findings(SOUND | {name: text})
                self.assertEqual({finding.rule for finding in found}, {rule}, found)
                if line:
                    self.assertIn(line, [finding.line for finding in found])

    def test_a_missing_part_of_the_top_level_is_named(self):
        found = self.findings({name: text for name, text in SOUND.items() if name != "man/tool.1"})
        self.assertIn("man:1: [top-level] is missing", map(str, found))

    def test_the_exit_status_tells_findings_from_a_wrong_call(self):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "lib/natkit").mkdir(parents=True)
            for argument, status in ((root, 1), ("/nowhere", 2)):
                done = subprocess.run([sys.executable, SCRIPTS / "check_rooms.py", argument], capture_output=True, timeout=30)
                self.assertEqual(done.returncode, status)


if __name__ == "__main__":
    unittest.main()
