#!/usr/bin/env python3
"""TURN with other people's programs, on loopback: coturn's client through our relay, and our client through coturn's.

    turn_test.py theirs|ours

theirs: turnutils_uclient through rendezvousd; ours: turn_caller (our client) through turnserver; both over UDP, TCP and TLS,
with long-term credentials and with names of a shared secret.
"""
import base64
import contextlib
import hashlib
import hmac
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
from turn_words import Words

SECRET = "north"
REALM = "north.example"
HOST = "127.0.0.1"
PACKAGE = "coturn"
TRIES = 5   # turnserver and turnutils_peer want their port number beforehand: somebody else may be faster


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def rest_credentials(user: str = "alice", seconds: int = 3600, secret: str = SECRET) -> tuple[str, str]:
    name = f"{int(time.time()) + seconds}:{user}"
    digest = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()


def answers_tcp(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def echoing_peer() -> Iterator[int]:
    """turnutils_peer, which sends back what it gets."""
    program = programs.foreign("turnutils_peer", PACKAGE)
    for _ in range(TRIES):
        port = free_port()
        with programs.Program(program, "-L", HOST, "-p", str(port)) as peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.connect((HOST, port))
            end = time.monotonic() + 5
            while time.monotonic() < end and peer.process.poll() is None:
                with contextlib.suppress(OSError):
                    probe.send(b"are you there?")
                    if probe.recv(100):
                        yield port
                        return
    raise AssertionError("turnutils_peer does not echo")


@contextlib.contextmanager
def turnserver(*options: str) -> Iterator[tuple[int, int]]:
    """coturn: its plain port and its TLS port."""
    program = programs.foreign("turnserver", PACKAGE)
    for _ in range(TRIES):
        plain, tls = free_port(), free_port()
        with tempfile.TemporaryDirectory() as folder:
            command = [program, "-n", "-L", HOST, "-E", HOST, "-p", str(plain), "--tls-listening-port", str(tls), "--no-cli",
                       "--no-dtls", "--allow-loopback-peers", "-r", REALM, "--simple-log", "--log-file", "stdout", "-v",
                       "--pidfile", f"{folder}/pid", "--db", f"{folder}/db", *options]
            with programs.Program(*command) as server:
                end = time.monotonic() + programs.READY_SECONDS
                while time.monotonic() < end and server.process.poll() is None:
                    if answers_tcp(plain) and ("--no-tls" in options or answers_tcp(tls)):
                        yield plain, tls
                        return
                    time.sleep(0.05)
    raise AssertionError("turnserver does not serve")


def check(what: str, holds: bool, said: str) -> bool:
    print(f"{'ok  ' if holds else 'FAIL'} {what}: {said}", flush=True)
    return holds


def outlived(whose: str, port: int) -> bool:
    """What becomes of an allocation whose name ends while it lives. It may be renewed with that name, but with no other: so
    who outlives a name need do nothing, and a new name is for the next allocation only."""
    seconds = 2
    old = rest_credentials(seconds=seconds)
    with Words(HOST, port) as first, Words(HOST, port) as second:
        allocated = first.allocate(*old)
        time.sleep(seconds + 1)
        codes = {"allocated": allocated, "renewed": first.refresh(*old), "by another name": first.refresh(*rest_credentials()),
                 "a new one by the old name": second.allocate(*old)}
    return check(f"a name that ends while {whose} allocation lives", [*codes.values()] == [0, 0, 441, 401], str(codes))


# ---- their client, our relay

def uclient(port: int, peer: int, *options: str, secret: str = SECRET) -> str:
    program = programs.foreign("turnutils_uclient", PACKAGE)
    done = subprocess.run([program, "-e", HOST, "-r", str(peer), "-p", str(port), "-W", secret, "-u", "alice", "-c", "-n", "10", "-m", "3",
                           "-l", "300", "-z", "5", *options, HOST], capture_output=True, text=True, errors="replace", timeout=programs.RUN_SECONDS)
    return done.stdout + done.stderr


def summary(said: str) -> str:
    """The last count is the final one."""
    sent = re.findall(r"tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)", said)
    lost = re.findall(r"Total lost packets (\d+)", said)
    if sent and lost:
        return f"{sent[-1][0]} bytes sent, {sent[-1][1]} back, {lost[-1]} lost"
    return (said.strip().splitlines() or ["nothing"])[-1]


ALL_BACK = re.compile(r"([1-9]\d*) bytes sent, \1 back, 0 lost")


def theirs() -> bool:
    cases = {"UDP": (), "TCP": ("-t",), "TLS": ("-t", "-S"), "UDP, Send indications": ("-s",), "UDP, client to client": ("-y",),
             "TCP, client to client": ("-y", "-t"), "TLS, Send indications": ("-s", "-t", "-S")}
    with tempfile.TemporaryDirectory() as folder, echoing_peer() as peer:
        Path(folder, "secret").write_text(SECRET + "\n")
        cert, key = programs.make_certificate(folder, HOST)
        program, endpoints = programs.serve("--listen", f"{HOST}:0", "--auth-secret-file", f"{folder}/secret", "--allow-peers", "loopback",
                                            "--tls-cert", cert, "--tls-key", key)
        with program:
            port = int(endpoints[0].rsplit(":", 1)[1])
            good = []
            for name, options in cases.items():
                said = summary(uclient(port, peer, *options))
                good.append(check(f"turnutils_uclient over {name}", ALL_BACK.fullmatch(said) is not None, said))
            wrong = uclient(port, peer, secret="south")
            good.append(check("another secret opens nothing", "Cannot complete Allocation" in wrong, summary(wrong)))
            good.append(outlived("our", port))
    return all(good)


# ---- our client, their relay

def caller(transport: str, port: int, peer: int, name: str, password: str, *more: str) -> tuple[int, str]:
    done = subprocess.run([os.environ["TURN_CALLER"], transport, f"{HOST}:{port}", name, password, f"{HOST}:{peer}", "40", *more],
                          capture_output=True, text=True, timeout=programs.RUN_SECONDS)
    return done.returncode, (done.stdout + done.stderr).strip()


def all_transports(what: str, ports: tuple[int, int], peer: int, name: str, password: str, cert: str) -> bool:
    good = []
    for transport in ("udp", "tcp", "tls"):
        status, said = caller(transport, ports[transport == "tls"], peer, name, password, "ipv4", cert)
        good.append(check(f"our client over {transport}, {what}", status == 0 and "echoed 40 " in said, said))
    return all(good)


def ours() -> bool:
    with tempfile.TemporaryDirectory() as folder, echoing_peer() as peer:
        cert, key = programs.make_certificate(folder, HOST)
        tls = ("--cert", cert, "--pkey", key)
        good = []
        with turnserver("--lt-cred-mech", "-u", "alice:secret", *tls) as ports:
            good.append(all_transports("a name and a password", ports, peer, "alice", "secret", cert))
            for user, password, reason in (("alice", "guess", "authentication-failed"), ("", "", "authentication-failed")):
                status, said = caller("udp", ports[0], peer, user, password)
                good.append(check(f"'{user}' with '{password}'", status == 4 and reason in said, said))
            status, said = caller("udp", ports[0], peer, "alice", "secret", "both")
            good.append(check("both families of a server that has IPv4 alone", status == 0, said))
            status, said = caller("udp", ports[0], peer, "alice", "secret", "ipv6")
            good.append(check("IPv6 of a server that has IPv4 alone", status == 4 and "relay-without-family" in said, said))
            status, said = caller("tls", ports[1], peer, "alice", "secret", "ipv4")
            good.append(check("TLS with a certificate that nobody vouches for", status == 4 and "certificate" in said, said))
        with turnserver("--use-auth-secret", "--static-auth-secret", SECRET, *tls) as ports:
            good.append(all_transports("a name of a shared secret", ports, peer, *rest_credentials(), cert))
            status, said = caller("udp", ports[0], peer, *rest_credentials(seconds=-10))
            good.append(check("a name that has ended", status == 4 and "authentication-failed" in said, said))
            good.append(outlived("coturn's", ports[0]))
        with turnserver("--lt-cred-mech", "-u", "alice:secret", "--no-tls", "--stale-nonce=1") as ports:
            status, said = caller("udp", ports[0], peer, "alice", "secret")
            good.append(check("nonces that last a second", status == 0, said))
        with turnserver("--lt-cred-mech", "-u", "alice:secret", "--no-tls", "--user-quota=1") as ports:
            statuses = held_and_second(ports[0], peer)
            good.append(check("a second allocation where one is the quota", "relay-quota-reached" in statuses, statuses))
        status, said = caller("udp", free_port(), peer, "alice", "secret")
        good.append(check("nobody there", status == 4 and ("relay-silent" in said or "relay-unreachable" in said), said))
    return all(good)


def held_and_second(port: int, peer: int) -> str:
    """What a second client is told while the first one holds its allocation: it talks to a port that echoes nothing."""
    silent = free_port()
    with programs.Program(os.environ["TURN_CALLER"], "udp", f"{HOST}:{port}", "alice", "secret", f"{HOST}:{silent}", "1"):
        end = time.monotonic() + 10
        said = ""
        while time.monotonic() < end and "relay-quota-reached" not in said:
            time.sleep(0.2)
            said = caller("udp", port, peer, "alice", "secret")[1]
        return said


def main() -> int:
    tests = {"theirs": theirs, "ours": ours}
    if sys.argv[1:] not in [[name] for name in tests]:
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if tests[sys.argv[1]]() else 1


if __name__ == "__main__":
    sys.exit(main())
