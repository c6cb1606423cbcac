"""A TURN client that keeps one allocation over UDP and asks one question at a time: for what our client never does. Standard
library only; RFC 8489 §9.2 with MD5 and SHA-1, RFC 8656 §7."""
import hashlib
import hmac
import os
import socket
import struct
import time

COOKIE = 0x2112A442
ALLOCATE, REFRESH = 0x003, 0x004
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, LIFETIME, REALM, NONCE, REQUESTED_TRANSPORT = 0x06, 0x08, 0x09, 0x0D, 0x14, 0x15, 0x19
OVER_UDP = struct.pack("!I", 17 << 24)
TRIES, PATIENCE = 5, 1.0


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def attributes_of(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at + 4 <= len(message):
        kind, size = struct.unpack_from("!HH", message, at)
        found.setdefault(kind, message[at + 4:at + 4 + size])
        at += 4 + size + -size % 4
    return found


class Words:
    def __init__(self, host: str, port: int):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, port))
        self.socket.settimeout(PATIENCE)
        self.realm = self.nonce = b""

    def __enter__(self) -> "Words":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def ask(self, method: int, asked: bytes, name: str, password: str) -> int | None:
        """0: granted; the error's code otherwise; None: silence. Whatever is said of the nonce first is learned."""
        code = self.ask_once(method, asked, name, password) if self.realm else 401
        if code == 438 or not self.realm:
            if not self.realm:
                self.ask_once(method, asked, "", "")
            code = self.ask_once(method, asked, name, password)
        return code

    def ask_once(self, method: int, asked: bytes, name: str, password: str) -> int | None:
        head = struct.pack("!HHI", method, 0, COOKIE) + os.urandom(12)
        body = asked
        if name:
            body += attribute(USERNAME, name.encode()) + attribute(REALM, self.realm) + attribute(NONCE, self.nonce)
            key = hashlib.md5(b":".join((name.encode(), self.realm, password.encode()))).digest()
            covered = head[:2] + struct.pack("!H", len(body) + 24) + head[4:] + body   # as if it ended there
            body += attribute(MESSAGE_INTEGRITY, hmac.new(key, covered, hashlib.sha1).digest())
        request = head[:2] + struct.pack("!H", len(body)) + head[4:] + body
        for _ in range(TRIES):
            try:
                self.socket.send(request)
                answer = self.socket.recv(2048)
            except OSError:   # silence, or a server that opens its TCP port first
                time.sleep(0.1)
                continue
            if answer[8:20] == head[8:]:
                return self.learn(answer)
        return None

    def learn(self, answer: bytes) -> int:
        told = attributes_of(answer)
        self.realm, self.nonce = told.get(REALM, self.realm), told.get(NONCE, self.nonce)
        return told[ERROR_CODE][2] * 100 + told[ERROR_CODE][3] if ERROR_CODE in told else 0

    def allocate(self, name: str, password: str) -> int | None:
        return self.ask(ALLOCATE, attribute(REQUESTED_TRANSPORT, OVER_UDP), name, password)

    def refresh(self, name: str, password: str) -> int | None:
        return self.ask(REFRESH, attribute(LIFETIME, struct.pack("!I", 600)), name, password)
