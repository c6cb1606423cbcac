#!/usr/bin/env python3
"""punch --then forward between two homes: programs of one reach services of the other through both NATs, over TCP and UDP; what
is not permitted is refused, and when one side is interrupted nothing stays open at either.

    punch_forward_test.py [--mib N]      each way on each of two connections; default 3

Ends with 1 if something is wrong, and says what.
"""
import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching

ENDS = (sys.executable, str(Path(__file__).with_name("forward_ends.py")))
PATIENCE = 60.0
# A session of its own: natlab hands no Ctrl-C on to who sits at the same terminal, and so has it already.
CALLER = ("setsid", *programs.inside("home1"))
INTERRUPTED = 130   # as natlab tells it

complaints: list[str] = []


def check(is_right: bool, what: str) -> None:
    print(f"{'ok   ' if is_right else 'WRONG'} {what}", flush=True)
    if not is_right:
        complaints.append(what)


def ends(host: str, *words: str) -> str:
    done = subprocess.run(programs.inside(host, *ENDS, *words), stdout=subprocess.PIPE, timeout=PATIENCE, text=True, check=False)
    return done.stdout.strip() or f"exit {done.returncode}"


def sockets(host: str) -> list[str]:
    return json.loads(ends(host, "sockets"))


def check_refusals(caller: punching.Punch, server: punching.Punch, place: str, said: str) -> None:
    check(said == "cut off", f"a connection that is not permitted: {said}")
    for peer, by, who in ((caller, "peer", "who asked"), (server, "here", "who refused")):
        peer.until(lambda: len(peer.find("refused")) >= 2, 10)
        told = sorted((one.event["protocol"], one.event["by"], one.event["to"], one.event["detail"]) for one in peer.find("refused"))
        check(told == [(protocol, by, place, "not permitted") for protocol in ("tcp", "udp")], f"told by {who}: {told}")


def check_interruption(caller: punching.Punch, server: punching.Punch, port: str, services: programs.Program, doors: list[str]) -> None:
    with programs.Program(*programs.inside("home1", *ENDS, "hold", port)) as held:
        held.wait_for("held")
        open_now = sockets("home1")
        check(set(doors) <= set(open_now), f"sockets on home1 while it forwards: {open_now}")
        caller.process.send_signal(signal.SIGINT)
        check(caller.wait() == INTERRUPTED, f"interrupted: exit {caller.process.returncode}")
        check(server.wait() == 0, f"its peer: exit {server.process.returncode}")
        how = held.wait_for(r"^(ended|cut off|bytes)").string
        check(how == "cut off", f"the connection that stood, at who called: {how}")
    how = services.wait_for(r"^connection (?!ended)").string
    check(how == "connection ConnectionResetError", f"the connection that stood, at the service: {how}")


def run(services: programs.Program, mib: int) -> list[punching.Punch]:
    at = json.loads(services.wait_for("service").string)
    before = {host: sockets(host) for host in ("home1", "home2")}
    service, other = f"127.0.0.1:{at['service']}", f"127.0.0.1:{at['other']}"
    words = ["pair", "forward", "--map", "never", "--relay", "never", "--then", "forward"]
    options = [("-L", service), ("--udp", service), ("-L", other), ("--udp", other)]
    caller = punching.Punch(CALLER, *words, *(word for option, to in options for word in (option, f"127.0.0.1:0:{to}")))
    server = punching.Punch("home2", *words, "--permit", service)
    peers = [caller, server]
    caller.until(lambda: len(caller.find("listening")) == 4, 30)
    doors = {(one.event["protocol"], one.event["to"]): one.event["at"].rpartition(":")[2] for one in caller.find("listening")}
    wanted = [("tcp", service), ("udp", service), ("tcp", other), ("udp", other)]
    check(sorted(doors) == sorted(wanted), f"listening for {sorted(doors)}")
    if complaints:
        return peers
    for peer in peers:
        check(peer.path is not None and peer.path["kind"] == "reflexive", f"the path: {peer.path}")
    tcp, udp, *closed = (doors[one] for one in wanted)
    said = ends("home1", "call", tcp, udp, str(mib << 20))
    check(said == "ok", f"two connections, {mib} MiB each way on each, and two flows at once: {said}")
    check_refusals(caller, server, other, ends("home1", "refused", *closed))
    check_interruption(caller, server, tcp, services, [f"{protocol} {door}" for (protocol, _), door in doors.items()])
    for host, left in before.items():
        now = sockets(host)
        check(now == left, f"sockets on {host}: {now}, before: {left}")
    return peers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=3)
    options = parser.parse_args()
    programs.beside_a_lab(*(f"{name}=eim-apdf,delay=5ms" for name in ("home1", "home2")))
    with (programs.serve("--listen", punching.SERVER, host="server")[0],
          programs.Program(*programs.inside("home2", *ENDS, "serve")) as services):
        peers = run(services, options.mib)
        for peer in peers:
            peer.process.terminate()
            peer.wait(5)
    if complaints:
        print(*(peer.story() for peer in peers), sep="\n")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
