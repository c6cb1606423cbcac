"""What thousands of idle clients cost rendezvousd, and how long a pair waits to be told of each other beside them.

Run through scripts/bench rendezvous, which builds what is measured. All on loopback, so the times are the server's own
and the scheduler's: no network is in them. The clients are sockets of a few processes that answer pings and do nothing else.
"""

import argparse
import json
import multiprocessing
import os
import re
import resource
import select
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "build" / "release" / "bin" / "rendezvousd"
HOST = "127.0.0.1"
HELLO = b'{"type":"hello","version":1}\n'
PER_PROCESS = 4000     # of clients, so that no process of ours needs an unusual limit
AT_ONCE = 100          # that register together: less than what waits in the listener's queue
SPARE_FILES = 200      # of the server, beside its clients
WATCHED_SECONDS = 16   # a little more than one interval of pings
PING = re.compile(rb'\{"type":"ping","number":(\d+)')


def line(**message) -> bytes:
    return json.dumps(message).encode() + b"\n"


def register(client: socket.socket, name: str, description: str | None = None) -> None:
    text = HELLO + line(type="register", id=f"id of {name}", token=f"token of {name}")
    if description:  # as an idle listener of punch holds it
        text += line(type="open", place=1, purpose="listen", name=name, description=description)
    client.sendall(text)


def make_certificate(folder: str) -> list[str]:
    """The server's options for one."""
    certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                    certificate, "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    return ["--tls-cert", certificate, "--tls-key", key]


