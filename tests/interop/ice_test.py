#!/usr/bin/env python3
"""Our agent and other people's reach each other through SDP lines on loopback: controlling and controlled, all candidates
at once and trickled. Each sends the other a datagram.

    ice_test.py ICE_PEER natkit | libnice NICE_PEER | aioice
"""
import os
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 4
SECONDS = 12


def start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def carry(source: subprocess.Popen, target: subprocess.Popen) -> None:
    """What the one says is what the other reads."""
    try:
        while data := os.read(source.stdout.fileno(), 4096):
            target.stdin.write(data)
            target.stdin.flush()
    except (BrokenPipeError, ValueError, OSError):
        pass


def meet(one: list[str], other: list[str]) -> list[tuple[int, str]]:
    """Exit status and stderr of both."""
    pair = [start(one), start(other)]
    threads = [threading.Thread(target=carry, args=ends, daemon=True) for ends in (pair, reversed(pair))]
    for thread in threads:
        thread.start()
    said = [b"", b""]

    def read(index: int) -> None:
        said[index] = pair[index].stderr.read()

    readers = [threading.Thread(target=read, args=(index,), daemon=True) for index in (0, 1)]
    for reader in readers:
        reader.start()
    for process in pair:
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for reader in readers:
        reader.join(2)
    return [(process.returncode, text.decode(errors="replace")) for process, text in zip(pair, said)]


def main() -> int:
    ours, name, *rest = sys.argv[1:]
    failures = 0
    for role, theirs in (("controlling", "controlled"), ("controlled", "controlling"), ("controlling", "controlling")):
        for telling in ("all", "trickle"):
            for manner in ("aggressive", "regular") if name == "libnice" else ("",):
                command = {"natkit": [ours, theirs, telling, "natkit"],
                           "libnice": [*rest, theirs, telling, manner],
                           "aioice": ["/usr/bin/python3", str(HERE / "aioice_peer.py"), theirs, telling]}[name]
                us, them = meet([ours, role, telling, "natkit"], command)
                if them[0] == SKIPPED:
                    print("skipped: aioice is not installed (apt-get install python3-aioice)")
                    return SKIPPED
                selected = next((line for line in us[1].splitlines() if line.startswith("selected")), "nothing selected")
                good = us[0] == 0 and them[0] == 0 and "received:" in us[1] and "received: natkit" in them[1]
                print(f"{'ok    ' if good else 'FAILED'} ours {role}, {name} {theirs}, {telling} {manner}: {selected}", flush=True)
                if not good:
                    failures += 1
                    print(f"  ours {us[0]}: {us[1]}\n  {name} {them[0]}: {them[1]}", flush=True)
    return 1 if failures else 0


sys.exit(main())
