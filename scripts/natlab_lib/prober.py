#!/usr/bin/env python3
"""A small NAT prober of its own, so that the lab is not judged by the program that is developed in it. Standard library
only, no code of natkit, no STUN.

    prober.py serve ADDRESS [ADDRESS]          answers on these addresses, ports 7001 and 7002, UDP and TCP, until killed
    prober.py ask ADDRESS ADDRESS [PEER]       asks from here; prints one JSON object. PEER: where to count hops towards
    prober.py stream ADDRESS COUNT             RTTs and losses of COUNT packets
    prober.py knock ADDRESS                    whether an unasked-for packet is answered with an ICMP error

A request is "TOKEN F", F one of s (answer from the socket asked), p (same address, other port), a (other address and
port). An answer is "TOKEN HOST PORT": whom the server saw.
"""
import json
import os
import select
import socket
import struct
import sys
import threading
import time

PORTS = (7001, 7002)
GUARD = 0.35          # silence after the control answer counts as filtered; generous, since many probers run at once
PATIENCE = 2.0        # for an answer that must come
COPIES = 3            # of every request, so that a lost packet does not look like a filter
SO_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def token() -> bytes:
    return os.urandom(6).hex().encode()


# --- the server ---

def answer_udp(sockets: dict, here: tuple[int, int]) -> None:
    request, client = sockets[here].recvfrom(2048)
    name, _, where = request.partition(b" ")
    address, port = here
    source = {b"s": here, b"p": (address, 1 - port), b"a": (1 - address, 1 - port)}.get(where)
    if source in sockets:
        sockets[source].sendto(b"%s %s %d" % (name, client[0].encode(), client[1]), client)


def answer_tcp(listener: socket.socket) -> None:
    connection, client = listener.accept()
    with connection:
        connection.sendall(b"tcp %s %d" % (client[0].encode(), client[1]))


def serve(addresses: list[str]) -> None:
    family = family_of(addresses[0])
    sockets, listeners = {}, []
    for a, address in enumerate(addresses):
        for p, port in enumerate(PORTS):
            sockets[a, p] = socket.socket(family, socket.SOCK_DGRAM)
            sockets[a, p].bind((address, port))
            listeners.append(socket.create_server((address, port), family=family, backlog=64))
    print("ready", flush=True)
    places = {opened: place for place, opened in sockets.items()}
    while True:
        for ready in select.select([*places, *listeners], [], [])[0]:
            answer_udp(sockets, places[ready]) if ready in places else answer_tcp(ready)


# --- the client ---

class Asker:
    """One fresh socket."""

    def __init__(self, family: socket.AddressFamily, ttl: int | None = None):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        self.port = self.socket.getsockname()[1]

    def send(self, server: tuple[str, int], where: bytes) -> bytes:
        name = token()
        for copy in range(COPIES):
            if copy:
                time.sleep(0.01)
            self.socket.sendto(name + b" " + where, server)
        return name

    def await_answer(self, name: bytes, patience: float) -> tuple[tuple[str, int], float] | None:
        """Whom the server saw, and when the answer came."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                words = self.socket.recv(2048).split()
            except TimeoutError:
                return None
            except OSError:
                continue  # an ICMP error of an earlier packet
            if words[0] == name:
                return (words[1].decode(), int(words[2])), time.monotonic()
        return None

    def ask(self, server: tuple[str, int], where: bytes = b"s", patience: float = PATIENCE) -> tuple[str, int] | None:
        found = self.await_answer(self.send(server, where), patience)
        return found[0] if found else None


def ask_mapping(addresses: list[str], family) -> dict:
    """One socket, three destinations that each answer for themselves."""
    asker = Asker(family)
    seen = []
    for server in ((addresses[0], PORTS[0]), (addresses[0], PORTS[1]), (addresses[1], PORTS[0])):
        seen.append(asker.ask(server))
        if seen[-1] is None:
            break
    if None in seen:
        return {"mapped": None, "mapping": None, "inside_port": asker.port}
    mapping = ("address-and-port-dependent" if seen[0] != seen[1] else
               "address-dependent" if seen[0] != seen[2] else "endpoint-independent")
    return {"mapped": seen[0], "mapping": mapping, "inside_port": asker.port}


def passes(addresses: list[str], family, where: bytes) -> tuple[bool | None, Asker, tuple | None]:
    """Whether an answer from elsewhere gets in on a socket that has only ever sent to the first address and port."""
    asker = Asker(family)
    control = asker.ask((addresses[0], PORTS[0]))
    if control is None:
        return None, asker, None
    return asker.ask((addresses[0], PORTS[0]), where, GUARD) is not None, asker, control


def ask_filtering(addresses: list[str], family) -> dict:
    open_to_all, asker, control = passes(addresses, family, b"a")
    if open_to_all is None:
        return {"filtering": None, "poisoned": None}
    open_to_address, _, _ = passes(addresses, family, b"p")
    filtering = ("endpoint-independent" if open_to_all else "address-dependent" if open_to_address else
                 "address-and-port-dependent")
    # Only now, when this socket has given its answer: is the port lost towards the endpoint that was filtered?
    after = None if open_to_all else asker.ask((addresses[1], PORTS[1]))
    return {"filtering": filtering, "poisoned": None if after is None else after != control}


def ask_allocation(addresses: list[str], family, count: int = 8) -> dict:
    """Fresh sockets one after another: their outside ports, and how many kept the inside port."""
    askers = [Asker(family) for _ in range(count)]
    seen = [asker.ask((addresses[0], PORTS[0])) for asker in askers]
    ports = [endpoint[1] for endpoint in seen if endpoint]
    return {"ports": ports, "preserved": sum(endpoint is not None and endpoint[1] == asker.port for asker, endpoint in zip(askers, seen))}


def set_ttl(asker: Asker, family, ttl: int) -> None:
    if family == socket.AF_INET6:
        asker.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        asker.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def who_killed(asker: Asker, family, patience: float) -> str | None:
    """The router that an ICMP error on the socket's error queue comes from."""
    poller = select.poll()
    poller.register(asker.socket, 0)
    if not poller.poll(patience * 1000):
        return None
    _, ancillary, _, _ = asker.socket.recvmsg(2048, 1024, socket.MSG_ERRQUEUE)
    for _, _, data in ancillary:  # struct sock_extended_err, then the offender's sockaddr
        offender = data[16:]
        if len(offender) >= 8 and struct.unpack_from("H", offender)[0] == socket.AF_INET:
            return socket.inet_ntop(socket.AF_INET, offender[4:8])
        if len(offender) >= 24 and struct.unpack_from("H", offender)[0] == socket.AF_INET6:
            return socket.inet_ntop(socket.AF_INET6, offender[8:24])
    return None


