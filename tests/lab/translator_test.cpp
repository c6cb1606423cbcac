#include "router/translator.hpp"

#include "catch.hpp"
#include "frames.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::lab;
using namespace natkit::test;

namespace {
const Endpoint host = "192.168.1.2:5000"_ep, server = "198.51.100.1:3478"_ep, stranger = "198.51.100.2:3478"_ep;
const Endpoint mapped = "203.0.113.10:5000"_ep;  // ports are preserved
constexpr Instant now{};

struct Bench {
  explicit Bench(sim::NatConfig config = {}) : translator{with_address(std::move(config)), rng} {}
  static sim::NatConfig with_address(sim::NatConfig config) {
    config.external_addresses = {mapped.address};
    return config;
  }
  Fate out(Bytes& frame) { return translator.handle(now, Side::inside, frame); }
  Fate in(Bytes& frame) { return translator.handle(now, Side::outside, frame); }
  void open() {
    Bytes frame = udp_frame({host, server});
    REQUIRE(out(frame) == Fate::across);
  }
  SeededRng rng{1};
  Translator translator;
};

Flow flow_of(const Bytes& frame) { return parse_ipv4(frame).value().flow; }
}  // namespace

TEST_CASE("A datagram leaves with the outside address and its answer comes home", "[translator]") {
  Bench bench;
  Bytes frame = udp_frame({host, server});
  CHECK(bench.out(frame) == Fate::across);
  CHECK(flow_of(frame) == Flow{mapped, server});
  CHECK(transport_checksum_right(frame));

  Bytes answer = udp_frame({server, mapped});
  CHECK(bench.in(answer) == Fate::across);
  CHECK(flow_of(answer) == Flow{server, host});
  CHECK(transport_checksum_right(answer));
}

TEST_CASE("A stranger's datagram is dropped, or turned into an ICMP error for him", "[translator]") {
  Bytes frame = udp_frame({stranger, mapped});
  Bench silent;
  silent.open();
  CHECK(silent.in(frame) == Fate::drop);

  Bench rejecting{{.unsolicited = sim::Unsolicited::reject}};
  rejecting.open();
  CHECK(rejecting.in(frame) == Fate::back);
  CHECK(parse_ipv4(frame).value().kind == PacketKind::error);
  CHECK(flow_of(frame) == Flow{{mapped.address, 0}, {stranger.address, 0}});
  CHECK(icmp_checksum_right(frame));
}

TEST_CASE("TCP passes under mappings of its own", "[translator]") {
  Bench bench;
  Bytes frame = tcp_frame({host, server});
  CHECK(bench.out(frame) == Fate::across);
  CHECK(flow_of(frame) == Flow{mapped, server});
  CHECK(transport_checksum_right(frame));
  Bytes datagram = udp_frame({server, mapped});
  CHECK(bench.in(datagram) == Fate::drop);
}

TEST_CASE("An ICMP error about a translated packet finds the host that sent it", "[translator]") {
  Bench bench;
  bench.open();
  Bytes frame = time_exceeded_frame({"192.0.2.1:0"_ep, {mapped.address, 0}}, udp_frame({mapped, server}));
  REQUIRE(bench.in(frame) == Fate::across);
  CHECK(flow_of(frame).destination.address == host.address);
  const auto quoted = parse_quoted(frame, parse_ipv4(frame).value());
  REQUIRE(quoted);
  CHECK(quoted->flow == Flow{host, server});

  Bytes invented = time_exceeded_frame({"192.0.2.1:0"_ep, {mapped.address, 0}}, udp_frame({mapped, stranger}));
  CHECK(bench.in(invented) == Fate::drop);
}

TEST_CASE("A ping passes, whatever the NAT does to UDP", "[translator]") {
  Bench bench{{.mapping = Behavior::address_and_port_dependent, .allocation = sim::PortAllocation::random}};
  Bytes request = echo_frame(Echo::request, {host, server}, 9);
  REQUIRE(bench.out(request) == Fate::across);
  CHECK(flow_of(request).source == Endpoint{mapped.address, 9});
  Bytes reply = echo_frame(Echo::reply, {{server.address, 0}, {mapped.address, 0}}, 9);
  REQUIRE(bench.in(reply) == Fate::across);
  CHECK(flow_of(reply).destination == Endpoint{host.address, 9});
  CHECK(icmp_checksum_right(reply));
}

TEST_CASE("Later fragments follow their first, and are dropped without it", "[translator]") {
  Bench bench;
  Bytes later = ip_frame(Transport::udp, {host, server}, as_bytes("the rest"), 2);
  Bytes early = later;
  CHECK(bench.out(early) == Fate::drop);
  Bytes first = udp_frame({host, server}, "12345678", 0x2000);
  REQUIRE(bench.out(first) == Fate::across);
  REQUIRE(bench.out(later) == Fate::across);
  CHECK(flow_of(later).source.address == mapped.address);
}

TEST_CASE("Hosts behind a hairpinning NAT reach each other by their outside addresses", "[translator]") {
  Bench bench{{.filtering = Behavior::endpoint_independent, .hairpin = sim::Hairpin::with_external_source}};
  bench.open();
  Bytes frame = udp_frame({"192.168.1.3:6000"_ep, mapped});
  CHECK(bench.out(frame) == Fate::back);
  CHECK(flow_of(frame) == Flow{"203.0.113.10:6000"_ep, host});
  CHECK(transport_checksum_right(frame));
}

TEST_CASE("IPv6 passes untouched and what no NAT understands is dropped", "[translator]") {
  Bench bench;
  Bytes ipv6{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xDD, 0x60};
  const Bytes before = ipv6;
  CHECK(bench.out(ipv6) == Fate::across);
  CHECK(ipv6 == before);
  Bytes gre = udp_frame({host, server});
  gre.at(14 + 9) = 47;
  CHECK(bench.out(gre) == Fate::drop);
}