def hold(port: int, first: int, count: int, transport: str, told) -> None:
    """Registers so many clients and answers their pings, until this process is ended."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # what is measured is the server's side
    poll = select.epoll()
    clients: dict[int, socket.socket] = {}
    description = "d" * 600  # a sealed one with four candidates

    def answer(seconds: float) -> int:
        heard = 0
        for number, _ in poll.poll(seconds):
            data = clients[number].recv(65536)
            if not data:
                raise SystemExit("the server hung up")
            heard += data.count(b'"type":"registered"')
            if ping := PING.findall(data):
                clients[number].send(line(type="pong", number=int(ping[-1]), heard=0))
        return heard

    registered = 0
    for begin in range(first, first + count, AT_ONCE):
        batch = range(begin, min(begin + AT_ONCE, first + count))
        for number in batch:
            client = socket.create_connection((HOST, port), timeout=30)
            if transport == "tls":
                client = context.wrap_socket(client)
            clients[client.fileno()] = client
            poll.register(client, select.EPOLLIN)
            register(client, str(number), description)
        end = time.monotonic() + 30
        while registered < batch.stop - first:
            registered += answer(1)
            if time.monotonic() > end:
                raise SystemExit(f"only {registered} of {batch.stop - first} clients could register")
    told.put(registered)
    while True:
        answer(60)


class Player:
    """One of a pair. Pings are answered while it waits for something."""

    def __init__(self, port: int, name: str):
        self.socket = socket.create_connection((HOST, port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.place = 0
        register(self.socket, name)
        self.wait_for(b'"type":"registered"')

    def lines(self):
        data = self.socket.recv(65536)
        if not data:
            raise SystemExit("the server hung up")
        *whole, self.rest = (self.rest + data).split(b"\n")
        for one in whole:
            if ping := PING.match(one):
                self.socket.sendall(line(type="pong", number=int(ping[1]), heard=self.place and self.place - 1))
            yield one

    def wait_for(self, what: bytes) -> None:
        while not any(what in one for one in list(self.lines())):
            pass

    def open(self, room: str) -> None:
        self.place += 1
        self.socket.sendall(line(type="open", place=self.place, purpose="pair", name=room, description="d"))


def pair(port: int, rounds: int, pause: float) -> list[float]:
    """Seconds from the second one's wish until both are told, each time in another room. With a pause longer than a
    second the server asks both first whether they are there."""
    seconds = []
    for number in range(rounds):
        both = [Player(port, f"player {number} {side} {os.getpid()} {time.monotonic()}") for side in "ab"]
        time.sleep(pause)
        both[0].open(f"room {number}")
        time.sleep(0.002)  # it has arrived
        poll = select.poll()
        waiting = {}
        for one in both:
            poll.register(one.socket, select.POLLIN)
            waiting[one.socket.fileno()] = one
        start = time.monotonic()
        both[1].open(f"room {number}")
        while waiting:
            for ready, _ in poll.poll(10000) or sys.exit("a pair was not told within 10 s"):
                if ready in waiting and any(b'"peer-found"' in one for one in list(waiting[ready].lines())):
                    del waiting[ready]
                    poll.unregister(ready)
        seconds.append(time.monotonic() - start)
        for one in both:
            one.socket.sendall(line(type="goodbye", reason="closed", detail=""))
            one.socket.close()
    return seconds


def resident_bytes(process: int) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def describe(what: str, seconds: list[float]) -> None:
    ordered = sorted(1000 * one for one in seconds)
    print(f"  {what:<34} median {statistics.median(ordered):6.2f} ms   p90 {ordered[int(0.9 * len(ordered))]:6.2f} ms   "
          f"most {ordered[-1]:6.2f} ms", flush=True)


def measure(port: int, server: int, clients: int, rounds: int, transport: str) -> None:
    print("pairing, with nobody else there")
    pair(port, 5, 0)
    describe("both known to be there", pair(port, rounds, 0))
    describe("both asked first", pair(port, max(3, rounds // 10), 1.2))
    before = resident_bytes(server)
    told = multiprocessing.Queue()
    began = time.monotonic()
    loads = [multiprocessing.Process(target=hold, args=(port, first, min(PER_PROCESS, clients - first), transport, told), daemon=True)
             for first in range(0, clients, PER_PROCESS)]
    try:
        for one in loads:
            one.start()
        registered = 0
        while registered < clients:
            while told.empty():
                if any(not one.is_alive() for one in loads):
                    sys.exit("not all clients could register")
                time.sleep(0.05)
            registered += told.get()
        took = time.monotonic() - began
        print(f"{clients} clients registered over {transport.upper()}, each listening under a name, in {took:.1f} s ({clients / took:.0f} a second)")
        used, began = cpu_seconds(server), time.monotonic()
        time.sleep(WATCHED_SECONDS)
        share = (cpu_seconds(server) - used) / (time.monotonic() - began)
        after = resident_bytes(server)
        print(f"  memory {after / 2**20:.1f} MiB, {before / 2**20:.1f} before: {(after - before) / clients / 1024:.2f} KiB for each client")
        print(f"  processor {100 * share:.1f} % of one while they are idle (a ping every 15 s each)")
        print("pairing beside them")
        describe("both known to be there", pair(port, rounds, 0))
        describe("both asked first", pair(port, max(3, rounds // 10), 1.2))
    finally:
        for one in loads:
            one.kill()
            one.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench rendezvous", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=15000, help="idle ones (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=200, help="pairs that are timed (default: %(default)s)")
    parser.add_argument("--transport", choices=("tcp", "tls"), default="tcp", help="of the idle ones (default: %(default)s)")
    options = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    clients = min(options.clients, files - SPARE_FILES)
    if clients < options.clients:
        print(f"this machine allows {files} open files in a process (ulimit -Hn): {clients} clients instead of {options.clients}")
    room = str(clients + 100)
    with tempfile.TemporaryDirectory() as folder:
        run(clients, options, ["--max-clients", room, "--max-clients-per-address", room,
                               *(make_certificate(folder) if options.transport == "tls" else [])])


def run(clients: int, options: argparse.Namespace, arguments: list[str]) -> None:
    server = subprocess.Popen([SERVER, "--quiet", "--log", "json", "--listen", f"{HOST}:0", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        port = int(json.loads(server.stdout.readline())["udp"][0].rsplit(":", 1)[1])
        measure(port, server.pid, clients, options.rounds, options.transport)
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
