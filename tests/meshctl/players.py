"""Players of `meshctl match` on this very host, and single commands of theirs. Standard library only."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching
from loopback import SECONDS


def home_of(folder: str) -> dict[str, str]:
    """Where everything that is kept goes."""
    return {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "XDG_CACHE_HOME": folder}


class Player(punching.Talker):
    """One process of `meshctl match`, with a home of its own."""

    def __init__(self, server: str, name: str, *options: str, folder: str = ""):
        self.name = name
        self.home = None if folder else tempfile.TemporaryDirectory(prefix="match-")
        self.folder = folder or self.home.name
        super().__init__(name, [programs.own("meshctl"), "match", "--name", name, "--json", "--server", server, *options],
                         **home_of(self.folder))

    def event(self, name: str) -> dict:
        return self.find(name)[0].event

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.wait(SECONDS)


def run(*words: str, folder: str) -> subprocess.CompletedProcess:
    return subprocess.run([programs.own("meshctl"), *words], capture_output=True, text=True, timeout=SECONDS, check=False,
                          env={**os.environ, **home_of(folder)})
