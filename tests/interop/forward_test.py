#!/usr/bin/env python3
"""`punch --then forward` with real programs on loopback: HTTP, bulk both ways, many at once, UDP, refusals, a peer that is
gone. Every wait has a bound; what was started is ended by its process id.
"""
import functools
import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
from punching import Punch

MEGABYTE = 1_000_000
PATIENCE = 60.0


def pattern(size: int, seed: int) -> bytes:
    block = hashlib.shake_256(seed.to_bytes(4, "big")).digest(1 << 16)
    return (block * (size // len(block) + 1))[:size]


def pour(stream: socket.socket, data: bytes) -> None:
    """All of it, and the end of this direction."""
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


def read_all(stream: socket.socket) -> bytes:
    pieces = []
    while piece := stream.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def exchange(stream: socket.socket, data: bytes) -> bytes:
    """Sends and reads at once: what came until the other side ended."""
    writer = threading.Thread(target=pour, args=(stream, data), daemon=True)
    writer.start()
    heard = read_all(stream)
    writer.join(PATIENCE)
    return heard


class Server:
    """Accepts on a free port of 127.0.0.1; each connection goes to `serve` on a thread of its own."""

    def __init__(self, serve):
        self.serve, self.heard, self.news = serve, [], threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            stream.settimeout(PATIENCE)
            threading.Thread(target=self.run, args=(stream,), daemon=True).start()

    def run(self, stream: socket.socket) -> None:
        with stream:
            try:
                heard = self.serve(stream)
            except OSError as error:
                heard = error
        with self.news:
            self.heard.append(heard)
            self.news.notify_all()

    def wait_for_one(self):
        """What one connection brought: its thread may end after the other side is through."""
        with self.news:
            self.news.wait_for(lambda: self.heard, PATIENCE)
            return self.heard

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


class Forwarding(unittest.TestCase):
    rooms = 0

    @classmethod
    def setUpClass(cls):
        cls.server, udp = programs.serve("--listen", "127.0.0.1:0")
        cls.address = udp[0]
        cls.addClassCleanup(cls.server.end)

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def start(self, *arguments: str, room: str) -> Punch:
        side = Punch(None, "pair", room, "--map", "never", "--then", "forward", *arguments, server=self.address)
        self.addCleanup(self.stop, side)
        return side

    @staticmethod
    def stop(side: Punch) -> None:
        if side.process.poll() is None:
            side.process.terminate()
        side.wait(10)
        for stream in (side.process.stdout, side.process.stderr):
            stream.close()

    def pair(self, here: list[str], there: list[str], listening: int = 1) -> None:
        """Two sides that are connected; `self.at` are the endpoints where the first listens."""
        Forwarding.rooms += 1
        room = f"forward-{os.getpid()}-{Forwarding.rooms}"
        self.here, self.there = self.start(*here, room=room), self.start(*there, room=room)
        self.assertTrue(self.here.until(lambda: len(self.here.find("listening")) >= listening, 30), self.here.story())
        self.at = [one.event["at"] for one in self.here.find("listening")]

    def forward(self, port: int) -> None:
        self.pair(["-L", f"127.0.0.1:0:127.0.0.1:{port}"], ["--permit", f"127.0.0.1:{port}"])

    def connect(self, at: int = 0) -> socket.socket:
        host, _, port = self.at[at].rpartition(":")
        return self.enter(socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE))

    def check_cut_off(self, stream: socket.socket) -> None:
        """No bytes: a reset, or an end."""
        try:
            self.assertEqual(stream.recv(1), b"")
        except ConnectionError:
            pass

    def refusal(self, side: Punch) -> dict:
        self.assertTrue(side.wait_for("refused", 10), side.story())
        return side.find("refused")[0].event

    def test_http_goes_through_by_the_name_of_the_host(self):
        folder = Path(self.enter(tempfile.TemporaryDirectory()))
        page = pattern(3 * MEGABYTE, 1)
        (folder / "page").write_bytes(page)
        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        # On many hosts localhost is ::1 first, where nobody listens.
        self.pair(["-L", f"0:localhost:{web.server_port}"], ["--permit", "localhost:*"])
        self.assertTrue(all(at.startswith(("127.0.0.1:", "[::1]:")) for at in self.at), self.at)
        for _ in range(20):
            with urllib.request.urlopen(f"http://{self.at[0]}/page", timeout=PATIENCE) as answer:
                self.assertEqual(answer.read(), page)

    def test_fifty_megabytes_arrive_whole_in_both_directions_at_once(self):
        there, here = pattern(50 * MEGABYTE, 2), pattern(50 * MEGABYTE, 3)
        server = self.enter(Server(lambda stream: exchange(stream, there)))
        self.forward(server.port)
        begin = time.monotonic()
        heard = exchange(self.connect(), here)
        print(f"50 MB each way in {time.monotonic() - begin:.2f} s", flush=True)
        self.assertEqual(hashlib.sha256(heard).digest(), hashlib.sha256(there).digest())
        self.assertEqual(len(server.wait_for_one()), 1)
        self.assertEqual(hashlib.sha256(server.heard[0]).digest(), hashlib.sha256(here).digest())

    def test_connections_go_side_by_side_and_a_stuck_one_holds_up_none(self):
        stuck = threading.Event()
        self.addCleanup(stuck.set)

        def serve(stream: socket.socket) -> bytes:
            head = stream.recv(1)
            if head == b"S":
                stuck.wait(PATIENCE)
            data = read_all(stream)
            stream.sendall(data)
            return data
        server = self.enter(Server(serve))
        self.forward(server.port)
        jammed = self.connect()
        threading.Thread(target=lambda: self.quietly(pour, jammed, b"S" + pattern(20 * MEGABYTE, 4)), daemon=True).start()
        time.sleep(0.5)
        streams = [self.connect() for _ in range(20)]
        heard: dict[int, bytes] = {}
        threads = [threading.Thread(target=lambda i=i: heard.update({i: exchange(streams[i], b"Q" + pattern(MEGABYTE + i, i))}))
                   for i in range(len(streams))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        for i in range(len(streams)):
            self.assertEqual(heard.get(i), pattern(MEGABYTE + i, i))
        stuck.set()
        self.assertEqual(read_all(jammed), pattern(20 * MEGABYTE, 4))

    @staticmethod
    def quietly(call, *arguments) -> None:
        try:
            call(*arguments)
        except OSError:
            pass

    def test_both_sides_may_forward_at_once(self):
        first = self.enter(Server(lambda stream: pour(stream, b"first")))
        second = self.enter(Server(lambda stream: pour(stream, b"second")))
        self.pair(["-L", f"127.0.0.1:0:127.0.0.1:{first.port}", "--permit", f"127.0.0.1:{second.port}"],
                  ["-L", f"127.0.0.1:0:127.0.0.1:{second.port}", "--permit", f"127.0.0.1:{first.port}"])
        self.assertEqual(read_all(self.connect()), b"first")
        self.assertTrue(self.there.wait_for("listening"))
        self.at = [self.there.find("listening")[0].event["at"]]
        self.assertEqual(read_all(self.connect()), b"second")

    def test_datagrams_find_their_way_back(self):
        echo = self.enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        echo.bind(("127.0.0.1", 0))
        port = echo.getsockname()[1]

        def answer() -> None:
            while True:
                try:
                    data, source = echo.recvfrom(1 << 16)
                    echo.sendto(b"re: " + data, source)
                except OSError:
                    return
        threading.Thread(target=answer, daemon=True).start()
        self.pair(["--udp", f"127.0.0.1:0:127.0.0.1:{port}"], ["--permit", f"127.0.0.1:{port}"])
        self.assertEqual(self.here.find("listening")[0].event["protocol"], "udp")
        host, _, door = self.at[0].rpartition(":")
        callers = [self.enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
        for size in (0, 1, 1200, 1400, 9000):
            for number, caller in enumerate(callers):
                caller.settimeout(5)
                data = pattern(size, number)
                caller.sendto(data, (host, int(door)))
                self.assertEqual(caller.recvfrom(1 << 16)[0], b"re: " + data)

    def test_what_is_not_permitted_is_refused_and_both_are_told(self):
        server = self.enter(Server(lambda stream: pour(stream, b"secret")))
        self.pair(["-L", f"127.0.0.1:0:127.0.0.1:{server.port}"], ["--permit", f"127.0.0.2:{server.port}"])
        self.check_cut_off(self.connect())
        for side, by in ((self.here, "peer"), (self.there, "here")):
            told = self.refusal(side)
            self.assertEqual((told["by"], told["protocol"], told["to"], told["detail"]),
                             (by, "tcp", f"127.0.0.1:{server.port}", "not permitted"))
        self.assertEqual(server.heard, [])

    def test_that_nobody_listens_there_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.forward(port)
        self.check_cut_off(self.connect())
        self.assertEqual(self.refusal(self.here)["detail"], "Connection refused")

    def test_when_one_side_is_interrupted_the_other_ends_and_connections_are_cut_off(self):
        server = self.enter(Server(read_all))
        self.forward(server.port)
        stream = self.connect()
        stream.sendall(b"hello")
        time.sleep(0.3)
        self.there.process.send_signal(signal.SIGINT)
        self.assertEqual(self.there.wait(10), -signal.SIGINT)
        self.assertEqual(self.here.wait(10), 0)
        self.check_cut_off(stream)
        deadline = time.monotonic() + 5
        while not server.heard and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIsInstance(server.heard[0], ConnectionError)  # and not "that was all"

    def test_a_peer_that_is_gone_without_a_word_is_noticed(self):
        server = self.enter(Server(read_all))
        self.forward(server.port)
        stream = self.connect()
        stream.sendall(b"hello")
        time.sleep(0.3)
        self.there.kill()
        self.assertEqual(self.here.wait(60), 5, self.here.story())
        self.assertEqual(self.here.reason, "connection-to-target-lost")
        self.check_cut_off(stream)

    def test_a_port_in_use_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            room = f"forward-{os.getpid()}-taken"
            here, there = self.start("-L", f"127.0.0.1:{port}:localhost:80", room=room), self.start("--permit", "localhost:80", room=room)
            self.assertEqual(here.wait(30), 2)
            self.assertEqual(here.reason, "cannot-listen")
            self.assertEqual(there.wait(30), 0)

    def test_what_makes_no_sense_is_told_before_anything_is_done(self):
        for arguments in (["--then", "forward", "-L", "80"], ["--then", "forward", "-L", "8080:host:0"],
                          ["--then", "forward", "-L", "somewhere:8080:host:80"], ["--then", "forward", "--udp", "1:::1:80"],
                          ["--then", "forward", "--permit", "host"], ["--then", "forward", "--permit", "*:80"],
                          ["-L", "8080:host:80"], ["--then", "pipe", "--permit", "host:80"]):
            done = subprocess.run([programs.own("punch"), "pair", "x", "--server", "127.0.0.1", *arguments], capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn("error:", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
