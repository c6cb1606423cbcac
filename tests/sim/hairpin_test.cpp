#include "nat_bench.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;

namespace {
/// A NAT behind which `other_host` has a mapping, and the packet that `inside` sends to it.
struct HairpinBench : NatBench {
  explicit HairpinBench(NatConfig config) : NatBench(std::move(config)) {}
  Endpoint receiver = *out(other_host, server);
  Outcome knock() { return from_inside({.source = inside, .destination = receiver}); }
};
}  // namespace

TEST_CASE("A NAT without hairpinning loses what its hosts send to each other through it", "[nat][hairpin]") {
  HairpinBench bench{{.filtering = Behavior::endpoint_independent}};
  CHECK(bench.knock().verdict == Verdict::dropped);
  CHECK(bench.nat().mapping_count() == 1);
}

TEST_CASE("A hairpinned packet shows the sender's external or internal endpoint, as the NAT is built",
          "[nat][hairpin]") {
  SECTION("external source, as RFC 4787 demands") {
    HairpinBench bench{{.filtering = Behavior::endpoint_independent, .hairpin = Hairpin::with_external_source}};
    const auto outcome = bench.knock();
    CHECK(outcome.verdict == Verdict::hairpinned);
    CHECK(outcome.packet.destination == other_host);
    CHECK(outcome.packet.source == *bench.out(inside, server));
  }
  SECTION("internal source") {
    HairpinBench bench{{.hairpin = Hairpin::with_internal_source}};
    const auto outcome = bench.knock();
    CHECK(outcome.verdict == Verdict::hairpinned);
    CHECK(outcome.packet.destination == other_host);
    CHECK(outcome.packet.source == inside);
  }
}

TEST_CASE("A hairpinned packet with an external source passes the receiver's filter like any other", "[nat][hairpin]") {
  HairpinBench bench{{.filtering = Behavior::address_and_port_dependent, .hairpin = Hairpin::with_external_source}};
  CHECK(bench.knock().verdict == Verdict::dropped);
  const auto sender = bench.out(inside, server);
  REQUIRE(sender);
  CHECK(bench.from_inside({.source = other_host, .destination = *sender}).verdict == Verdict::hairpinned);
  CHECK(bench.knock().verdict == Verdict::hairpinned);
}

TEST_CASE("A packet to an external port that nobody has is answered only by a NAT that rejects", "[nat][hairpin]") {
  const auto unsolicited = GENERATE(Unsolicited::drop, Unsolicited::reject);
  NatBench bench{{.hairpin = Hairpin::with_external_source, .unsolicited = unsolicited}};
  const auto outcome = bench.from_inside({.source = inside, .destination = {external, 9}});
  CHECK(outcome.verdict == (unsolicited == Unsolicited::drop ? Verdict::dropped : Verdict::rejected));
  if (outcome.verdict == Verdict::rejected) CHECK(outcome.packet.destination.address == inside.address);
}
