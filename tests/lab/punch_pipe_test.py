#!/usr/bin/env python3
"""A long stream through a punched path between two homes: byte for byte, at what speed; and when the direct path is cut while
it runs, it goes on by the relay, and comes back to the direct path once that is there again.

Usage: punch_pipe_test.py [--megabytes N]      of each of the three parts (default 32; 342 make one GiB)

The speed is printed, not judged: a build with sanitizers on a busy machine says nothing about it.
"""
import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

MEGABYTE = 1 << 20
PATIENCE = 60.0
BLOCK = os.urandom(MEGABYTE - 8)


def chunk(number: int) -> bytes:
    """Every megabyte is another one, and the receiver knows it as well."""
    return number.to_bytes(8, "big") + BLOCK


class Side:
    """One punch: its events are read from stderr, for stdout carries bytes."""

    def __init__(self, host: str, *arguments: str):
        self.process = subprocess.Popen(programs.inside(host, programs.own("punch"), *arguments, "--json", "--server", punching.SERVER),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.news = threading.Condition()
        self.paths: list[str] = []   # kinds, as they came into use
        self.said: list[str] = []
        threading.Thread(target=self.read_events, daemon=True).start()

    def read_events(self) -> None:
        for line in self.process.stderr:
            with self.news:
                self.said.append(line.decode(errors="replace").rstrip())
                event = json.loads(line) if line.startswith(b"{") else {}
                if event.get("event") in punching.PATHS:
                    self.paths.append(event["path"]["kind"])
                self.news.notify_all()

    def uses(self, *kinds: str) -> bool:
        return bool(self.paths) and self.paths[-1] in kinds

    def wait_for_path(self, *kinds: str) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.uses(*kinds), PATIENCE), f"no {kinds} path, but {self.paths}: {self.said}"


class Receiver(threading.Thread):
    """Takes what arrives, and compares it."""

    def __init__(self, source):
        super().__init__(daemon=True)
        self.source, self.megabytes, self.wrong, self.news = source, 0, None, threading.Condition()

    def run(self) -> None:
        while piece := self.source.read(MEGABYTE):
            with self.news:
                if piece != chunk(self.megabytes):
                    self.wrong = self.wrong or f"megabyte {self.megabytes} differs, {len(piece)} bytes"
                self.megabytes += 1
                self.news.notify_all()

    def wait_for(self, megabytes: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: self.wrong or self.megabytes >= megabytes, PATIENCE * 4), f"{self.megabytes} of {megabytes} arrived"
        assert not self.wrong, self.wrong


def cut(hosts: tuple[str, str]) -> None:
    """Between the two homes nothing passes any more; both still reach the server."""
    a, b = (os.environ[f"NATLAB_{host.upper()}_PUBLIC"] for host in hosts)
    rules = (f"add table inet cut; add chain inet cut here {{ type filter hook forward priority -10; }}; "
             f"add rule inet cut here ip saddr {a} ip daddr {b} drop; add rule inet cut here ip saddr {b} ip daddr {a} drop")
    subprocess.run(programs.inside("core", "nft", rules), check=True)


def mend() -> None:
    subprocess.run(programs.inside("core", "nft", "delete table inet cut"), check=True)


def send(target, first: int, count: int) -> int:
    for number in range(first, first + count):
        target.write(chunk(number))
    target.flush()
    return first + count


def carry(part: int) -> None:
    hosts = ("one", "two")
    server, _ = programs.serve("--listen", punching.SERVER, "--relay", "on", host="server")
    with server:
        options = ["den", "--then", "pipe", "--map", "never"]
        sender, receiver = Side(hosts[0], "pair", *options), Side(hosts[1], "pair", *options)
        try:
            receiver.process.stdin.close()
            taken = Receiver(receiver.process.stdout)
            taken.start()
            sender.wait_for_path("reflexive")
            began = time.monotonic()
            sent = send(sender.process.stdin, 0, part)
            taken.wait_for(sent)
            speed = part * MEGABYTE * 8 / (time.monotonic() - began) / 1e6
            cut(hosts)
            mark = time.monotonic()
            sent = send(sender.process.stdin, sent, part)
            sender.wait_for_path("relayed")
            taken.wait_for(sent)
            by_relay = time.monotonic() - mark
            mend()
            mark = time.monotonic()
            while not sender.uses("reflexive"):   # it has something to do all the while
                sent = send(sender.process.stdin, sent, 1)
                taken.wait_for(sent)
                assert time.monotonic() - mark < PATIENCE, f"never came back: {sender.paths} {sender.said}"
            back = time.monotonic() - mark
            sent = send(sender.process.stdin, sent, part)
            sender.process.stdin.close()
            taken.wait_for(sent)
            ends = sender.process.wait(PATIENCE), receiver.process.wait(PATIENCE)
            taken.join(PATIENCE)
            assert ends == (0, 0), (ends, sender.said, receiver.said)
            assert taken.megabytes == sent and not taken.wrong, (taken.megabytes, sent, taken.wrong)
            print(f"{sent} MiB byte for byte; directly {speed:.0f} Mbit/s; cut, {part} MiB by the relay in {by_relay:.1f} s; "
                  f"{back:.1f} s after the cut was mended directly again; paths {sender.paths}")
        finally:
            for side in (sender, receiver):
                side.process.kill()
                side.process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=32, metavar="N")
    options = parser.parse_args()
    programs.beside_a_lab("one=eim-apdf", "two=eim-apdf")
    carry(options.megabytes)
    return 0


sys.exit(main())
