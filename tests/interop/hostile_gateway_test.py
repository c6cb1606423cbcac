#!/usr/bin/env python3
"""upnp-map at routers that are odd, broken or hostile: it ends soon, stays small, fetches nothing from anywhere else, and
prints only what can be printed.

    tests/interop/hostile_gateway_test.py [MODE…]        --list of fake_gateway.py names them
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lab")]
from fake_gateway import HOSTILE, ODD  # noqa: E402
from mapper_lab import ROUTER, enter, lab  # noqa: E402
from programs import Program, own  # noqa: E402

TOOL = own("upnp-map")
MOST_SECONDS, MOST_BYTES = 3.0, 64 << 20
IS_SANITIZED = b"__asan_init" in Path(TOOL).read_bytes()
LISTENER = """
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", 8088)); s.listen(); print("ready", flush=True)
while True:
    c, peer = s.accept(); print("fetched by", peer, flush=True); c.close()
"""
UNPRINTABLE = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


def run_tool(net, state: Path, *arguments: str) -> tuple[int, bytes, float, int]:
    """Exit status, everything it said, seconds, the most memory that it or one of its children had."""
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state), "HOME": str(state)}
    said = state / "said"
    with said.open("wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen([*net.plainly("client"), TOOL, *arguments], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, said.read_bytes(), seconds, usage.ru_maxrss * 1024


def check(net, mode: str) -> None:
    state = net.folder / mode
    state.mkdir()
    gateway = Program(*net.at("router"), sys.executable, str(HERE / "fake_gateway.py"), ROUTER, mode)
    spies = [Program(*net.at(host), sys.executable, "-c", LISTENER) for host in ("client", "other")]
    try:
        for one in (gateway, *spies):
            one.wait_for("ready")
        worst = 0.0, 0
        for arguments in (("add", "7000", "--lease", "10m", "--json", "--quiet"), ("list",), ("status",), ("remove", "--all-ours")):
            status, said, seconds, size = run_tool(net, state, *arguments)
            worst = max(worst[0], seconds), max(worst[1], size)
            assert not UNPRINTABLE.search(said), f"{mode} {arguments}: {said[:400]!r}"
            assert seconds <= MOST_SECONDS * (2 if IS_SANITIZED else 1), f"{mode} {arguments}: {seconds:.2f} s"
            assert IS_SANITIZED or size <= MOST_BYTES, f"{mode} {arguments}: {size >> 20} MB"
            if arguments[0] == "add" and mode in HOSTILE and mode not in ("thousand-answers", "lying-length"):
                assert status in (3, 4, 6) and json.loads(said.splitlines()[0])["error"]["reason"], f"{mode}: {status} {said!r}"
            if arguments[0] == "add" and mode in ODD:
                assert status == 0, f"{mode}: {status} {said.decode()}"
                made = json.loads(said.splitlines()[0])
                assert made["via"] == "upnp", made
                assert (made["external"] == "11.0.0.1:7000") == (mode != "taken"), made
                assert made["permanent"] == (mode in ("only-permanent", "no-lease-argument")), made
            if arguments[0] == "remove" and mode in ODD:
                assert status == 0, f"{mode}: not removed: {said.decode()}"
        print(f"  {mode:<20} {worst[0]:5.2f} s {worst[1] >> 20:5d} MB", flush=True)
    finally:
        gateway.end()
        for spy in spies:
            spy.end()
    assert not any("fetched" in line for spy in spies for line in spy.output().splitlines()), f"{mode}: fetched from elsewhere"


def check_interrupt(net) -> None:
    """Ctrl-C while a router takes its time over its list: said as such, and no half of a list is shown for the whole."""
    gateway = Program(*net.at("router"), sys.executable, str(HERE / "fake_gateway.py"), ROUTER, "silent-list")
    environment = {**os.environ, "XDG_STATE_HOME": str(net.folder), "XDG_CONFIG_HOME": str(net.folder)}
    try:
        gateway.wait_for("ready")
        for number, command in enumerate((("list",), ("status",), ("remove", "7000")), start=1):
            process = subprocess.Popen([*net.plainly("client"), TOOL, *command, "--json"], env=environment, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            end = time.monotonic() + 10
            while gateway.output().count("listing") < number and time.monotonic() < end:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=10)[0]
            assert process.returncode in (130, -signal.SIGINT), f"{command}: {process.returncode} {said}"
            assert json.loads(said)["error"]["reason"] == "interrupted", said
    finally:
        gateway.end()


def main(modes: list[str]) -> None:
    enter()
    with lab() as net:
        for mode in modes or HOSTILE + ODD:
            check(net, mode)
        if not modes:
            check_interrupt(net)


if __name__ == "__main__":
    main(sys.argv[1:])
