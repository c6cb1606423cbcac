#!/usr/bin/env python3
"""nat-probe and the servers it may meet, all on loopback: no NAT is in the way, so mapping and filtering are in truth
endpoint-independent. What can be found out about that depends on the server, and where it cannot, the reason must say so.
"""
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import fake_server as fake
import programs

EI, AD = "endpoint-independent", "address-dependent"
HOSTS = ["127.0.0.1", "127.0.0.2"]
ALONE = ("unshare", "--user", "--map-root-user", "--net")   # a host without any network


class ServerCase(unittest.TestCase):
    def check(self, probed: programs.Probed, exit: int, **expected) -> None:
        """Keyword a__b is the value at a.b, reason__a__b a reason among the evidence about a.b."""
        self.assertEqual(probed.exit, exit, probed)
        self.assertTrue(probed.answer, f"no single line of JSON: {probed}")
        for key, value in expected.items():
            path = key.replace("__", ".")
            if path.startswith("reason."):
                self.assertIn(value, probed.reasons(path.removeprefix("reason.")), f"{path}: {probed}")
            else:
                self.assertEqual(probed.value(path), value, f"{path}: {probed}")

    def ask_fake(self, *arguments: str, hosts=HOSTS, rule, over_tcp: bool = False) -> programs.Probed:
        with fake.FakeServer(hosts, rule, over_tcp) as server:
            probed = programs.nat_probe(server.name, *arguments)
            self.assertGreater(server.requests, 0, "the server was not asked at all")
        return probed


class Rendezvousd(ServerCase):
    """Ours."""

    def ask(self, *arguments: str) -> programs.Probed:
        server, endpoints = programs.serve(*arguments)
        with server:
            return programs.nat_probe(endpoints[0])

    def test_two_addresses_tell_everything(self):
        self.check(self.ask("--listen", "127.0.0.1:0", "--alternate", "127.0.0.2:0"), 0, udp="ok", ipv4__nat=False,
                   ipv4__mapping=EI, ipv4__filtering=EI, labels__rfc3489="open-internet")

    def test_one_address_leaves_a_set(self):
        self.check(self.ask("--listen", "127.0.0.1:0"), 0, udp="ok", ipv4__nat=False, ipv4__mapping=[EI, AD],
                   ipv4__filtering=[EI, AD], reason__ipv4__mapping="one-address-only",
                   reason__ipv4__filtering="heard-from-other-port")


class Liars(ServerCase):
    """Servers that promise what they do not do: nothing may be concluded from them that is not so."""

    def test_one_that_ignores_change_request_proves_nothing_about_filtering(self):
        self.check(self.ask_fake(rule=fake.ignore_change_request), 0, udp="ok", ipv4__mapping=EI, ipv4__filtering=None,
                   reason__ipv4__filtering="server-ignores-change-request")

    def test_one_that_is_its_own_other_address_proves_nothing(self):
        self.check(self.ask_fake(hosts=HOSTS[:1], rule=fake.name_itself), 0, udp="ok", ipv4__nat=False, ipv4__mapping=None,
                   ipv4__filtering=None, reason__ipv4__mapping="one-endpoint-only",
                   reason__ipv4__filtering="server-ignores-change-request")

    def test_one_whose_other_address_is_its_other_port_tells_ports_apart_and_no_addresses(self):
        self.check(self.ask_fake(hosts=[HOSTS[0], HOSTS[0]], rule=fake.name_own_other_port), 0, udp="ok", ipv4__mapping=[EI, AD],
                   ipv4__filtering=[EI, AD], reason__ipv4__mapping="one-address-only",
                   reason__ipv4__filtering="heard-from-other-port")

    def test_one_whose_second_address_is_dead_does_not_make_a_filter(self):
        self.check(self.ask_fake(rule=fake.name_a_dead_address), 0, udp="ok", ipv4__mapping=None, ipv4__filtering=None,
                   reason__ipv4__mapping="second-endpoint-silent", reason__ipv4__filtering="second-endpoint-silent")


class Nobody(ServerCase):
    """Servers that do not answer. Silence alone never says that UDP is blocked."""

    def check_nobody(self, probed: programs.Probed, reason: str, **expected) -> None:
        self.check(probed, 3, error__reason=reason, **expected)

    def test_a_silent_one_is_not_reached(self):
        self.check_nobody(self.ask_fake("--timeout", "700ms", rule=fake.stay_silent), "server-unreachable", udp=None,
                          ipv4__mapping=None, ipv4__filtering=None, reason__udp="no-answer", labels__rfc3489=None)

    def test_one_that_answers_over_tcp_only_proves_that_udp_is_blocked(self):
        self.check(self.ask_fake(rule=fake.stay_silent, over_tcp=True), 0, udp="blocked", ipv4__mapping=None,
                   ipv4__filtering=None, reason__udp="tcp-answered-udp-silent", labels__rfc3489="udp-blocked")

    def test_a_closed_port_is_not_reached(self):
        with fake.FakeServer(HOSTS[:1], fake.stay_silent) as server:
            closed = server.name
        self.check_nobody(programs.nat_probe("--timeout", "700ms", closed), "server-unreachable", udp=None, reason__udp="no-answer")

    def test_an_address_without_a_route_is_not_reached(self):
        self.check_nobody(programs.nat_probe("192.0.2.1", wrapper=self.alone()), "server-unreachable", udp=None,
                          reason__udp="cannot-send")

    def test_a_name_that_does_not_resolve_is_not_found(self):
        self.check_nobody(programs.nat_probe("--timeout", "2s", "nobody.invalid", wrapper=self.alone()), "name-not-found")

    def test_a_server_of_the_other_family_is_not_asked(self):
        self.check_nobody(programs.nat_probe("-6", "127.0.0.1"), "no-such-family")

    def alone(self) -> tuple[str, ...]:
        if not shutil.which(ALONE[0]) or subprocess.run([*ALONE, "true"], capture_output=True).returncode:
            self.skipTest("the system forbids network namespaces")
        return ALONE


if __name__ == "__main__":
    programs.own("rendezvousd")
    programs.own("nat-probe")
    unittest.main()
