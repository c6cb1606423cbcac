#!/usr/bin/env python3
"""punch --then exec between two networks: a program at each side takes the punched port over, and the two exchange UDP through
both NATs, with nobody between them any more.

    punch_exec_test.py

Prints a line for each pair; ends with 1 if one is wrong.
"""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

HOSTS = {"open": "public", "walled": "firewall", "home1": "eim-apdf", "home2": "eim-apdf", "cone": "eim-eif", "sym": "apdm-apdf"}
PAIRS = (("open", "walled"), ("home1", "home2"), ("home1", "open"), ("cone", "sym"), ("sym", "open"))
LINES = {"controlling heard: I am controlled", "controlled heard: I am controlling"}
PROGRAMS_END = 7   # the taker's own status, which punch must give on


def take_over(one: str, other: str) -> tuple[list[int], list[str]]:
    """Exit statuses, and what each side printed."""
    words = ["pair", f"{one} and {other}", "--server", punching.SERVER, "--map", "never", "--then", "exec", "--", sys.executable, "-c", punching.TAKER]
    sides = [subprocess.Popen(programs.inside(host, programs.own("punch"), *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for host in (one, other)]
    try:
        said = [side.communicate(timeout=programs.RUN_SECONDS)[0] for side in sides]
    finally:
        for side in sides:
            side.kill()
    return [side.wait() for side in sides], said


def main() -> int:
    programs.beside_a_lab(*(f"{name}={kind},delay=12.5ms" for name, kind in HOSTS.items()))
    wrong = 0
    for one, other in PAIRS:
        # A relay is there, and must not be used: it would end with punch.
        with programs.serve("--listen", punching.SERVER, "--relay", "on", host="server")[0]:
            statuses, said = take_over(one, other)
        is_right = statuses == [PROGRAMS_END] * 2 and {text.splitlines()[-1] for text in said if text} == LINES
        print(f"{'ok   ' if is_right else 'WRONG'} {HOSTS[one]} and {HOSTS[other]}: {statuses}", flush=True)
        if not is_right:
            wrong += 1
            print(*said, sep="\n", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
