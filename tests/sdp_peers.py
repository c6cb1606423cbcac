"""ICE agents as programs that say SDP lines on stdout, read the peer's on stdin, and tell on stderr what they selected: ours
(ice_peer), libnice's (nice_peer) and aioice's (aioice_peer.py), in hosts of a lab. Standard library only.
"""
import re
import subprocess
import threading
import time
from dataclasses import dataclass

from programs import inside

GATHERED_SECONDS = 15.0   # libnice takes two where it is to have a relay
PATIENCE = 12.0


class SdpPeer:
    """One agent. Its first words, up to the end of its candidates, are kept for whoever tells them; what it trickles after
    that goes to `other`, `signalling` seconds later."""

    def __init__(self, host: str, command: list[str], signalling: float = 0):
        self.process = subprocess.Popen(inside(host, *command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.signalling = signalling
        self.described, self.selected, self.heard = threading.Event(), threading.Event(), threading.Event()
        self.description = b""
        self.other: "SdpPeer | None" = None
        self.said = b""
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self.read_lines, self.read_said)]
        for thread in self.threads:
            thread.start()

    def read_lines(self) -> None:
        for line in self.process.stdout:
            if not self.described.is_set():
                self.description += line
                if line.startswith(b"a=end-of-candidates"):
                    self.described.set()
            else:
                threading.Timer(self.signalling, self.other.hear, (line,)).start()

    def read_said(self) -> None:
        for line in self.process.stderr:
            self.said += line
            if line.startswith(b"selected"):
                self.selected.set()
            if line.startswith(b"received"):
                self.heard.set()

    def hear(self, text: bytes) -> None:
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    @property
    def after_ms(self) -> float | None:
        """From being told to the first path."""
        found = re.search(rb"selected .* after ([\d.]+) ms", self.said)
        return float(found[1]) if found else None

    def wait(self) -> int:
        """Its exit status, when it is through by itself."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        return self.end()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        for thread in self.threads:
            thread.join(2)
        return status


@dataclass
class Meeting:
    """What became of two peers: milliseconds from when the later one was told to a path, on each; None: it found none, or
    nothing was heard over it."""
    ms: tuple[float | None, float | None]
    said: tuple[str, str]
    secured_ms: float | None = None   # to an encrypted channel on both, where there is one
    first_bytes_ms: tuple[float, ...] = ()   # to the first byte by it, at the sooner side and at the later

    @property
    def worst(self) -> float | None:
        return None if None in self.ms else max(self.ms)


def introduce(a: SdpPeer, b: SdpPeer, late: str = "nobody", skew: float = 0) -> bool:
    """Both have gathered; now each is told all of the other, the late one (A or B) `skew` seconds after."""
    a.other, b.other = b, a
    if not (a.described.wait(GATHERED_SECONDS) and b.described.wait(GATHERED_SECONDS)):
        return False
    first, second = (b, a) if late == "A" else (a, b)
    first.hear(second.description)
    if late != "nobody":
        time.sleep(skew)
    second.hear(first.description)
    return True


def skewed(late: str, skew: float) -> tuple[float, float]:
    """What A and B waited for the other to be told, in milliseconds."""
    return {"nobody": (0.0, 0.0), "A": (0.0, skew * 1000), "B": (skew * 1000, 0.0)}[late]


def meet(a: SdpPeer, b: SdpPeer, patience: float = PATIENCE) -> Meeting:
    """Tells both in the same instant, and ends them as soon as both have a path and the other's words."""
    end = time.monotonic() + patience
    if introduce(a, b):
        for event in (a.selected, b.selected, a.heard, b.heard):
            event.wait(max(0.0, end - time.monotonic()))
    for peer in (a, b):
        peer.end()
    return Meeting(tuple(peer.after_ms if peer.heard.is_set() else None for peer in (a, b)),
                   (a.said.decode(errors="replace"), b.said.decode(errors="replace")))
