"""What is written down about a lab, so that another process finds it: NAME.json, and NAME.lock held for as long as it lives.

The lock is what says whether a lab is up: the kernel drops it with the process that holds it, however that ended.
"""
import fcntl
import functools
import json
import os
import re
import stat
from pathlib import Path

from .errors import Exit, LabError

NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
DEFAULT_NAME = "default"


@functools.cache
def directory() -> Path:
    """$XDG_RUNTIME_DIR/natlab or /tmp/natlab-UID: ours, and closed to others. Inside a lab, where our user has another
    number, NATLAB_STATE says where it is. Asked once, since a process of ours may change its user namespace later."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    usual = Path(runtime) / "natlab" if runtime and os.access(runtime, os.W_OK) else Path(f"/tmp/natlab-{os.getuid()}")
    path = Path(os.environ.get("NATLAB_STATE", usual))
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LabError("unsafe-state-directory", f"{path} is not a directory that only you can enter",
                       "remove it, or set XDG_RUNTIME_DIR to a directory of your own", Exit.REFUSED)
    return path


def check_name(name: str) -> str:
    if not NAME_FORM.fullmatch(name):
        raise LabError("bad-name", f"'{name}' cannot be a lab's name", "letters, digits, dots and dashes, up to 40")
    return name


def _open_lock(name: str) -> int:
    return os.open(directory() / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def acquire(name: str) -> int:
    """Takes the name, or says that it is taken. The lab lives for as long as this descriptor, or a copy, is open."""
    while True:
        lock = _open_lock(name)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise LabError("lab-exists", f"a lab called '{name}' is up",
                           f"'natlab down --name {name}' ends it; another --name raises a second one", Exit.REFUSED) from None
        try:
            if os.stat(directory() / f"{name}.lock").st_ino == os.fstat(lock).st_ino:
                return lock
        except FileNotFoundError:
            pass
        os.close(lock)  # removed by a `down` between our open and our lock: once more


def is_up(name: str) -> bool:
    try:
        lock = os.open(directory() / f"{name}.lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def write(name: str, content: dict) -> None:
    path = directory() / f"{name}.json"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content))
    draft.replace(path)


def read(name: str) -> dict:
    """The lab of that name, if it is up."""
    if not is_up(name):
        others = [other for other in names() if is_up(other)]
        raise LabError("no-such-lab", f"no lab called '{name}' is up",
                       f"up: {', '.join(others)}; choose with --name" if others else "'natlab up SPEC…' raises one", Exit.NOBODY)
    try:
        return read_file(name)
    except FileNotFoundError:
        raise LabError("lab-not-ready", f"the lab '{name}' is just being raised", "wait for its 'natlab up' to return", Exit.NOBODY) from None


def read_file(name: str) -> dict:
    return json.loads((directory() / f"{name}.json").read_text())


def names() -> list[str]:
    return sorted(path.stem for path in directory().glob("*.lock"))


def remove(name: str) -> None:
    """Clears the traces of a lab that is no more; does nothing if it is up again by now."""
    try:
        lock = acquire(name)
    except LabError:
        return
    for suffix in (".json", ".log", ".lock"):
        (directory() / (name + suffix)).unlink(missing_ok=True)
    os.close(lock)
