#!/usr/bin/env python3
"""Holds a tool's manual page and shell completion against its --help.

    tests/golden/check_docs.py TOOL_PATH MANUAL_PAGE COMPLETION

Every long option of --help, and of the --help of each of its commands, must stand in both, and neither may know one that
--help does not. Options are what --help lists with indentation; in the manual page those of .TP paragraphs, in the
completion all words with two dashes.
Exit status: 0 they agree, 1 they do not (one line for each difference), 2 wrong usage.
"""

import re
import subprocess
import sys
from pathlib import Path

OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def help_of(*words: str) -> str:
    return subprocess.run([*words, "--help"], check=True, capture_output=True, text=True, timeout=30).stdout


def commands_of(text: str) -> list[str]:
    section = re.search(r"^Commands:\n((?: .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^  ([a-z][a-z0-9-]*) ", section.group(1), re.MULTILINE) if section else []


def options_of_help(tool: str) -> set[str]:
    text = help_of(tool)
    text += "".join(help_of(tool, command) for command in commands_of(text))
    listed = re.findall(r"^ {2,6}(?:-\w, |    )?(--[a-z][a-z0-9-]*)", text, re.MULTILINE)
    return {option[2:] for option in listed}


def options_of_manual(text: str) -> set[str]:
    plain = re.sub(r"\\f[A-Z]|\\f\(..|\"", "", text.replace("\\-", "-"))
    heads = re.findall(r"^\.TP\b.*\n(.*)$", plain, re.MULTILINE)
    return {option for head in heads for option in OPTION.findall(head)}


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    tool, manual, completion = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    known = options_of_help(tool)
    code = "\n".join(line for line in completion.read_text().splitlines() if not line.lstrip().startswith("#"))
    sources = {manual: options_of_manual(manual.read_text()), completion: set(OPTION.findall(code))}
    found = [] if known else [f"{tool} --help lists no option at all"]
    for path, options in sources.items():
        found += [f"{path}: --{option} is missing" for option in sorted(known - options)]
        found += [f"{path}: --{option} is not in --help" for option in sorted(options - known)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
