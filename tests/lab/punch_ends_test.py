#!/usr/bin/env python3
"""How punch ends when it does not go well: the reason it gives, its exit status, and how long it takes to say so. Programs are
killed with SIGKILL, so that nobody says goodbye. A row for each of RakNet's events, and more.

    punch_ends_test.py [CASE]…

Prints a line for each case; ends with 1 if one is wrong.
"""
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
import punching
from punching import Punch

DELAY = "delay=12.5ms"
SPECS = [f"server={DELAY}", *(f"{name}={kind},{DELAY}" for name, kind in (
    ("home1", "eim-apdf"), ("home2", "eim-apdf"), ("home3", "eim-apdf"), ("sym1", "apdm-apdf"), ("sym2", "apdm-apdf"), ("six", "ipv6-only")))]
SECRET = "north"
SERVER6 = f"[{punching.SERVER6}]"
NOBODYS = "198.51.100.77"         # routers say that nobody has it
SILENT = "10.99.99.99"            # the provider drops packets to it without a word
HUNG = 4.0                        # a bound missed by a busy machine is only printed; missed by this factor it is a defect
CONNECT_BOUND_MS = 2000           # a pair that cannot connect is told so in that time
SILENCE_BOUND_MS = 6000           # a peer that was killed says nothing; that it is dead shows by its silence
WAIT, WAIT_BOUND_MS = "2500ms", 3000
SERVER_PATIENCE_MS = 5000         # what a server may take to answer: rendezvous::Client::Config::patience
AWAY_BOUND_MS = 3000              # what a client grants a server, beyond its own waiting, to come back

STRANGER = """
import ast, socketserver, sys
class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(ast.literal_eval(sys.argv[2]))
        self.request.recv(1000)
socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer((sys.argv[1], 3478), Greeter) as server:
    print("ready", flush=True)
    server.serve_forever()
"""

cases: dict[str, Callable] = {}
wrong: list[str] = []
rooms = iter(range(1000))


def case(function: Callable) -> Callable:
    cases[function.__name__] = function
    return function


@contextlib.contextmanager
def server(*options: str) -> Iterator[programs.Program]:
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write(SECRET + "\n")
        secret.flush()
        with programs.serve("--listen", punching.SERVER, "--listen", SERVER6, "--relay", "on", "--auth-secret-file", secret.name, *options,
                            host="server")[0] as running:
            yield running


def room() -> str:
    return f"room-{next(rooms)}"


def pair(one: str, other: str, *words: str, seconds: str = "2s") -> tuple[Punch, Punch]:
    """Both sides of a room, started together."""
    name = room()
    return tuple(Punch(host, "pair", name, "--for", seconds, *words, server=SERVER6 if host == "six" else punching.SERVER)
                 for host in (one, other))


def since(peer: Punch, event: str | None) -> float:
    """Milliseconds from that event (or the start) to the error, or the end."""
    found = peer.find(event) if event else []
    start = found[0].at if found else peer.started
    errors = [one for one in peer.said if one.event.get("error")]
    return ((errors[-1].at if errors else peer.ended) - start) * 1000


def check(title: str, peer: Punch, status: int, reasons: str | tuple[str, ...] | None, ms: float, at_most_ms: float | None = None) -> None:
    """One line; `ms` is what it took."""
    expected = reasons if isinstance(reasons, tuple) else (reasons,)
    found = peer.wait(20)
    complaints = []
    if found != status:
        complaints.append(f"exit {found}, not {status}")
    if peer.reason not in expected:
        complaints.append(f"not {' or '.join(str(one) for one in expected)}")
    late = "" if at_most_ms is None or ms <= at_most_ms else f"more than {at_most_ms:.0f} ms"
    if late and ms > HUNG * at_most_ms:
        complaints.append(late)
    print(f"{'WRONG ' if complaints else 'ok    '}{title:<72} exit {found}  {peer.reason or '-':<26}{ms:>6.0f} ms  {'; '.join(complaints) or late}", flush=True)
    if complaints:
        wrong.append(title)
        print(peer.story(), flush=True)


# --- nobody is killed ---

