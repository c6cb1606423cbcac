#!/usr/bin/env python3
"""The check from outside, with real packets: a host behind a kernel NAT, rules made by hand in the router, rendezvousd on the
internet. Usage: reachability_test.py
"""
import os
import subprocess
import sys
import unittest
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import programs
from programs import inside

SERVER, SECOND, PUBLIC = "198.51.100.1:3478", "198.51.100.2", "203.0.113.10"
SERVER6 = "[2001:db8:ffff::1]:3478"
US, NEIGHBOUR, US6 = "192.168.1.2", "192.168.1.3", "2001:db8:1::2"
PORT = 4000
CHECK_SECONDS = 30
BOTH = ("udp", "tcp")

# A program that holds the port: it answers, or only listens.
HOLDER = """
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM
held = socket.socket(socket.AF_INET, kind)
held.bind((sys.argv[2], int(sys.argv[3])))
if kind == socket.SOCK_STREAM: held.listen()
print("holding", flush=True)
while True:
    if kind == socket.SOCK_STREAM:
        held.accept()[0].close()
    else:
        text, sender = held.recvfrom(2000)
        if sys.argv[4] == "answers": held.sendto(b"hello", sender)
"""


def checker() -> str:
    told = os.environ.get("NATKIT_OUTSIDE_CHECK")
    found = [told] if told else sorted(map(str, (programs.ROOT / "build").glob("*/tests/lab/outside_check")))
    return found[-1] if found else sys.exit("outside_check is not built")


@dataclass
class Verdict:
    openness: str
    reason: str
    likely: list[str]
    sentence: str


def check(protocol: str, *internal_and_expected: str, server: str = SERVER) -> Verdict:
    done = subprocess.run(inside("home1", checker(), protocol, str(PORT), server, *internal_and_expected), text=True,
                          capture_output=True, timeout=CHECK_SECONDS)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 4, done
    return Verdict(lines[0], lines[1], [cause for cause in lines[2].split(",") if cause], lines[3])


def nft(host: str, text: str) -> None:
    subprocess.run(inside(host, "nft", text), check=True, timeout=CHECK_SECONDS)


@contextmanager
def table(host: str, text: str, name: str = "ip made_by_hand"):
    nft(host, f"table {name} {{ {text}; }};")
    try:
        yield
    finally:
        nft(host, f"delete table {name}")


def forwarded(protocol: str, address: str, port: int = PORT):
    return table("home.router", f"chain prerouting {{ type nat hook prerouting priority -110; "
                 f'iifname "wan" {protocol} dport {PORT} dnat to {address}:{port}; }}')


@contextmanager
def held(host: str, protocol: str, address: str, manner: str = "answers"):
    with programs.Program(*inside(host, sys.executable, "-c", HOLDER, protocol, address, str(PORT), manner)) as holder:
        holder.wait_for("holding")
        yield


