"""STUN servers that should not be trusted, for nat-probe to see through. A codec of its own (RFC 8489 §5, §14), so that a
fault in natkit's cannot hide behind itself. IPv4 only; each runs in a thread, from `with` to the end of it, or as a program:

    fake_server.py RULE ADDRESS [ADDRESS]      says "ready" and its first endpoint, and serves until SIGTERM
"""
import contextlib
import selectors
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

COOKIE = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101
CHANGE_REQUEST, XOR_MAPPED_ADDRESS, OTHER_ADDRESS = 0x0003, 0x0020, 0x802C
CHANGE_ADDRESS, CHANGE_PORT = 4, 2

Address = tuple[str, int]


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def endpoint(kind: int, address: Address, mask: int = 0) -> bytes:
    host = struct.unpack("!I", socket.inet_aton(address[0]))[0]
    return attribute(kind, struct.pack("!BBHI", 0, 1, address[1] ^ (mask >> 16), host ^ mask))


def attributes_of(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        found.setdefault(kind, message[at + 4:at + 4 + length])
        at += 4 + length + -length % 4
    return found


@dataclass(frozen=True)
class Asked:
    """A Binding request, and what it asks for."""
    socket: int          # index of the socket that it reached
    change: int          # bits of CHANGE-REQUEST
    id: bytes
    source: Address

    def answer(self, other: Address | None) -> bytes:
        body = endpoint(XOR_MAPPED_ADDRESS, self.source, COOKIE) + (endpoint(OTHER_ADDRESS, other) if other else b"")
        return struct.pack("!HHI", SUCCESS, len(body), COOKIE) + self.id + body


def parse(message: bytes, index: int, source: Address) -> Asked | None:
    if len(message) < 20 or struct.unpack_from("!H", message)[0] != REQUEST:
        return None
    change = attributes_of(message).get(CHANGE_REQUEST, bytes(4))
    return Asked(index, struct.unpack("!I", change)[0], message[8:20], source)


@dataclass(frozen=True)
class Reply:
    """From which socket, naming what as its OTHER-ADDRESS."""
    socket: int
    other: Address | None = None


class FakeServer:
    """Sockets 0, 1, … on the hosts given, each on a free port; socket 0 is the one that clients are told of. `rule` says how
    a request is answered over UDP; None stays silent. `over_tcp`: Binding is answered there too, on socket 0's port."""

    def __init__(self, hosts: list[str], rule: Callable[["FakeServer", Asked], Reply | None], over_tcp: bool = False):
        self.hosts, self.rule, self.over_tcp = hosts, rule, over_tcp
        self.requests = 0

    def __enter__(self) -> "FakeServer":
        with contextlib.ExitStack() as undo:
            self.sockets = [undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in self.hosts]
            for host, each in zip(self.hosts, self.sockets):
                each.bind((host, 0))
            self.endpoints: list[Address] = [each.getsockname() for each in self.sockets]
            self.listener = undo.enter_context(socket.create_server(self.endpoints[0])) if self.over_tcp else None
            self.stop, stopped = socket.socketpair()
            undo.enter_context(self.stop)
            undo.enter_context(stopped)
            self.thread = threading.Thread(target=self._serve, args=(stopped,))
            self.thread.start()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.stop.send(b"x")
        self.thread.join()
        self._undo.close()

    @property
    def name(self) -> str:
        return "{}:{}".format(*self.endpoints[0])

    def _serve(self, stopped: socket.socket) -> None:
        selector = selectors.DefaultSelector()
        selector.register(stopped, selectors.EVENT_READ, None)
        for index, each in enumerate(self.sockets):
            selector.register(each, selectors.EVENT_READ, lambda index=index: self._answer_udp(index))
        if self.listener:
            selector.register(self.listener, selectors.EVENT_READ, self._answer_tcp)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    return
                key.data()

    def _answer_udp(self, index: int) -> None:
        message, source = self.sockets[index].recvfrom(2048)
        self.requests += 1
        asked = parse(message, index, source)
        reply = self.rule(self, asked) if asked else None
        if reply:
            self.sockets[reply.socket].sendto(asked.answer(reply.other), source)

    def _answer_tcp(self) -> None:
        """One request a connection, which is all that nat-probe sends."""
        connection, source = self.listener.accept()
        with connection:
            connection.settimeout(5)
            if asked := parse(connection.recv(2048), 0, source):
                connection.sendall(asked.answer(None))


# --- the rules: each a server that is out there (named in the tests) ---

def ignore_change_request(server: FakeServer, asked: Asked) -> Reply:
    """Two addresses that answer, and always the one that was asked."""
    return Reply(asked.socket, server.endpoints[1 - asked.socket])


def name_itself(server: FakeServer, asked: Asked) -> Reply:
    """One socket, which it gives out as its other address as well."""
    return Reply(0, server.endpoints[0])


def name_own_other_port(server: FakeServer, asked: Asked) -> Reply:
    """Two ports of one address, sold as two addresses: a change of address is answered from the other port."""
    return Reply(1 - asked.socket if asked.change else asked.socket, server.endpoints[1 - asked.socket])


def name_a_dead_address(server: FakeServer, asked: Asked) -> Reply | None:
    """The second address is behind a firewall: it can neither be asked nor answer."""
    if asked.socket == 1 or asked.change:
        return None
    return Reply(0, server.endpoints[1])


def stay_silent(server: FakeServer, asked: Asked) -> None:
    return None


def main(rule: str, *hosts: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})   # before there is a thread that could take it
    with FakeServer(list(hosts), globals()[rule]) as server:
        print("ready", server.name, flush=True)
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main(*sys.argv[1:])
