"""What natlab makes of its command line, and what it plans: without any namespace."""
import ipaddress
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import natlab_lib  # noqa: E402
from natlab_lib import catalogue, plan, router, rulesets, spec, state  # noqa: E402
from natlab_lib.errors import Exit, LabError  # noqa: E402


class Specs(unittest.TestCase):
    def test_a_full_spec_is_read_with_its_units(self):
        network = spec.parse("home=port-restricted,inbound=accept,delay=25ms,jitter=500us,loss=1.5%,ipv6,hosts=2")
        self.assertEqual((network.kind.name, network.via, network.inbound), ("eim-apdf", "kernel", "accept"))
        self.assertEqual((network.delay_s, network.jitter_s, network.loss), (0.025, 0.0005, 0.015))
        self.assertTrue(network.ipv6)
        self.assertEqual(network.host_names, ["home1", "home2"])

    def test_every_type_and_alias_can_be_had_and_by_default(self):
        for name in [*catalogue.KINDS, *catalogue.ALIASES]:
            with self.subTest(name):
                self.assertIn(spec.parse(f"a={name}").via, catalogue.find(name).vias)

    def test_what_the_kernel_cannot_do_goes_to_the_router(self):
        self.assertEqual(spec.parse("a=apdm-eif").via, "router")
        self.assertEqual(spec.parse("a=cgn,carrier=adm-adf").via, "router")
        self.assertEqual(spec.parse("a=eim-apdf,ports=random").via, "router")

    def test_faults_are_named_with_what_to_do(self):
        for text, part in {"home": "NAME=TYPE", "home=": "no type", "home=symetric": "no type 'symetric'", "h=nat,delay=25": "not a duration",
                           "h=nat,loss=2": "percent", "h=nat,via=magic": "one of", "h=block,via=kernel": "cannot be had",
                           "h=nat,colour=red": "no option", "server=nat": "lab's own", "h=nat,hosts=0": "from 1", "h=public,inbound=drop": "inbound",
                           "h=firewall,inbound=accept": "inbound", "h=nat,lan=8.8.8.0/24": "private", "h=nat,delay=1ms,delay=2ms": "twice",
                           "h=nat,via=kernel,lifetime=5s": "router", "H!=nat": "NAME=TYPE", "h=nat,delay=11s": "more than 10 s"}.items():
            with self.subTest(text), self.assertRaises(LabError) as raised:
                spec.parse(text)
            self.assertIn(part, raised.exception.detail + raised.exception.advice)
            self.assertEqual(raised.exception.code, Exit.USAGE)

    def test_a_misspelling_is_answered_with_the_nearest_word(self):
        with self.assertRaises(LabError) as raised:
            spec.parse("home=symetric")
        self.assertIn("symmetric", raised.exception.advice)

    def test_names_must_not_collide(self):
        for texts in (["a=nat", "a=nat"], ["a=nat,hosts=2", "a1=public"]):
            with self.subTest(texts), self.assertRaises(LabError):
                spec.parse_all(texts)


    def test_a_kernel_cone_has_one_host(self):
        self.assertEqual(spec.parse("a=full-cone,hosts=2").via, "router")
        with self.assertRaises(LabError):
            spec.parse("a=full-cone,hosts=2,via=kernel")

    def test_of_the_server_only_its_link_is_told(self):
        server = spec.parse("server=delay=12.5ms,loss=1%")
        self.assertEqual((server.name, server.delay_s, server.loss, server.host_names), ("server", 0.0125, 0.01, []))
        for text in ("server=delay=1ms,ipv6", "server=public,delay=1ms"):
            with self.subTest(text), self.assertRaises(LabError) as raised:
                spec.parse(text)
            self.assertIn("lab's own", raised.exception.detail)

    def test_several_homes_stand_behind_a_carrier_only(self):
        self.assertEqual(spec.parse("a=cgn,homes=2").host_names, ["a1", "a2"])
        for text in ("a=nat,homes=2", "a=cgn,homes=2,hosts=2", "a=cgn,homes=2,ipv6", "a=cgn,homes=9"):
            with self.subTest(text), self.assertRaises(LabError):
                spec.parse(text)

    def test_ipv6_may_be_translated(self):
        self.assertEqual(("", "npt", "nat66"), tuple(spec.parse(f"a=nat,ipv6{how}").translation6 for how in ("", "=npt", "=nat66")))
        self.assertFalse(spec.parse("a=nat,ipv6=no").ipv6)
        for text in ("a=public,ipv6=npt", "a=nat,ipv6=nat64"):
            with self.assertRaises(LabError):
                spec.parse(text)
        made = plan.make([spec.parse("a=nat,ipv6=npt")])
        self.assertEqual("fd00:db8:1:0:200:5eff:fe00:2", next(host.address6 for host in made.hosts if host.name == "a"))

    def test_where_there_is_no_ipv4_there_is_ipv6(self):
        self.assertTrue(spec.parse("a=ipv6-only").ipv6)
        for text in ("a=ipv6-only,ipv6=no", "a=ipv6-only,lan=10.0.0.0/8", "a=ipv6-only,inbound=accept"):
            with self.subTest(text), self.assertRaises(LabError):
                spec.parse(text)

    def test_the_version_is_that_of_the_project(self):
        project = (Path(__file__).resolve().parents[2] / "CMakeLists.txt").read_text()
        self.assertIn(f"VERSION {natlab_lib.__version__} ", project)


