#!/usr/bin/env python3
"""punch --then pipe carries bytes between two homes, none lost, changed or in another order; while it does, the direct path is
cut, it goes on by the relay, and when the path is whole again it goes back to it.

    punch_pipe_test.py [--mib N] [--no-cut]      default: 48 MiB, which is slow enough with sanitizers

Prints the rate; a rate is no test, since a busy machine is no defect.
"""
import argparse
import hashlib
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

CUT = 'add table ip cut; add chain ip cut forward { type filter hook forward priority 0; }; add rule ip cut forward ip saddr 203.0.113.0/24 ip daddr 203.0.113.0/24 drop'
BLOCK = 1 << 20
PATIENCE = 240.0


def nft(script: str) -> None:
    subprocess.run(programs.inside("core", "nft", script), check=True)


class Sender:
    """Writes a repeatable stream into a pipe, in a thread; more until told to stop, if so wished."""

    def __init__(self, pipe, blocks: int):
        self.pipe, self.blocks, self.digest, self.sent = pipe, blocks, hashlib.sha256(), 0
        self.may_end = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        chance = random.Random(1)
        try:
            while self.sent < self.blocks * BLOCK or not self.may_end.is_set():
                block = chance.randbytes(BLOCK)
                self.pipe.write(block)
                self.digest.update(block)
                self.sent += BLOCK
            self.pipe.close()
        except (BrokenPipeError, ValueError):
            pass


class Receiver(punching.Punch):
    """Keeps a digest in place of the bytes."""

    def read_rest(self, source, is_carried: bool) -> None:
        self.digest, self.received = hashlib.sha256(), 0
        while part := source.read1(BLOCK):
            self.digest.update(part)
            self.received += len(part)


def kinds(peer: punching.Punch) -> list[str]:
    """Of the paths that were used, one after the other."""
    found: list[str] = []
    for one in peer.find("connected", "upgraded"):
        if not found or found[-1] != one.event["path"]["kind"]:
            found.append(one.event["path"]["kind"])
    return found


def is_on(peer: punching.Punch, way: str, after: int) -> bool:
    paths = peer.find("connected", "upgraded")
    return len(paths) > after and (paths[-1].event["path"]["kind"] == "relayed") == (way == "relay")


def cut_and_mend(peer: punching.Punch, complaints: list[str]) -> None:
    for script, way, what in ((CUT, "relay", "cut"), ("delete table ip cut", "direct", "mended")):
        before, at = len(peer.find("connected", "upgraded")), time.monotonic()
        nft(script)
        if not peer.until(lambda: is_on(peer, way, before), 60):
            complaints.append(f"{what}, and not gone over to the {way} path")
            continue
        print(f"{what}: on the {way} path after {(time.monotonic() - at) * 1000:.0f} ms", flush=True)
        time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=48)
    parser.add_argument("--no-cut", action="store_true")
    options = parser.parse_args()
    programs.beside_a_lab("home1=eim-apdf", "home2=eim-apdf")
    complaints: list[str] = []
    with programs.serve("--listen", punching.SERVER, "--relay", "on", host="server")[0]:
        words = ["pair", "pipe", "--then", "pipe"]
        one, other = punching.Punch("home1", *words, pipes=True), Receiver("home2", *words, pipes=True)
        other.process.stdin.close()
        sender = Sender(one.process.stdin, options.mib)
        one.wait_for("secured")
        at = time.monotonic()
        sender.thread.start()
        if not options.no_cut:
            other.until(lambda: other.received > BLOCK, 20)
            cut_and_mend(one, complaints)
        sender.may_end.set()
        ends = [peer.wait(PATIENCE) for peer in (one, other)]
    took = other.ended - at
    print(f"{other.received / BLOCK:.0f} MiB in {took:.1f} s, {other.received * 8 / took / 1e6:.0f} Mbit/s; paths of the sender: {', '.join(kinds(one))}")
    if ends != [0, 0]:
        complaints.append(f"exits {ends}, reasons {[one.reason, other.reason]}")
    if other.received != sender.sent or other.digest.digest() != sender.digest.digest():
        complaints.append(f"{sender.sent} bytes sent, {other.received} received, {'the same' if other.digest.digest() == sender.digest.digest() else 'not the same'}")
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    if complaints:
        print(one.story(), other.story(), sep="\n")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
