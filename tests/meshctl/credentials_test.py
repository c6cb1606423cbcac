#!/usr/bin/env python3
"""What a member says to the server is read on its way: no password, no key and no content of a secret file is among it."""
import base64
import re
import socket
import tempfile
import threading
from pathlib import Path

import loopback
import programs
from loopback import SECONDS, check, until
from players import Player, run

PASSWORD = "correct horse battery staple 4711"


class Recorder:
    """A TCP forwarder to the server. It keeps what goes each way."""

    def __init__(self, server: str):
        host, _, port = server.rpartition(":")
        self.target = host, int(port)
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket) -> None:
        try:
            while piece := here.recv(65536):
                self.heard.append(piece)
                there.sendall(piece)
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def all(self) -> bytes:
        return b"".join(self.heard)


def shapes(secret: bytes) -> list[bytes]:
    """As it could stand in a line of text."""
    return [secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), secret[:24], secret[-24:]]


def key_of(pem: Path) -> bytes:
    """The number that nobody else may know: P-256's private one, in PKCS #8 behind 04 20."""
    body = re.search(r"-----BEGIN PRIVATE KEY-----(.*?)-----END", pem.read_text(), re.DOTALL)
    der = base64.b64decode(body.group(1))
    at = der.index(b"\x04\x20") + 2
    return der[at:at + 32]


server, udp = programs.serve("--listen", "127.0.0.1:0")
recorder = Recorder(udp[0])
members: list = []
with tempfile.TemporaryDirectory(prefix="credentials-") as folder:
    password = Path(folder, "password")
    password.write_text(PASSWORD + "\n")
    try:
        for name in ("anna", "ben"):
            members.append(loopback.Member(recorder.place, name, "join" if members else "create", "--password-file", str(password),
                                           "--identity", f"{folder}/{name}.pem", "--admit-cmd", f"test -s {password}"))
            check(members[-1].wait_for("joined", SECONDS), f"{name} is in, past the recorder")
        wrong = Path(folder, "wrong")
        wrong.write_text("another one\n")
        stranger = loopback.Member(recorder.place, "carl", "join", "--password-file", str(wrong))
        members.append(stranger)
        stranger.wait(SECONDS)
        check(stranger.process.returncode == 4, "who has another password is refused")
        check(members[0].ask("send", "hello").returncode == 0 and until(lambda: members[1].find("message")), "they talk")
        players = [Player(recorder.place, name, "--players", "2") for name in ("dora", "emil")]
        members += players
        check(all(each.wait_for("joined", SECONDS) for each in players), "two are matched")
        report = run("report", "1" * 32, "b" * 64, "--reason", "abuse", "--server", recorder.place, folder=players[0].folder)
        check(report.returncode == 0, "and one reports somebody")
        heard = recorder.all()
        check(len(heard) > 10000 and b'"type":"register"' in heard and b'"type":"seek"' in heard and b'"type":"report"' in heard, f"{len(heard)} bytes were recorded")
        for what, secret in [("the password", PASSWORD.encode()), ("a wrong password", b"another one")]:
            check(not any(shape in heard for shape in shapes(secret)), f"{what} is not among them")
        keys = [Path(folder, "anna.pem"), Path(folder, "ben.pem"), *(Path(each.folder, "natkit", "identity.pem") for each in players)]
        check(all(len(key_of(each)) == 32 for each in keys) and not any(shape in heard for each in keys for shape in shapes(key_of(each))), "nor is any private key")
        check(b"PRIVATE KEY" not in heard and str(password).encode() not in heard, "nor the name of a secret file")
        shown = "".join(one.story() for one in members)
        check(PASSWORD not in shown and "PRIVATE KEY" not in shown, "nor do the tools print them")
    finally:
        for each in members:
            each.end()
        server.end()
        recorder.listener.close()
        if loopback.complaints:
            for each in members:
                print(each.story())
loopback.finish()
