#include "natkit/sim/firewall.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr Instant start{1s};

struct Ends {
  Endpoint inside;
  Endpoint server;
  Endpoint server_port2;
  Endpoint server_ip2;
};
const Ends over_ipv4{"198.51.100.7:40000"_ep, "198.51.100.1:3478"_ep, "198.51.100.1:3479"_ep, "198.51.100.2:3478"_ep};
const Ends over_ipv6{"[2001:db8::7]:40000"_ep, "[2001:db8:1::1]:3478"_ep, "[2001:db8:1::1]:3479"_ep,
                     "[2001:db8:2::1]:3478"_ep};

Verdict out(Firewall& firewall, const Endpoint& from, const Endpoint& to, Instant at = start) {
  return firewall.from_inside(at, {.source = from, .destination = to}).verdict;
}
Verdict in(Firewall& firewall, const Endpoint& from, const Endpoint& to, Instant at = start) {
  return firewall.from_outside(at, {.source = from, .destination = to}).verdict;
}
}  // namespace

TEST_CASE("A firewall lets in what its filtering allows once the inside has asked, over IPv4 and IPv6", "[firewall]") {
  using enum Behavior;
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto at = GENERATE(over_ipv4, over_ipv6);
  Firewall firewall{{.filtering = filtering}};
  for (const auto& stranger : {at.server, at.server_port2, at.server_ip2})
    CHECK(in(firewall, stranger, at.inside) == Verdict::dropped);
  REQUIRE(out(firewall, at.inside, at.server) == Verdict::forwarded);
  CHECK(in(firewall, at.server, at.inside) == Verdict::forwarded);
  CHECK((in(firewall, at.server_port2, at.inside) == Verdict::forwarded) == (filtering != address_and_port_dependent));
  CHECK((in(firewall, at.server_ip2, at.inside) == Verdict::forwarded) == (filtering == endpoint_independent));
}

TEST_CASE("A firewall changes no address and no port", "[firewall]") {
  Firewall firewall{{}};
  const Packet packet{.source = over_ipv4.inside, .destination = over_ipv4.server, .hop_limit = 9, .payload = {1, 2}};
  CHECK(firewall.from_inside(start, packet).packet == packet);
}

TEST_CASE("A firewall forgets a flow after its lifetime, which traffic from both sides prolongs by default",
          "[firewall]") {
  const auto refresh = GENERATE(Refresh::outbound, Refresh::outbound_and_inbound);
  Firewall firewall{{.udp_lifetime = 120s, .refresh = refresh}};
  const auto& at = over_ipv4;
  REQUIRE(out(firewall, at.inside, at.server) == Verdict::forwarded);
  REQUIRE(in(firewall, at.server, at.inside, start + 100s) == Verdict::forwarded);
  const bool prolonged = refresh == Refresh::outbound_and_inbound;
  CHECK((in(firewall, at.server, at.inside, start + 150s) == Verdict::forwarded) == prolonged);
  CHECK(in(firewall, at.server, at.inside, start + 300s) == Verdict::dropped);
}

TEST_CASE("A network without UDP drops or rejects it and leaves TCP alone", "[firewall]") {
  const auto [policy, verdict] = GENERATE(table<Policy, Verdict>({
      {Policy::drop, Verdict::dropped},
      {Policy::reject, Verdict::rejected},
  }));
  Firewall firewall{{.udp = policy, .address = "203.0.113.9"_ip}};
  const auto outcome = firewall.from_inside(start, {.source = over_ipv4.inside, .destination = over_ipv4.server});
  CHECK(outcome.verdict == verdict);
  if (verdict == Verdict::rejected) {
    CHECK(outcome.packet.source.address == "203.0.113.9"_ip);
    CHECK(outcome.packet.error ==
          IcmpError{IcmpKind::admin_prohibited, Protocol::udp, over_ipv4.inside, over_ipv4.server});
  }
  const Packet tcp{.protocol = Protocol::tcp, .source = over_ipv4.inside, .destination = over_ipv4.server};
  CHECK(firewall.from_inside(start, tcp).verdict == Verdict::forwarded);
}

TEST_CASE("A firewall that watches one family lets the other pass", "[firewall]") {
  Firewall firewall{{.family = Family::ipv6, .udp = Policy::drop}};
  CHECK(in(firewall, over_ipv4.server, over_ipv4.inside) == Verdict::forwarded);
  CHECK(out(firewall, over_ipv4.inside, over_ipv4.server) == Verdict::forwarded);
  CHECK(in(firewall, over_ipv6.server, over_ipv6.inside) == Verdict::dropped);
  CHECK(out(firewall, over_ipv6.inside, over_ipv6.server) == Verdict::dropped);
}

TEST_CASE("A firewall passes ICMP errors about flows it knows and no others", "[firewall]") {
  Firewall firewall{{}};
  const auto& at = over_ipv4;
  const Packet sent{.source = at.inside, .destination = at.server};
  const auto complaint = make_error(IcmpKind::time_exceeded, "192.0.2.1"_ip, sent);
  CHECK(firewall.from_outside(start, complaint).verdict == Verdict::dropped);
  REQUIRE(firewall.from_inside(start, sent).verdict == Verdict::forwarded);
  CHECK(firewall.from_outside(start, complaint).verdict == Verdict::forwarded);
}

TEST_CASE("A firewall's table is bounded, and expired flows make room", "[firewall]") {
  Firewall firewall{{.udp_lifetime = 120s, .table_size = 2}};
  const auto socket = [](std::uint16_t n) { return Endpoint{over_ipv4.inside.address, n}; };
  CHECK(out(firewall, socket(1), over_ipv4.server) == Verdict::forwarded);
  CHECK(out(firewall, socket(2), over_ipv4.server) == Verdict::forwarded);
  CHECK(out(firewall, socket(3), over_ipv4.server) == Verdict::dropped);
  CHECK(out(firewall, socket(1), over_ipv4.server_ip2) == Verdict::forwarded);
  CHECK(out(firewall, socket(3), over_ipv4.server, start + 121s) == Verdict::forwarded);
}
