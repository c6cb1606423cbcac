#include "natkit/sim/nat.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr Instant start{1s};
const Endpoint inside = "10.1.0.2:40000"_ep;
const Endpoint other_inside = "10.1.0.3:40000"_ep;
const Endpoint server = "198.51.100.1:3478"_ep;
const Endpoint server_port2 = "198.51.100.1:3479"_ep;
const Endpoint server_ip2 = "198.51.100.2:3478"_ep;
const IpAddress external = "203.0.113.1"_ip;

/// A NAT with one external address, and the two things one does to it.
struct Bench {
  explicit Bench(NatConfig config, std::uint64_t seed = 1) : rng(seed), nat(with_address(std::move(config)), rng) {}
  static NatConfig with_address(NatConfig config) {
    if (config.external_addresses.empty()) config.external_addresses = {external};
    return config;
  }
  /// Where the packet seems to come from outside; nothing when it was dropped.
  std::optional<Endpoint> out(const Endpoint& from, const Endpoint& to, Instant at = start) {
    const auto outcome = nat.from_inside(at, {.source = from, .destination = to});
    if (outcome.verdict != Verdict::forwarded) return std::nullopt;
    CHECK(outcome.packet.destination == to);
    return outcome.packet.source;
  }
  Outcome in(const Endpoint& from, const Endpoint& to, Instant at = start) {
    return nat.from_outside(at, {.source = from, .destination = to});
  }
  bool lets_in(const Endpoint& from, const Endpoint& to, Instant at = start) {
    return in(from, to, at).verdict == Verdict::forwarded;
  }
  SeededRng rng;
  Nat nat;
};
}  // namespace

TEST_CASE("A NAT maps and filters by its labels", "[nat]") {
  using enum Behavior;
  const auto mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  Bench bench{{.mapping = mapping, .filtering = filtering}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  CHECK(mapped->address == external);
  CHECK(bench.lets_in(server, *mapped));
  CHECK(bench.lets_in(server_port2, *mapped) == (filtering != address_and_port_dependent));
  CHECK(bench.lets_in(server_ip2, *mapped) == (filtering == endpoint_independent));
  CHECK((bench.out(inside, server_port2) == mapped) == (mapping != address_and_port_dependent));
  CHECK((bench.out(inside, server_ip2) == mapped) == (mapping == endpoint_independent));
  CHECK(bench.out(inside, server) == mapped);
}