class FromOutside(unittest.TestCase):
    OURS = f"{US}:{PORT}"

    def expect(self, verdict: Verdict, openness: str, *reasons: str) -> None:
        self.assertEqual(verdict.openness, openness, verdict)
        self.assertIn(verdict.reason, reasons, verdict)

    def test_a_port_that_is_forwarded_to_us_is_open(self):
        for protocol in BOTH:
            with self.subTest(protocol), forwarded(protocol, US):
                verdict = check(protocol, self.OURS, PUBLIC)
                self.expect(verdict, "open", "token-arrived")
                self.assertIn(f"{PUBLIC}:{PORT} was reached from {SECOND}:", verdict.sentence)

    def test_a_port_that_nothing_forwards_is_closed(self):
        for protocol in BOTH:
            with self.subTest(protocol):
                verdict = check(protocol, self.OURS, PUBLIC)
                self.expect(verdict, "closed", "nothing-arrived")
                self.assertIn("not-mapped", verdict.likely)

    def test_a_port_that_is_forwarded_to_a_neighbour_is_closed(self):
        for protocol in BOTH:
            with self.subTest(protocol), forwarded(protocol, NEIGHBOUR):
                self.expect(check(protocol, self.OURS, PUBLIC), "closed", "nothing-arrived", "refused")

    def test_a_neighbour_who_answers_in_our_place_is_told(self):
        for protocol in BOTH:
            with self.subTest(protocol), forwarded(protocol, NEIGHBOUR), held("home2", protocol, NEIGHBOUR):
                verdict = check(protocol, self.OURS, PUBLIC)
                self.expect(verdict, "closed", "another-answered")
                self.assertEqual(verdict.likely, ["shadowed"])

    def test_a_port_that_is_forwarded_to_another_port_of_ours_is_closed(self):
        for protocol in BOTH:
            with self.subTest(protocol), forwarded(protocol, US, PORT + 1):
                self.expect(check(protocol, self.OURS, PUBLIC), "closed", "nothing-arrived", "refused")

    def test_the_firewall_of_this_computer_closes_a_port(self):
        for protocol, verb in (("udp", "drop"), ("tcp", "drop"), ("tcp", "reject with icmp type host-prohibited")):
            wall = f"chain input {{ type filter hook input priority 0; {protocol} dport {PORT} {verb}; }}"
            with self.subTest(protocol + " " + verb), forwarded(protocol, US), table("home1", wall):
                verdict = check(protocol, self.OURS, PUBLIC)
                self.expect(verdict, "closed", "nothing-arrived", "refused")
                self.assertIn("host-firewall", verdict.likely)

    def test_a_program_that_holds_the_port_answers_for_itself(self):
        for protocol in BOTH:
            with self.subTest(protocol), forwarded(protocol, US), held("home1", protocol, US):
                self.expect(check(protocol, self.OURS, PUBLIC), "open", "port-answered", "port-accepted")
                self.expect(check(protocol), "open", "port-answered", "port-accepted")

    def test_the_silence_of_a_program_over_udp_proves_nothing(self):
        with forwarded("udp", US), held("home1", "udp", US, "is silent"):
            self.expect(check("udp", self.OURS, PUBLIC), "unknown", "holder-silent")

    def test_a_router_with_a_private_address_of_its_own_is_the_likely_cause(self):
        self.assertEqual(check("udp", self.OURS, "10.1.2.3").likely, ["double-nat"])

    def test_a_server_that_is_told_not_to_check_says_nothing_about_a_port(self):
        server, endpoints = programs.serve("--listen", "198.51.100.3:0", "--reachability", "off", host="server")
        with server, forwarded("udp", US):
            self.expect(check("udp", self.OURS, server=endpoints[0]), "unknown", "server-cannot-check")

    @unittest.skipUnless(programs.HAS_IPV6, "no IPv6 here")
    def test_a_hole_in_the_firewall_opens_a_port_over_ipv6(self):
        for protocol in BOTH:
            with self.subTest(protocol):
                closed = check(protocol, f"[{US6}]:{PORT}", US6, server=SERVER6)
                self.expect(closed, "closed", "nothing-arrived", "refused")
                nft("home.router", f"insert rule ip6 firewall forward ip6 daddr {US6} {protocol} dport {PORT} accept")
                self.expect(check(protocol, f"[{US6}]:{PORT}", US6, server=SERVER6), "open", "token-arrived")


if __name__ == "__main__":
    programs.beside_a_lab("home=eim-apdf,hosts=2,delay=5ms" + (",ipv6" if programs.HAS_IPV6 else ""))
    addresses = ["--listen", SERVER, "--alternate", f"{SECOND}:3479"]
    if programs.HAS_IPV6:
        addresses += ["--listen", SERVER6, "--alternate", "[2001:db8:ffff::2]:3479"]
    with programs.serve(*addresses, host="server")[0]:
        unittest.main(verbosity=2)
