"""Every script a person may start says what it does, and refuses what it does not know, before it does anything."""

import subprocess
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = ["bench", "demo", "fuzz", "natlab", "screenshots", "setup", "soak", "test", "tidy"]


def run(name: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([SCRIPTS / name, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


class Manners(unittest.TestCase):
    def test_help_goes_to_stdout_and_is_no_error(self):
        for name in NAMES:
            with self.subTest(name):
                done = run(name, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertRegex(done.stdout, "(?i)usage")

    def test_an_unknown_word_is_a_usage_error_on_stderr(self):
        for name in ("bench", "demo", "natlab", "screenshots", "setup", "soak", "tidy"):  # test passes what it does not know to ctest
            with self.subTest(name):
                done = run(name, "--no-such-thing")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")

    def test_setup_lists_packages_without_installing_any(self):
        done = run("setup", "--list", "build", "check")
        self.assertEqual(done.returncode, 0)
        self.assertTrue({"cmake", "libasio-dev", "clang-tidy-19"} <= set(done.stdout.split()))


if __name__ == "__main__":
    unittest.main()