def ask_hops(peer: str, family, most: int = 5) -> list[str | None]:
    """Where packets with hop limit 1, 2, … die on the way to the peer."""
    killers = []
    for ttl in range(1, most + 1):
        asker = Asker(family)
        asker.socket.setsockopt(*SO_RECVERR[family], 1)
        set_ttl(asker, family, ttl)
        asker.socket.sendto(b"hop", (peer, 7777))
        killers.append(who_killed(asker, family, PATIENCE / 2))
    return killers


def ask_opener(addresses: list[str], family, ttl: int) -> bool | None:
    """Whether a packet that dies on the way still opens the NAT's filter for the endpoint it was sent to."""
    asker = Asker(family)
    if asker.ask((addresses[0], PORTS[0])) is None:
        return None
    set_ttl(asker, family, ttl)
    asker.socket.sendto(b"opener", (addresses[1], PORTS[1]))
    set_ttl(asker, family, 64)
    time.sleep(0.05)
    return asker.ask((addresses[0], PORTS[0]), b"a", GUARD) is not None


def ask_tcp(addresses: list[str], family) -> tuple[str, int] | None:
    try:
        with socket.create_connection((addresses[0], PORTS[0]), timeout=PATIENCE) as connection:
            words = connection.recv(200).split()
            return words[1].decode(), int(words[2])
    except (OSError, IndexError):
        return None


def local_address(server: str, family) -> str:
    with socket.socket(family, socket.SOCK_DGRAM) as unsent:
        unsent.connect((server, 9))
        return unsent.getsockname()[0]


def ask(addresses: list[str], peer: str | None) -> dict:
    family = family_of(addresses[0])
    found = {"local": local_address(addresses[0], family)}
    openers: dict[int, bool | None] = {}
    experiments = {
        "mapping": lambda: found.update(ask_mapping(addresses, family)),
        "filtering": lambda: found.update(ask_filtering(addresses, family)),
        "tcp": lambda: found.update(tcp=ask_tcp(addresses, family)),
        "hops": lambda: found.update(hops=ask_hops(peer, family) if peer else []),
    }
    threads = [threading.Thread(target=experiment) for experiment in experiments.values()]
    threads += [threading.Thread(target=lambda ttl=ttl: openers.update({ttl: ask_opener(addresses, family, ttl)})) for ttl in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["openers"] = [openers[ttl] for ttl in sorted(openers)]
    if found["mapped"]:  # last and alone: others would take numbers out of a sequence
        found |= ask_allocation(addresses, family)
    return found


def stream(address: str, count: int) -> dict:
    """Paced packets on one socket; their round trips in ms, sorted. What is missing was lost, one way or the other."""
    asker = Asker(family_of(address))
    sent, rtts = {}, []

    def listen() -> None:
        while True:
            try:
                words = asker.socket.recv(2048).split()
            except OSError:
                return
            if words[0] in sent:
                rtts.append((time.monotonic() - sent[words[0]]) * 1000)

    asker.socket.settimeout(1.0)  # of silence
    listener = threading.Thread(target=listen)
    listener.start()
    for _ in range(count):
        name = token()
        sent[name] = time.monotonic()
        asker.socket.sendto(name + b" s", (address, PORTS[0]))
        time.sleep(0.002)
    listener.join()
    return {"sent": count, "rtts": sorted(rtts)}


def knock(address: str) -> dict:
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as unasked:
        unasked.connect((address, 61234))
        unasked.settimeout(0.3)
        for _ in range(COPIES):
            try:
                unasked.send(b"knock")
                unasked.recv(100)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                return {"refused": True}
        return {"refused": False}


def main(words: list[str]) -> None:
    match words:
        case ["serve", *addresses] if addresses:
            serve(addresses)
        case ["ask", one, other, *peer]:
            print(json.dumps(ask([one, other], peer[0] if peer else None)))
        case ["stream", address, count]:
            print(json.dumps(stream(address, int(count))))
        case ["knock", address]:
            print(json.dumps(knock(address)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
