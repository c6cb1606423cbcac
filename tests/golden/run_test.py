#!/usr/bin/env python3
"""The golden runner and the check of the documentation must fail when what they guard is broken."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60)


class GoldenRunner(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def outcome(self, case: str, *options: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "x.golden").write_text(case)
        return run(str(HERE / "run.py"), "--tool", "sh=/bin/sh", *options, str(self.folder / "x.golden"))

    def test_what_is_as_written_passes(self) -> None:
        case = "# Why.\n$ sh -c 'echo one 17; echo two >&2; exit 3'\nexit 3\n--- stdout\none {number}\n--- stderr\ntwo\n"
        self.assertEqual(self.outcome(case).returncode, 0)

    def test_every_difference_fails(self) -> None:
        right = "$ sh -c 'echo one; echo two >&2; exit 3'\nexit 3\n--- stdout\none\n--- stderr\ntwo\n"
        self.assertEqual(self.outcome(right).returncode, 0)
        for was, becomes in [("exit 3\n---", "exit 0\n---"), ("\none\n", "\nother\n"), ("\ntwo\n", "\n"),
                             ("\none\n", "\none\nmore\n"), ("\none\n", "\n{number}\n")]:
            self.assertEqual(self.outcome(right.replace(was, becomes)).returncode, 1, becomes)

    def test_an_end_by_signal_is_told_as_a_shell_tells_it(self) -> None:
        case = "given signal TERM\n$ sh -c 'echo ready; read x < /dev/zero'\nexit 143\n--- stdout\nready\n--- stderr\n"
        self.assertEqual(self.outcome(case.replace("read x < /dev/zero", "while :; do :; done")).returncode, 0)

    def test_update_keeps_placeholders_that_still_match(self) -> None:
        self.outcome("$ sh -c 'echo 17; echo new'\nexit 9\n--- stdout\n{number}\n--- stderr\n", "--update")
        self.assertEqual((self.folder / "x.golden").read_text(),
                         "$ sh -c 'echo 17; echo new'\nexit 0\n--- stdout\n{number}\nnew\n--- stderr\n")

    def test_no_case_is_an_error(self) -> None:
        self.assertEqual(run(str(HERE / "run.py"), str(self.folder)).returncode, 2)


class DocumentationCheck(unittest.TestCase):
    def outcome(self, listed: str, manual: str, completion: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            tool = folder / "tool"
            tool.write_text("#!/bin/sh\ncat <<'TEXT'\n" + listed + "\nTEXT\n")
            tool.chmod(0o755)
            (folder / "manual").write_text(manual)
            (folder / "completion").write_text(completion)
            return run(str(HERE / "check_docs.py"), str(tool), str(folder / "manual"), str(folder / "completion"))

    def test_every_option_must_stand_everywhere(self) -> None:
        listed = "Options:\n      --one-thing N   see --other\n  -t, --two       text"
        manual = ".TP\n.BI \\-\\-one\\-thing \" N\"\nText.\n.TP\n.BR \\-t \", \" \\-\\-two\nText.\n"
        completion = "# --comment\nwords='--one-thing --two'\n"
        self.assertEqual(self.outcome(listed, manual, completion).returncode, 0)
        for wrong in [(listed + "\n      --three", manual, completion), (listed, manual.replace("two", "too"), completion),
                      (listed, manual, completion.replace("--two", "")), (listed, manual, completion + "--more"),
                      ("nothing", "", "")]:
            self.assertEqual(self.outcome(*wrong).returncode, 1, wrong)


if __name__ == "__main__":
    unittest.main()
