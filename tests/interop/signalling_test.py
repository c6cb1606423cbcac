#!/usr/bin/env python3
"""Clients meet at rendezvousd: our client (rendezvous_caller) on real sockets, and lines of JSON as a stranger writes them.
All on loopback.
"""
import contextlib
import json
import os
import queue
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs

HOST = "127.0.0.1"
PATIENCE = 10.0


class TlsSocket:
    """TLS for one thread that reads and another that writes: OpenSSL forbids both at once on one connection."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str):
        self.tls = context.wrap_socket(plain, server_hostname=host)
        self.tls.setblocking(False)
        self.turn = threading.Lock()

    def recv(self, most: int) -> bytes:
        while True:
            with self.turn, contextlib.suppress(ssl.SSLWantReadError):
                return self.tls.recv(most)
            select.select([self.tls], [], [])

    def sendall(self, data: bytes) -> None:
        while data:
            with self.turn, contextlib.suppress(ssl.SSLWantWriteError):
                data = data[self.tls.send(data):]
                continue
            select.select([], [self.tls], [])

    def __getattr__(self, name: str):
        return getattr(self.tls, name)


class Line:
    """A connection of JSON lines. Pings are answered by themselves, for as long as it is not mute."""

    def __init__(self, place: str, context: ssl.SSLContext | None = None):
        host, port = place.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = TlsSocket(self.socket, context, host)
        else:
            self.socket.settimeout(None)  # its reader waits for as long as there is a test; the test's own waits are bounded
        self.is_mute = False
        self._heard: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines():
                message = json.loads(line)
                if message["type"] == "ping" and not self.is_mute:
                    self.say(type="pong", number=message["number"], heard=0)
                self._heard.put(message)
        self._heard.put({"type": "end"})

    def _lines(self) -> Iterator[bytes]:
        unfinished = b""
        while piece := self.socket.recv(65536):
            *whole, unfinished = (unfinished + piece).split(b"\n")
            yield from whole

    def say(self, **message) -> None:
        self.raw(json.dumps(message).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, *kinds: str, patience: float = PATIENCE) -> dict:
        """The next message of one of these types, or the end of the connection."""
        while True:
            message = self._heard.get(timeout=patience)
            if message["type"] in (*kinds, "end"):
                return message

    def register(self, name: str, **more) -> dict:
        self.say(type="hello", version=1)
        self.say(type="register", id=name, token=f"token of {name}", **more)
        return self.hear("registered", "goodbye")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE)
        self.socket.close()


def caller(place: str, name: str, purpose: str, room: str, wait_ms: int = 20000, authorities: str | None = None) -> programs.Program:
    return programs.Program(os.environ["RENDEZVOUS_CALLER"], place, name, purpose, room, str(wait_ms), *([authorities] if authorities else []))


def finish(program: programs.Program) -> int:
    """Waits until it ends by itself."""
    with program:
        return program.process.wait(PATIENCE)


@contextlib.contextmanager
def server(*options: str) -> Iterator[str]:
    """Where it listens."""
    program, places = programs.serve("--listen", f"{HOST}:0", "--quiet", *options)
    with program:
        yield places[0]


class Signalling(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def line(self, place: str, context: ssl.SSLContext | None = None) -> Line:
        line = Line(place, context)
        self.stack.callback(line.close)
        return line

    def call(self, *arguments, **more) -> programs.Program:
        return self.stack.enter_context(caller(*arguments, **more))

    def start(self, *options: str) -> str:
        return self.stack.enter_context(server(*options))

    def meet(self, first: programs.Program, second: programs.Program) -> None:
        """The two have found each other and exchanged candidates."""
        found = [one.wait_for(r"found (\w+) (\w+) ([0-9a-f]{16}) .* said description") for one in (first, second)]
        self.assertEqual(found[0][3], found[1][3])
        self.assertEqual({found[0][2], found[1][2]}, {"controlling", "controlled"})
        for one in (first, second):
            one.wait_for(r"connected")

    def test_two_in_a_room_are_told_of_each_other(self):
        place = self.start()
        self.meet(self.call(place, "anna", "pair", "den"), self.call(place, "bert", "pair", "den"))

    def test_who_listens_is_found_by_one_after_the_other(self):
        place = self.start()
        listener = self.call(place, "anna", "listen", "anna's")
        listener.wait_for("registered")
        for name in ("bert", "carl"):
            self.meet(self.call(place, name, "connect", "anna's"), listener)

    def test_tls_on_the_same_port(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = programs.make_certificate(folder, HOST)
            place = self.start("--tls-cert", certificate, "--tls-key", key)
            # One side by TLS, the other one without, at one port.
            self.meet(self.call(place, "anna", "pair", "den", authorities=certificate), self.call(place, "bert", "pair", "den"))
            line = self.line(place, ssl.create_default_context(cafile=certificate))
            self.assertEqual(line.register("carl")["session"], "fresh")

    def test_a_certificate_of_somebody_else_is_no_server(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            certificate, key = programs.make_certificate(folder, HOST)
            stranger, _ = programs.make_certificate(other, HOST)
            place = self.start("--tls-cert", certificate, "--tls-key", key)
            client = self.call(place, "anna", "pair", "den", authorities=stranger)
            client.wait_for("refused finally server-unreachable: .*certificate")
            self.assertEqual(finish(client), 3)

    def test_stun_and_signalling_share_a_port(self):
        place = self.start()
        answer = subprocess.run([programs.own("nat-probe"), "--json", place], capture_output=True, text=True, timeout=programs.RUN_SECONDS,
                                env={**os.environ, "XDG_CACHE_HOME": programs.NO_CACHE})
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(self.line(place).register("anna")["session"], "fresh")

    def test_each_refusal_has_its_reason(self):
        place = self.start()
        lonely = self.call(place, "anna", "connect", "nobody's", 0)
        lonely.wait_for("refused finally target-not-connected: nobody listens under that name")
        self.assertEqual(finish(lonely), 5)
        waiting = self.call(place, "anna", "pair", "empty", 500)
        waiting.wait_for("refused finally target-not-connected: nobody else came")
        self.assertEqual(finish(waiting), 5)

        owner = self.line(place)
        owner.register("owner")
        owner.say(type="open", place=1, purpose="listen", name="taken")
        owner.say(type="ping", number=1, heard=0)
        self.assertEqual(owner.hear("pong")["heard"], 1)
        intruder = self.call(place, "intruder", "listen", "taken")
        intruder.wait_for("refused finally authentication-failed: somebody else listens")
        self.assertEqual(finish(intruder), 4)

        pair = [self.line(place) for _ in range(2)]
        for number, line in enumerate(pair):
            line.register(f"guest {number}")
            line.say(type="open", place=1, purpose="pair", name="full", description="d")
            if number:
                line.hear("peer-found")
        third = self.call(place, "third", "pair", "full")
        third.wait_for("refused finally rejected: two others are in that room already")
        self.assertEqual(finish(third), 4)

    def test_a_second_attempt_of_the_same_two_is_told_of_the_first(self):
        place = self.start()
        both = [self.line(place) for _ in range(2)]
        for number, line in enumerate(both):
            line.register(f"guest {number}")
            line.say(type="open", place=1, purpose="pair", name="den", description="d")
        first = [line.hear("peer-found") for line in both]
        for line in both:
            line.say(type="open", place=2, purpose="pair", name="den again", description="d")
        refusal = both[1].hear("refused")
        self.assertEqual((refusal["reason"], refusal["attempt"]), ("already-in-progress", first[0]["attempt"]))

    def test_who_is_there_and_silent_is_unresponsive(self):
        place = self.start()
        mute = self.line(place)
        mute.register("mute")
        mute.is_mute = True
        mute.say(type="open", place=1, purpose="listen", name="mute's", description="d")
        time.sleep(1.2)  # what it has answered so far is old news
        client = self.call(place, "anna", "connect", "mute's", 1000)
        client.wait_for("refused finally target-unresponsive")
        self.assertEqual(finish(client), 5)

    def test_a_full_server_says_so(self):
        place = self.start("--max-clients", "1")
        self.assertEqual(self.line(place).register("anna")["type"], "registered")
        late = self.call(place, "bert", "pair", "den")
        late.wait_for("refused finally server-full")
        self.assertEqual(finish(late), 4)

    def test_one_address_has_its_share(self):
        place = self.start("--max-clients-per-address", "2")
        told = [self.line(place).register(f"client {number}") for number in range(3)]
        self.assertEqual([one["type"] for one in told], ["registered", "registered", "goodbye"])
        self.assertEqual(told[2]["reason"], "server-full")

    def test_a_client_has_so_many_names(self):
        line = self.line(self.start("--max-names-per-client", "1"))
        line.register("anna")
        for number in (1, 2):
            line.say(type="open", place=number, purpose="listen", name=f"name {number}")
        refusal = line.hear("refused")
        self.assertEqual((refusal["place"], refusal["reason"]), (2, "server-full"))

    def test_another_version_is_told_both_versions(self):
        line = self.line(self.start())
        line.say(type="hello", version=99)
        goodbye = line.hear("goodbye")
        self.assertEqual(goodbye["reason"], "version-mismatch")
        self.assertIn("99", goodbye["detail"])
        self.assertEqual(line.hear("goodbye")["type"], "end")

    def test_what_is_no_message_ends_the_connection_with_a_word(self):
        place = self.start()
        for nonsense in (b"{ this is no JSON\n", b'{"type": "register"}\n', b"{" * 40000):
            with self.subTest(nonsense=nonsense[:20]):
                line = self.line(place)
                line.raw(nonsense)
                self.assertEqual(line.hear("goodbye")["type"], "goodbye")
                self.assertEqual(line.hear("goodbye")["type"], "end")

    def test_without_signalling_json_is_noise(self):
        line = self.line(self.start("--signalling", "off"))
        with contextlib.suppress(OSError):
            line.say(type="hello", version=1)
            self.assertEqual(line.hear("welcome")["type"], "end")

    def test_what_answers_but_is_no_rendezvousd(self):
        with socket.create_server((HOST, 0)) as other:
            client = self.call(f"{HOST}:{other.getsockname()[1]}", "anna", "pair", "den")
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.wait_for("refused finally version-mismatch: .*no rendezvousd")
        self.assertEqual(finish(client), 7)

    def test_a_dead_server_is_passed_over(self):
        place = self.start()
        with socket.create_server((HOST, 0)) as free:
            dead = f"{HOST}:{free.getsockname()[1]}"
        self.meet(self.call(f"{dead},{place}", "anna", "pair", "den"), self.call(f"{place},{dead}", "bert", "pair", "den"))
        alone = self.call(dead, "anna", "pair", "den")
        alone.wait_for("refused finally server-unreachable")
        self.assertEqual(finish(alone), 3)

    def test_who_registers_is_let_in_by_the_relay(self):
        with tempfile.TemporaryDirectory() as folder, echo() as peer:
            certificate, key = programs.make_certificate(folder, HOST)
            place = self.start("--relay", "on", "--allow-peers", "loopback", "--tls-cert", certificate, "--tls-key", key)
            services = self.line(place).register("anna")["services"]
            relays = {one["transport"]: one for one in services if one["service"] == "turn"}
            self.assertEqual(set(relays), {"udp", "tcp", "tls"})
            for transport, relay in relays.items():
                with self.subTest(transport=transport):
                    self.assertNotIn("address", relay)  # where the client has reached the server
                    self.assertIn("echoed 3 ", turn_call(transport, place, relay["username"], relay["password"], peer, certificate))
            relay = relays["udp"]
            self.assertIn("failed", turn_call("udp", place, relay["username"], relay["password"][::-1], peer, certificate))
            self.assertEqual({one["transport"] for one in services if one["service"] == "stun"}, {"udp", "tcp"})
            self.assertEqual({one["transport"] for one in services if one["service"] == "signalling"}, {"tcp", "tls"})

    def test_a_relay_elsewhere_is_handed_out_with_names_of_its_secret(self):
        with tempfile.TemporaryDirectory() as folder, echo() as peer:
            secret = Path(folder, "secret")
            secret.write_text("north\n")
            relay = self.start("--auth-secret-file", str(secret), "--allow-peers", "loopback")
            place = self.start("--auth-secret-file", str(secret), "--turn", f"turn:{relay}?transport=udp", "--turn", "turns:localhost:443")
            told = [one for one in self.line(place).register("anna")["services"] if one["service"] == "turn"]
            self.assertEqual(told[0]["address"], relay)
            self.assertIn("echoed 3 ", turn_call("udp", relay, told[0]["username"], told[0]["password"], peer))
            self.assertEqual({(one["transport"], one["name"]) for one in told[1:]}, {("tls", "localhost")})

    def test_a_new_secret_makes_new_names_for_those_who_are_there(self):
        with tempfile.TemporaryDirectory() as folder, echo() as peer:
            secret = Path(folder, "secret")
            secret.write_text("north\n")
            program, places = programs.serve("--listen", f"{HOST}:0", "--quiet", "--auth-secret-file", str(secret), "--allow-peers", "loopback")
            self.stack.enter_context(program)
            line = self.line(places[0])
            old = line.register("anna")["services"][-1]
            secret.write_text("south\n")
            program.process.send_signal(signal.SIGHUP)
            new = line.hear("services", patience=20)["services"][-1]  # with the next ping
            self.assertIn("failed", turn_call("udp", places[0], old["username"], old["password"], peer))
            self.assertIn("echoed 3 ", turn_call("udp", places[0], new["username"], new["password"], peer))

    def test_without_a_relay_none_is_handed_out(self):
        services = self.line(self.start()).register("anna")["services"]
        self.assertEqual({one["service"] for one in services}, {"signalling", "stun"})

    def test_a_killed_server_that_is_started_anew_finds_its_clients_again(self):
        program, places = programs.serve("--listen", f"{HOST}:0", "--quiet")
        with program:
            early = self.call(places[0], "anna", "pair", "den")
            early.wait_for("registered")
            program.process.send_signal(signal.SIGKILL)
            early.wait_for("lost")
        self.start("--listen", places[0])
        early.wait_for("resumed fresh")
        self.meet(self.call(places[0], "bert", "pair", "den"), early)

    def test_a_server_that_ends_in_order_says_so(self):
        program, places = programs.serve("--listen", f"{HOST}:0", "--quiet")
        with program:
            line = self.line(places[0])
            line.register("anna")
            program.process.terminate()
            self.assertEqual(line.hear("closing")["type"], "closing")
            self.assertEqual(program.process.wait(PATIENCE), -signal.SIGTERM)

    def test_a_killed_client_is_told_to_its_peer_within_three_seconds(self):
        place = self.start()
        both = [self.call(place, name, "pair", "den") for name in ("anna", "bert")]
        self.meet(*both)
        # The two count as connected; a restart of either would have to be told. Kill one in the middle of an attempt.
        pair = [self.line(place) for _ in range(2)]
        for number, line in enumerate(pair):
            line.register(f"guest {number}")
            line.say(type="open", place=1, purpose="pair", name="hall", description="d")
        for line in pair:
            line.hear("peer-found")
        began = time.monotonic()
        pair[0].close()
        self.assertEqual(pair[1].hear("bye")["reason"], "connection-to-target-lost")
        self.assertLess(time.monotonic() - began, 3)

    def test_a_killed_client_that_is_started_anew_takes_its_name_back(self):
        place = self.start()
        first = self.call(place, "anna", "listen", "anna's")
        first.wait_for("registered")
        self.meet(self.call(place, "bert", "connect", "anna's"), first)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(PATIENCE)
        again = self.call(place, "anna", "listen", "anna's")
        again.wait_for("registered")
        self.meet(self.call(place, "carl", "connect", "anna's"), again)

    def test_a_client_that_was_cut_off_finds_everything_as_it_was(self):
        place = self.start()
        line = self.line(place)
        line.register("anna")
        line.say(type="open", place=1, purpose="pair", name="den", description="of anna")
        line.say(type="ping", number=1, heard=0)
        line.hear("pong")
        line.close()
        back = self.line(place)
        self.assertEqual(back.register("anna", heard=0)["session"], "resumed")
        other = self.line(place)
        other.register("bert")
        other.say(type="open", place=1, purpose="pair", name="den", description="of bert")
        back.hear("ping")
        self.assertEqual(other.hear("peer-found")["description"], "of anna")


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """The port of a peer that sends back what it gets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))

        def answer() -> None:
            with contextlib.suppress(OSError):
                while (heard := peer.recvfrom(65536))[1]:  # nobody: it was shut down
                    peer.sendto(*heard)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield peer.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def turn_call(transport: str, place: str, name: str, password: str, peer: int, authorities: str = "") -> str:
    done = subprocess.run([os.environ["TURN_CALLER"], transport, place, name, password, f"{HOST}:{peer}", "3", "ipv4",
                           *([authorities] if authorities else [])], capture_output=True, text=True, timeout=programs.RUN_SECONDS)
    return done.stdout + done.stderr


if __name__ == "__main__":
    programs.own("rendezvousd")
    unittest.main()