@case
def no_path_without_a_relay() -> None:
    """RakNet: ID_NAT_PUNCHTHROUGH_FAILED"""
    with server():
        for peer in pair("sym1", "sym2", "--relay", "never"):
            peer.wait()
            check("no path, the relay forbidden", peer, 6, "punch-failed", since(peer, "peer-found"), CONNECT_BOUND_MS)


@case
def no_common_address_family() -> None:
    with server():
        for peer in pair("home1", "six", "--relay", "never"):
            peer.wait()
            check("IPv4 only and IPv6 only, the relay forbidden", peer, 6, "no-common-address-family", since(peer, "peer-found"), CONNECT_BOUND_MS)


@case
def nobody_serves() -> None:
    for title, address, bound_ms in (("no server: its port is closed", punching.SERVER, 1000), ("no server: nobody has its address", NOBODYS, 1000),
                                     ("no server: not a word", SILENT, SERVER_PATIENCE_MS)):
        peer = Punch("home1", "pair", room(), server=address)
        peer.wait()
        check(title, peer, 3, "server-unreachable", since(peer, None), bound_ms)


@case
def stranger_serves() -> None:
    """A server of another version, and one of another trade."""
    for title, words in (("the server speaks another version", b'{"type":"welcome","version":99,"address":"192.0.2.1:1","ping_interval_ms":15000}\n'),
                         ("the server is another program's", b"220 mail.example ESMTP\r\n")):
        with programs.Program(*programs.inside("server", sys.executable, "-c", STRANGER, punching.SERVER, repr(words))) as stranger:
            stranger.wait_for("ready")
            peer = Punch("home1", "pair", room(), "--wait", WAIT)
            peer.wait()
            check(title, peer, 7, "version-mismatch", since(peer, None), 1500)


@case
def target_not_connected() -> None:
    """RakNet: ID_NAT_TARGET_NOT_CONNECTED"""
    with server():
        peer = Punch("home1", "connect", "nobody", "--wait", WAIT)
        peer.wait()
        check("nobody listens under that name", peer, 5, "target-not-connected", since(peer, None), WAIT_BOUND_MS)


@case
def third_in_a_room() -> None:
    with server():
        first, second = pair("home1", "home2", seconds="3s")
        first.wait_for("connected")
        third = Punch("home3", "pair", f"room-{next(rooms) - 1}", "--wait", WAIT)
        third.wait()
        check("a third comes into a room where two have met", third, 5, "target-not-connected", since(third, None), WAIT_BOUND_MS)
        for peer in (first, second):
            peer.wait()
            check("… and the two go on", peer, 0, None, since(peer, None))


@case
def wrong_secret() -> None:
    with server():
        name = room()
        for peer in [Punch(host, "pair", name, "--secret-file", punching.secret_file(host)) for host in ("home1", "home2")]:
            peer.wait()
            check("different secrets", peer, 4, "authentication-failed", since(peer, "registered"), CONNECT_BOUND_MS)


@case
def server_is_full() -> None:
    with server("--max-clients", "1"):
        first = Punch("home1", "pair", room(), "--wait", "4s")
        first.wait_for("registered")
        second = Punch("home2", "pair", room(), "--wait", "4s")
        second.wait()
        check("the server has no room", second, 4, "server-full", since(second, None), 1500)
        first.kill()


@case
def interrupted() -> None:
    with server():
        one, other = pair("home1", "home2", seconds="20s")
        one.wait_for("secured")
        at = time.monotonic()
        one.process.terminate()
        one.wait()
        check("ended by SIGTERM in the middle", one, 143, "interrupted", (one.ended - at) * 1000, 1500)
        other.wait()
        check("… and its peer is told", other, 5, "connection-to-target-lost", (other.ended - at) * 1000, 1500)


# --- a peer is killed ---

@case
def peer_killed_before() -> None:
    with server():
        target = Punch("home1", "listen", "game")
        target.wait_for("registered")
        target.kill()
        time.sleep(0.3)
        peer = Punch("home2", "connect", "game", "--wait", WAIT)
        peer.wait()
        check("the target was killed before", peer, 5, "target-not-connected", since(peer, None), WAIT_BOUND_MS)


