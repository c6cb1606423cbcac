#include "natkit/sim/nat.hpp"

#include "nat_bench.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

TEST_CASE("A packet that matches no mapping is dropped in silence by default", "[nat]") {
  NatBench bench;
  CHECK(bench.from_outside({.source = server, .destination = {external, 40000}}).verdict == Verdict::dropped);
}

TEST_CASE("A NAT that rejects answers unsolicited packets with port unreachable", "[nat]") {
  NatBench bench{{.unsolicited = Unsolicited::reject}};
  const Endpoint asked{external, 40000};
  const auto outcome = bench.from_outside({.source = server, .destination = asked});
  CHECK(outcome.verdict == Verdict::rejected);
  CHECK(outcome.packet.source.address == external);
  CHECK(outcome.packet.destination.address == server.address);
  CHECK(outcome.packet.error == IcmpError{IcmpKind::port_unreachable, Protocol::udp, server, asked});
}

TEST_CASE("A Linux NAT keeps the port towards every destination, whatever its mapping depends on", "[nat]") {
  NatBench bench{linux_masquerade()};
  for (const auto& destination : {server, server_port2, server_ip2})
    CHECK(bench.out(inside, destination) == Endpoint{external, inside.port});
  CHECK(bench.nat().mapping_count() == 3);
  CHECK(observable_mapping(bench.nat().config()) == Behavior::endpoint_independent);
}

TEST_CASE("A Linux NAT that accepts unsolicited packets gives the next flow to their sender another port", "[nat]") {
  const auto [unsolicited, keeps_port] = GENERATE(table<Unsolicited, bool>({
      {Unsolicited::drop, true},
      {Unsolicited::reject, true},
      {Unsolicited::accept, false},
  }));
  NatBench bench{linux_masquerade(unsolicited)};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  CHECK_FALSE(bench.in(server_ip2, *mapped));
  CHECK((bench.out(inside, server_ip2) == mapped) == keeps_port);
  // And the socket takes it along to everybody new, but for those who have been sent to before.
  CHECK((bench.out(inside, server_port2) == mapped) == keeps_port);
  CHECK(bench.out(inside, server) == mapped);
}

TEST_CASE("The tuple of an accepted packet is free again when the connection tracker forgets it", "[nat]") {
  NatBench bench{linux_masquerade(Unsolicited::accept)};
  const Endpoint same_port{external, inside.port};
  const bool repeated = GENERATE(false, true);
  CHECK_FALSE(bench.in(server, same_port, start));
  if (repeated) CHECK_FALSE(bench.in(server, same_port, start + 20s));
  CHECK((bench.out(inside, server, start + 31s) == same_port) == !repeated);
}

TEST_CASE("Two hosts share an overloaded port and both get their answers", "[nat]") {
  NatBench bench{linux_masquerade()};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  CHECK(bench.out(other_host, server_ip2) == mapped);
  CHECK(bench.in(server, *mapped) == inside);
  CHECK(bench.in(server_ip2, *mapped) == other_host);
  const auto collision = bench.out(other_host, server);
  REQUIRE(collision);
  CHECK(collision != mapped);
  CHECK(bench.in(server, *collision) == other_host);
}

TEST_CASE("Of several mappings that let a packet in, the one that sent to its source gets it, else the latest",
          "[nat]") {
  NatBench bench{{.mapping = Behavior::endpoint_independent,
                  .filtering = Behavior::endpoint_independent,
                  .allocation = PortAllocation::preserving_with_overload}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  REQUIRE(bench.out(other_host, server_ip2) == mapped);
  CHECK(bench.in(server, *mapped) == inside);
  CHECK(bench.in(server_ip2, *mapped) == other_host);
  CHECK(bench.in(server_ip2_port2, *mapped) == other_host);
  REQUIRE(bench.out(inside, server) == mapped);
  CHECK(bench.in(server_ip2_port2, *mapped) == inside);
}

TEST_CASE("UDP and TCP have tables and lifetimes of their own", "[nat]") {
  NatBench bench{{.filtering = Behavior::endpoint_independent, .mapping_lifetime = 2min, .tcp_lifetime = 10min}};
  const auto mapped = bench.out(inside, server, start, Protocol::tcp);
  REQUIRE(mapped);
  CHECK_FALSE(bench.in(server, *mapped, start, Protocol::udp));
  CHECK(bench.in(server, *mapped, start + 9min, Protocol::tcp) == inside);
  CHECK(bench.out(other_host, server, start, Protocol::udp) == mapped);
  CHECK_FALSE(bench.in(server, *mapped, start + 3min, Protocol::udp));
}

TEST_CASE("A packet of the other family passes an IPv4 NAT untouched", "[nat]") {
  NatBench bench;
  const Packet packet{.source = "[2001:db8::1]:5"_ep, .destination = "[2001:db8:1::1]:6"_ep, .payload = {1}};
  const auto out = bench.from_inside(packet);
  CHECK((out.verdict == Verdict::forwarded && out.packet == packet));
  const auto in = bench.from_outside(packet);
  CHECK((in.verdict == Verdict::forwarded && in.packet == packet));
  CHECK(bench.nat().mapping_count() == 0);
}

TEST_CASE("A NAT with an IPv6 address translates IPv6", "[nat]") {
  NatBench bench{{.external_addresses = {"2001:db8::1"_ip}}};
  const auto local = "[fd00::2]:40000"_ep;
  const auto remote = "[2001:db8:1::1]:3478"_ep;
  const auto mapped = bench.out(local, remote);
  CHECK(mapped == "[2001:db8::1]:40000"_ep);
  CHECK(bench.in(remote, *mapped) == local);
}

TEST_CASE("An ICMP error about a translated packet quotes what the inside host sent", "[nat]") {
  NatBench bench;
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  const auto router = "192.0.2.1"_ip;
  const Packet on_its_way{.source = *mapped, .destination = server};
  const auto outcome = bench.from_outside(make_error(IcmpKind::time_exceeded, router, on_its_way));
  CHECK(outcome.verdict == Verdict::forwarded);
  CHECK(outcome.packet.source.address == router);
  CHECK(outcome.packet.destination.address == inside.address);
  CHECK(outcome.packet.error == IcmpError{IcmpKind::time_exceeded, Protocol::udp, inside, server});
}

TEST_CASE("An ICMP error about a packet that never went out is dropped", "[nat]") {
  NatBench bench{{.filtering = Behavior::endpoint_independent, .unsolicited = Unsolicited::reject}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  const Packet forged{.source = *mapped, .destination = server_ip2};
  CHECK(bench.from_outside(make_error(IcmpKind::port_unreachable, server_ip2.address, forged)).verdict ==
        Verdict::dropped);
}

TEST_CASE("An ICMP error does not end a mapping", "[nat]") {
  NatBench bench;
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  const Packet sent{.source = *mapped, .destination = server};
  REQUIRE(bench.from_outside(make_error(IcmpKind::port_unreachable, server.address, sent)).verdict ==
          Verdict::forwarded);
  CHECK(bench.out(inside, server) == mapped);
  CHECK(bench.in(server, *mapped) == inside);
}

TEST_CASE("An inside host's ICMP error leaves with the address and the quote that the outside knows", "[nat]") {
  NatBench bench;
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  const Packet came_in{.source = server, .destination = inside};
  const auto outcome = bench.from_inside(make_error(IcmpKind::port_unreachable, inside.address, came_in));
  CHECK(outcome.verdict == Verdict::forwarded);
  CHECK(outcome.packet.source.address == external);
  CHECK(outcome.packet.error == IcmpError{IcmpKind::port_unreachable, Protocol::udp, server, *mapped});
}
