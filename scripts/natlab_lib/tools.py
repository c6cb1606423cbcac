"""The programs the lab is made with: iproute2, nftables, and our own user-space router."""
import os
import shutil
import subprocess
from pathlib import Path

from .errors import Exit, LabError

HERE = Path(__file__).resolve()
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"  # where these live, in a user's PATH or not
PACKAGES = {"ip": "iproute2", "nft": "nftables"}


def find_program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if not found:
        raise LabError("program-missing", f"'{name}' is not installed", f"apt-get install {PACKAGES[name]}", Exit.USAGE)
    return found


def find_router() -> str:
    """NATLAB_ROUTER, else what was built last in this source tree, else what was installed beside us."""
    told = os.environ.get("NATLAB_ROUTER")
    if told:
        if os.access(told, os.X_OK):
            return told
        raise LabError("router-missing", f"NATLAB_ROUTER={told} cannot be run", "let it name the program natlab_router")
    root = HERE.parents[2]   # of the source tree
    candidates = [path for build in ("release", "dev", "clang")
                  for path in [root / "build" / build / "tests" / "lab" / "router" / "natlab_router"] if os.access(path, os.X_OK)]
    if candidates:
        return str(max(candidates, key=lambda path: path.stat().st_mtime))
    installed = HERE.parents[3] / "libexec" / "natkit" / "natlab_router"
    if os.access(installed, os.X_OK):
        return str(installed)
    raise LabError("router-missing", "this lab needs the user-space router, and natlab_router is not built",
                   "cmake --preset release && cmake --build build/release --target natlab_router; or point NATLAB_ROUTER at it. "
                   "Kernel NATs without delay, jitter and loss work without it")


def feed(command: list[str], lines: str, purpose: str, **options) -> None:
    """Runs a program over a script on its standard input."""
    done = subprocess.run(command, input=lines, text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise LabError("setup-failed", f"{purpose}: {done.stderr.strip()[:600]}", hint_for(done.stderr), Exit.DEFECT)


def hint_for(message: str) -> str:
    if "Operation not permitted" in message:
        return "the system takes away the rights a user namespace gives: run as root, or see 'natlab --help', Requirements"
    if "Unknown device type" in message or "Operation not supported" in message or "No such file or directory" in message:
        return "the kernel lacks something the lab needs (veth, bridge, nftables NAT): load the module as root, e.g. modprobe veth bridge nft_masq"
    return ""