@case
def peer_killed_when_found() -> None:
    """RakNet: ID_NAT_TARGET_UNRESPONSIVE, ID_NAT_CONNECTION_TO_TARGET_LOST"""
    for kind, hosts in (("homes", ("home1", "home2")), ("by relay", ("sym1", "sym2"))):
        with server():
            target = Punch(hosts[0], "listen", "game", *punching.relay(SECRET))
            target.wait_for("registered")
            peer = Punch(hosts[1], "connect", "game", *punching.relay(SECRET))
            target.wait_for("peer-found")
            target.kill()
            peer.wait()
            check(f"the target is killed when both are told ({kind})", peer, 5, ("connection-to-target-lost", "target-unresponsive"),
                  since(peer, "peer-found"), CONNECT_BOUND_MS)


@case
def peer_killed_in_the_handshake() -> None:
    for kind, hosts in (("direct", ("home1", "home2")), ("by relay", ("sym1", "sym2"))):
        with server():
            one, other = pair(*hosts, *punching.relay(SECRET), seconds="20s")
            one.wait_for("path")
            at = time.monotonic()
            one.kill()
            other.wait()
            check(f"the peer is killed between the path and the channel ({kind})", other, 5, ("connection-to-target-lost", "target-unresponsive"),
                  (other.ended - at) * 1000, SILENCE_BOUND_MS)


@case
def peer_killed_after() -> None:
    for kind, hosts in (("direct", ("home1", "home2")), ("by relay", ("sym1", "sym2"))):
        with server():
            one, other = pair(*hosts, *punching.relay(SECRET), seconds="20s")
            one.wait_for("secured")
            other.wait_for("secured")
            at = time.monotonic()
            one.kill()
            other.wait()
            check(f"the peer is killed while connected ({kind})", other, 5, "connection-to-target-lost", (other.ended - at) * 1000, SILENCE_BOUND_MS)


# --- the server is killed ---

@case
def server_killed_before() -> None:
    with server() as running:
        peer = Punch("home1", "pair", room(), "--wait", WAIT)
        peer.wait_for("registered")
        running.process.kill()
        peer.wait()
        check("the server is killed while one waits", peer, 3, "server-unreachable", since(peer, "registered"), WAIT_BOUND_MS + AWAY_BOUND_MS)


@case
def server_restarted_before() -> None:
    name = room()
    with server() as running:
        first = Punch("home1", "pair", name, "--for", "300ms")
        first.wait_for("registered")
        running.process.kill()
    with server():
        second = Punch("home2", "pair", name, "--for", "300ms")
        for peer in (first, second):
            peer.wait()
            check("the server is killed and started anew, then the peer comes", peer, 0, None, since(peer, None))


@case
def server_killed_when_found() -> None:
    with server() as running:
        first, second = pair("home1", "home2", seconds="500ms")
        first.wait_for("peer-found")
        second.wait_for("peer-found")
        running.process.kill()
        for peer in (first, second):
            peer.wait()
            check("the server is killed when both are told", peer, 0, None, peer.connected_ms or -1)


@case
def server_killed_after() -> None:
    with server() as running:
        peers = pair("home1", "home2", seconds="3s")
        for peer in peers:
            peer.wait_for("secured")
        running.process.kill()
        for peer in peers:
            peer.wait()
            check("the server is killed while two are connected", peer, 0, None, since(peer, None))


@case
def relay_killed_after() -> None:
    with server() as running:
        peers = pair("sym1", "sym2", *punching.relay(SECRET), seconds="20s")
        for peer in peers:
            peer.wait_for("secured")
        at = time.monotonic()
        running.process.kill()
        for peer in peers:
            peer.wait()
            check("the relay is killed, and there is no other way", peer, 5, "connection-to-target-lost", (peer.ended - at) * 1000, SILENCE_BOUND_MS)


def main() -> int:
    programs.beside_a_lab(*SPECS)
    for name in sys.argv[1:] or cases:
        cases[name]()
    print(f"{len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