class Plans(unittest.TestCase):
    def test_two_routed_hops_lie_between_any_two_nats(self):
        made = plan.make(spec.parse_all(["a=nat", "b=nat"]))
        joined = [tuple(sorted((one[0], other[0]))) for one, other in (link.ends for link in made.links)]
        for pair in [("a.isp", "a.router"), ("a.isp", "core"), ("b.isp", "core"), ("b.isp", "b.router"), ("core", "server")]:
            self.assertIn(pair, joined)

    def test_a_wire_is_drawn_only_where_it_is_needed(self):
        made = plan.make(spec.parse_all(["a=nat", "b=nat,delay=1ms", "c=apdm-eif", "d=public,loss=1%"]))
        self.assertEqual([wire.network.name for wire in made.wires], ["b", "c", "d"])

    def test_the_servers_link_has_a_wire_and_counts_as_no_network(self):
        made = plan.make(spec.parse_all(["server=delay=1ms", "a=nat"]))
        self.assertEqual([(wire.network.name, wire.inside) for wire in made.wires], [("server", "w0i")])
        self.assertEqual([host.public for host in made.hosts], ["198.51.100.1", "203.0.113.10"])

    def test_homes_behind_one_carrier_differ_only_towards_it(self):
        made = plan.make(spec.parse_all(["a=cgn,homes=2"]))
        self.assertEqual([(host.address, host.public) for host in made.hosts[1:]], [("192.168.1.2", "203.0.113.10")] * 2)
        wan = [line for node in made.nodes if node.name in ("a1.router", "a2.router") for line in node.setup if "100.64" in line]
        self.assertEqual(wan, ["addr add 100.64.1.2/32 dev wan", "addr add 100.64.1.3/32 dev wan"])

    def test_a_host_without_ipv4_has_no_ipv4_address_nor_route(self):
        made = plan.make(spec.parse_all(["a=ipv6-only"]))
        self.assertEqual((made.hosts[1].address, made.hosts[1].address6), (None, "2001:db8:1::2"))
        setup = [line for node in made.nodes if node.name in ("a", "a.router") for line in node.setup]
        self.assertFalse([line for line in setup if "192." in line or "default dev" in line])

    def test_no_address_is_given_twice(self):
        made = plan.make(spec.parse_all([f"{chr(97 + i)}={kind},hosts=8" for i, kind in enumerate(["public", "firewall", "nat", "cgn"] * 6)]))
        addresses = [host.address for host in made.hosts]
        self.assertEqual(len(addresses), len(set(addresses)))

    def test_all_addresses_are_documentation_private_or_shared(self):
        made = plan.make(spec.parse_all(["a=cgn,ipv6", "b=public,ipv6"]))
        allowed = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.168.0.0/16", "100.64.0.0/10", "2001:db8::/32")]
        for node in made.nodes:
            for words in (line.split() for line in node.setup if line.startswith("addr add")):
                address = ipaddress.ip_interface(words[2]).ip
                self.assertTrue(any(address in network for network in allowed if network.version == address.version), words)

    def test_two_homes_may_use_the_same_private_network(self):
        made = plan.make(spec.parse_all(["a=nat,lan=192.168.1.0/24", "b=nat,lan=192.168.1.0/24"]))
        self.assertEqual([host.address for host in made.hosts[1:]], ["192.168.1.2", "192.168.1.2"])

    def test_the_router_is_told_what_the_label_promises(self):
        wire = plan.make([spec.parse("a=adm-apdf,delay=25ms,loss=1%,inbound=reject,pool=2")]).wires[0]
        words = " ".join(router.arguments(wire))
        for part in ("--delay-us 25000", "--loss 0.010000", "--nat 203.0.113.10,203.0.113.11", "--mapping address-dependent",
                     "--filtering address-and-port-dependent", "--inbound reject"):
            self.assertIn(part, words)
        self.assertNotIn("--nat", router.arguments(plan.make([spec.parse("a=nat,delay=1ms")]).wires[0]))

    def test_the_kernel_only_gets_rules_for_what_it_can_do(self):
        self.assertIn("fully-random", rulesets.nat(catalogue.KINDS["apdm-apdf"], "drop"))
        self.assertNotIn("fully-random", rulesets.nat(catalogue.KINDS["eim-apdf"], "drop"))
        self.assertIn("@spoken", rulesets.nat(catalogue.KINDS["eim-adf"], "drop"))
        self.assertEqual(rulesets.refusal("accept"), "")


class State(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        os.environ["NATLAB_STATE"] = self.place.name + "/natlab"
        state.directory.cache_clear()

    def tearDown(self):
        del os.environ["NATLAB_STATE"]
        state.directory.cache_clear()
        self.place.cleanup()

    def test_a_name_is_taken_for_as_long_as_its_lock_is_open(self):
        lock = state.acquire("one")
        with self.assertRaises(LabError) as raised:
            state.acquire("one")
        self.assertEqual((raised.exception.reason, raised.exception.code), ("lab-exists", Exit.REFUSED))
        os.close(lock)
        self.assertFalse(state.is_up("one"))
        os.close(state.acquire("one"))

    def test_the_state_directory_is_closed_to_others(self):
        self.assertEqual(state.directory().stat().st_mode & 0o777, 0o700)
        state.directory().chmod(0o755)
        state.directory.cache_clear()
        with self.assertRaises(LabError):
            state.directory()

    def test_a_lab_that_is_not_up_is_said_to_be_so(self):
        with self.assertRaises(LabError) as raised:
            state.read("nowhere")
        self.assertEqual(raised.exception.code, Exit.NOBODY)

    def test_names_cannot_leave_the_directory(self):
        for name in ("../x", "a/b", "", ".", "x" * 41):
            with self.subTest(name), self.assertRaises(LabError):
                state.check_name(name)


if __name__ == "__main__":
    unittest.main()
