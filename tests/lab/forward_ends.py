#!/usr/bin/env python3
"""The two ends of what punch forwards: services on loopback of one host, and who calls them from another. They are told apart
by what each does to the bytes: a service answers with every byte inverted, so that nobody's own bytes pass for an answer.

    forward_ends.py serve                          says in JSON the ports of a service of both protocols and of another, then how each connection ended
    forward_ends.py call TCP-PORT UDP-PORT BYTES    two connections and two flows at once; "ok", or what was wrong
    forward_ends.py hold PORT                      says "held", then how the connection ended
    forward_ends.py refused TCP-PORT UDP-PORT      what comes of asking there
    forward_ends.py sockets                        all ports of this host that something listens or is bound to

All other ports are of 127.0.0.1. Every wait has a bound. Standard library only.
"""
import hashlib
import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

HERE = "127.0.0.1"
PATIENCE = 20.0
DATAGRAM_PATIENCE = 0.5            # one may be lost; then it is sent again
DATAGRAM_TRIES = 10
DATAGRAMS = (0, 1, 1200, 9000)     # bytes; the last is more than a packet takes
PIECE = 1 << 16
INVERTED = bytes(255 - byte for byte in range(256))
LISTENING = "0A"                   # a TCP socket's state in /proc/net/tcp


def say(what) -> None:
    print(what, flush=True)


def pattern(size: int, seed: int) -> bytes:
    block = hashlib.shake_256(seed.to_bytes(4, "big")).digest(PIECE)
    return (block * (size // PIECE + 1))[:size]


def answer(stream: socket.socket) -> None:
    """Both directions at once, as the bytes come."""
    with stream:
        stream.settimeout(PATIENCE)
        try:
            while piece := stream.recv(PIECE):
                stream.sendall(piece.translate(INVERTED))
            say("connection ended")
        except OSError as error:
            say(f"connection {type(error).__name__}")


def answer_datagrams(service: socket.socket) -> None:
    while True:
        data, source = service.recvfrom(PIECE)
        service.sendto(data.translate(INVERTED), source)


def serve() -> None:
    with socket.create_server((HERE, 0)) as tcp, socket.create_server((HERE, 0)) as other, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(tcp.getsockname())   # of the same number, so that `other` is no permitted one of either protocol
        threading.Thread(target=answer_datagrams, args=(udp,), daemon=True).start()
        say(json.dumps({"service": tcp.getsockname()[1], "other": other.getsockname()[1]}))
        while True:
            stream, _ = tcp.accept()
            threading.Thread(target=answer, args=(stream,), daemon=True).start()


def pour(stream: socket.socket, data: bytes) -> None:
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


def call_tcp(port: int, size: int, seed: int, together: threading.Barrier) -> str | None:
    data = pattern(size, seed)
    heard = hashlib.sha256()
    received = 0
    with socket.create_connection((HERE, port), PATIENCE) as stream:
        stream.sendall(data[:1])
        first = stream.recv(1)
        together.wait(PATIENCE)   # all connections stand before any of them ends
        heard.update(first)
        writer = threading.Thread(target=pour, args=(stream, data[1:]), daemon=True)
        writer.start()
        while piece := stream.recv(PIECE):
            heard.update(piece)
            received += len(piece)
        writer.join(PATIENCE)
    if heard.digest() == hashlib.sha256(data.translate(INVERTED)).digest():
        return None
    return f"connection {seed}: {received + len(first)} bytes came back of {size}, and not the same"


def call_udp(port: int, seed: int) -> str | None:
    with socket.socket(type=socket.SOCK_DGRAM) as caller:
        caller.connect((HERE, port))
        caller.settimeout(DATAGRAM_PATIENCE)
        for size in DATAGRAMS:
            data = pattern(size, seed)
            if not ask(caller, data):
                return f"flow {seed}: no answer to {size} bytes"
    return None


def ask(caller: socket.socket, data: bytes) -> bool:
    for _ in range(DATAGRAM_TRIES):
        caller.send(data)
        try:
            while caller.recv(PIECE) != data.translate(INVERTED):
                pass   # an answer to what was sent twice
            return True
        except TimeoutError:
            pass
    return False


def call(tcp: int, udp: int, size: int) -> None:
    together = threading.Barrier(2)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call_tcp, tcp, size, seed, together) for seed in (1, 2)] + [pool.submit(call_udp, udp, seed) for seed in (3, 4)]
        wrong = [complaint for one in calls if (complaint := one.result())]
    say("; ".join(wrong) or "ok")


def end_of(stream: socket.socket) -> str:
    try:
        return "bytes" if stream.recv(1) else "ended"
    except ConnectionError:
        return "cut off"


def hold(port: int) -> None:
    with socket.create_connection((HERE, port), PATIENCE) as stream:
        stream.sendall(b"x")
        if stream.recv(1) == b"x".translate(INVERTED):
            say("held")
        say(end_of(stream))


def refused(tcp: int, udp: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as caller, socket.create_connection((HERE, tcp), PATIENCE) as stream:
        caller.sendto(b"x", (HERE, udp))
        say(end_of(stream))


def sockets() -> None:
    """A TCP connection that is being closed is nobody's any more, and so not named."""
    found = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            with open(f"/proc/self/net/{name}", encoding="ascii") as table:
                rows = [line.split() for line in table][1:]
        except FileNotFoundError:   # no IPv6
            continue
        found += [f"{name} {int(row[1].rpartition(':')[2], 16)}" for row in rows if name.startswith("udp") or row[3] == LISTENING]
    say(json.dumps(sorted(found)))


if __name__ == "__main__":
    {"serve": serve, "call": call, "hold": hold, "refused": refused, "sockets": sockets}[sys.argv[1]](*map(int, sys.argv[2:]))
