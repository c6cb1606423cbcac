#!/usr/bin/env python3
"""A UPnP router as bad as they come: answers SSDP at 1900 and HTTP at 5000 in the way that MODE says.

    tests/interop/fake_gateway.py ADDRESS MODE        prints "ready", then one line for each request it gets
    tests/interop/fake_gateway.py --list
"""
import socket
import sys
import threading
import time

SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"


def description(control: str = "/ctl", base: str = "", name: str = "Router") -> str:
    return f"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device><deviceType>{IGD}</deviceType>
<friendlyName>{name}</friendlyName><serviceList><service><serviceType>{SERVICE}</serviceType><serviceId>x</serviceId>
<controlURL>{control}</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL></service></serviceList></device></root>"""


def soap(action: str, inner: str) -> str:
    return (f'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<u:{action}Response xmlns:u="{SERVICE}">{inner}</u:{action}Response></s:Body></s:Envelope>')


def fault(code: int) -> str:
    return (f'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
            f'<detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode></UPnPError></detail>'
            f'</s:Fault></s:Body></s:Envelope>')


BOMB = ('<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' +
        "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)) + "]><root>&j;</root>")


class Gateway:
    def __init__(self, address: str, mode: str):
        self.address, self.mode = address, mode
        self.table: dict[tuple[str, str], tuple[str, str, str, str]] = {}

    # What a description or a SOAP call is answered with. Each may take the connection over.
    def answer(self, connection: socket.socket, head: str, body: str) -> None:
        is_call = head.startswith("POST")
        handler = getattr(self, f"{'call' if is_call else 'get'}_{self.mode.replace('-', '_')}", None)
        if handler is None:
            handler = self.call if is_call else self.get
        handler(connection, head, body)

    def reply(self, connection: socket.socket, body: str, status: str = "200 OK", headers: str = "", end: str = "\r\n") -> None:
        head = f"HTTP/1.1 {status}{end}Content-Type: text/xml{end}Content-Length: {len(body)}{end}{headers}{end}"
        connection.sendall((head + body).encode())

    def get(self, connection, head, body) -> None:
        self.reply(connection, description())

    def call(self, connection, head, body) -> None:
        def value(name: str) -> str:
            return body.partition(f"<{name}>")[2].partition("<")[0]
        action = head.partition(SERVICE + "#")[2].partition('"')[0].strip()
        key = (value("NewProtocol"), value("NewExternalPort"))
        if action == "GetStatusInfo":
            self.reply(connection, soap(action, "<NewConnectionStatus>Connected</NewConnectionStatus><NewUptime>9</NewUptime>"))
        elif action == "GetExternalIPAddress":
            self.reply(connection, soap(action, "<NewExternalIPAddress>11.0.0.1</NewExternalIPAddress>"))
        elif action == "AddPortMapping":
            code = self.refuses(value)
            if code:
                return self.reply(connection, fault(code), "500 Internal Server Error")
            self.table[key] = (value("NewInternalClient"), value("NewInternalPort"), value("NewPortMappingDescription"),
                               value("NewLeaseDuration"))
            self.reply(connection, soap(action, ""))
        elif action == "DeletePortMapping":
            known = self.table.pop(key, None)
            self.reply(connection, soap(action, "")) if known else self.reply(connection, fault(714), "500 Error")
        elif action == "GetSpecificPortMappingEntry" and key in self.table:
            client, port, words, lease = self.table[key]
            self.reply(connection, soap(action, f"<NewInternalPort>{port}</NewInternalPort><NewInternalClient>{client}"
                                        f"</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>{words}"
                                        f"</NewPortMappingDescription><NewLeaseDuration>{lease}</NewLeaseDuration>"))
        elif action == "GetGenericPortMappingEntry":
            number = int(value("NewPortMappingIndex") or 0)
            if number >= len(self.table):
                return self.reply(connection, fault(713), "500 Error")
            (protocol, external), (client, port, words, lease) = list(self.table.items())[number]
            self.reply(connection, soap(action, f"<NewRemoteHost></NewRemoteHost><NewExternalPort>{external}</NewExternalPort>"
                                        f"<NewProtocol>{protocol}</NewProtocol><NewInternalPort>{port}</NewInternalPort>"
                                        f"<NewInternalClient>{client}</NewInternalClient><NewEnabled>1</NewEnabled>"
                                        f"<NewPortMappingDescription>{words}</NewPortMappingDescription>"
                                        f"<NewLeaseDuration>{lease}</NewLeaseDuration>"))
        else:
            self.reply(connection, fault(714), "500 Error")

    def refuses(self, value) -> int:
        if self.mode == "only-permanent" and value("NewLeaseDuration") != "0":
            return 725
        if self.mode == "no-lease-argument" and value("NewLeaseDuration") != "0":
            return 402
        if self.mode == "taken" and value("NewExternalPort") == "7000":
            return 718
        if self.mode == "upper-case-only" and value("NewProtocol") not in ("UDP", "TCP"):
            return 402
        return 0

    # The hostile ones.
    def get_silence(self, connection, head, body) -> None:
        time.sleep(60)

    def get_drip(self, connection, head, body) -> None:
        for byte in description().encode():
            connection.sendall(bytes([byte]))
            time.sleep(2)

    def get_endless_body(self, connection, head, body) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<root>")
        while True:
            connection.sendall(b"<a>" * 20000)

    def get_endless_headers(self, connection, head, body) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Header: a value of some length\r\n" * 2000)

    def get_redirect(self, connection, head, body) -> None:
        self.reply(connection, "", "302 Found", "Location: http://127.0.0.1:8088/secret\r\n")

    def get_bomb(self, connection, head, body) -> None:
        self.reply(connection, BOMB)

    def get_deep(self, connection, head, body) -> None:
        self.reply(connection, "<a>" * 200000)

    def get_control_elsewhere(self, connection, head, body) -> None:
        self.reply(connection, description("http://127.0.0.1:8088/secret"))

    def get_base_elsewhere(self, connection, head, body) -> None:
        self.reply(connection, description("/secret", "<URLBase>http://127.0.0.1:8088/</URLBase>"))

    def get_lying_length(self, connection, head, body) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + description().encode())

    def get_escape_codes(self, connection, head, body) -> None:
        self.reply(connection, description(name="\x1b[31mRouter\x1b[0m\x07"))

    def call_escape_codes(self, connection, head, body) -> None:
        if "GetGenericPortMappingEntry" in head:
            self.table.setdefault(("UDP", "9"), ("192.168.77.9", "9", "\x1b[31mred\x1b[0m\x07", "0"))
        self.call(connection, head, body)

    def call_silent_list(self, connection, head, body) -> None:
        if "GetGenericPortMappingEntry" in head:
            print("listing", flush=True)
            time.sleep(60)
        self.call(connection, head, body)

    # The merely odd ones: with these a mapping must come about.
    def get_line_feeds(self, connection, head, body) -> None:
        self.reply(connection, description(), end="\n")

    def get_relative_control(self, connection, head, body) -> None:
        self.reply(connection, description("ctl"))

    def get_absolute_control(self, connection, head, body) -> None:
        self.reply(connection, description(f"http://{self.address}:5000/ctl"))

    def get_base_with_slash(self, connection, head, body) -> None:
        self.reply(connection, description("/ctl", f"<URLBase>http://{self.address}:5000/</URLBase>"))

    def get_chunked(self, connection, head, body) -> None:
        text = description().encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for begin in range(0, len(text), 100):
            piece = text[begin:begin + 100]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    def get_no_length(self, connection, head, body) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + description().encode())

    def serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536) or b"\r\n\r\n"
                head, _, body = data.partition(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                               if line.lower().startswith(b"content-length")), 0)
                while len(body) < length:
                    body += connection.recv(65536)
                print(head.split(b"\r\n")[0].decode(errors="replace"), flush=True)
                self.answer(connection, head.decode(errors="replace"), body.decode(errors="replace"))
            except OSError:
                pass  # who asked has gone

    def locations(self) -> list[str]:
        if self.mode == "location-loopback":
            return ["http://127.0.0.1:8088/secret"]
        if self.mode == "location-other-host":
            return ["http://192.168.77.3:8088/secret"]
        if self.mode == "location-name":
            return ["http://localhost:8088/secret"]
        if self.mode == "thousand-answers":
            return [f"http://{self.address}:5000/{number}" for number in range(1000)]
        return [f"http://{self.address}:5000/desc.xml"]

    def run(self) -> None:
        search = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        search.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        search.bind(("", 1900))
        web = socket.socket()
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        web.bind((self.address, 5000))
        web.listen(64)
        threading.Thread(target=self.accept, args=(web,), daemon=True).start()
        print("ready", flush=True)
        while True:
            data, peer = search.recvfrom(2048)
            if b"InternetGatewayDevice:1" not in data:
                continue
            for number, location in enumerate(self.locations()):
                search.sendto(f"HTTP/1.1 200 OK\r\nST: {IGD}\r\nUSN: uuid:{number}::{IGD}\r\nLOCATION: {location}\r\n\r\n".encode(), peer)

    def accept(self, web: socket.socket) -> None:
        while True:
            connection, _ = web.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


HOSTILE = ("silence", "drip", "endless-body", "endless-headers", "redirect", "bomb", "deep", "control-elsewhere",
           "base-elsewhere", "lying-length", "location-loopback", "location-other-host", "location-name", "thousand-answers")
ODD = ("plain", "line-feeds", "relative-control", "absolute-control", "base-with-slash", "chunked", "no-length",
       "only-permanent", "no-lease-argument", "taken", "upper-case-only", "escape-codes")

if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(HOSTILE + ODD))
    else:
        Gateway(sys.argv[1], sys.argv[2]).run()
