// Every combination of mapping, filtering, port allocation, address pool and treatment of unsolicited packets behaves
// as an outside observer would call it. The observer keeps one inside socket per question, because a packet that was
// filtered may spoil what is sent to its source later.
#include "nat_bench.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;

namespace {
/// RFC 5780 §4.3, told by the external endpoints alone.
Behavior observed_mapping(NatBench& bench, const Endpoint& socket) {
  const auto first = bench.out(socket, server);
  const auto same_address = bench.out(socket, server_port2);
  const auto other_address = bench.out(socket, server_ip2);
  REQUIRE((first && same_address && other_address));
  if (first == other_address) {
    CHECK(first == same_address);
    return Behavior::endpoint_independent;
  }
  return first == same_address ? Behavior::address_dependent : Behavior::address_and_port_dependent;
}

/// RFC 5780 §4.4.
Behavior observed_filtering(NatBench& bench, const Endpoint& socket) {
  const auto mapped = bench.out(socket, server);
  REQUIRE(mapped);
  CHECK(bench.in(server, *mapped) == socket);
  const bool other_port = bench.in(server_port2, *mapped).has_value();
  const bool other_address = bench.in(server_ip2_port2, *mapped).has_value();
  if (other_address) {
    CHECK(other_port);
    return Behavior::endpoint_independent;
  }
  return other_port ? Behavior::address_dependent : Behavior::address_and_port_dependent;
}

void check_labels(const NatConfig& config, std::uint64_t seed) {
  NatBench bench{config, seed};
  const auto& full = bench.nat().config();
  for (int round = 0; round < 2; ++round) {  // as two runs of a tool, one after the other
    CHECK(observed_mapping(bench, socket_of(inside, 10 * round)) == observable_mapping(full));
    CHECK(observed_filtering(bench, socket_of(inside, 10 * round + 1)) == observable_filtering(full));
  }
}
}  // namespace

TEST_CASE("Every combination of a NAT's rules looks from outside as it is labelled", "[nat][grid]") {
  using enum Behavior;
  const auto mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto allocation =
      GENERATE(PortAllocation::preserving, PortAllocation::preserving_with_overload, PortAllocation::sequential,
               PortAllocation::block, PortAllocation::random, PortAllocation::parity_preserving);
  const auto pooling = GENERATE(AddressPooling::single, AddressPooling::paired, AddressPooling::arbitrary);
  const auto unsolicited = GENERATE(Unsolicited::drop, Unsolicited::reject, Unsolicited::accept);
  CAPTURE(to_text(mapping), to_text(filtering), int(allocation), int(pooling), int(unsolicited));
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    check_labels({.external_addresses = {"203.0.113.1"_ip, "203.0.113.2"_ip, "203.0.113.3"_ip, "203.0.113.4"_ip},
                  .mapping = mapping,
                  .filtering = filtering,
                  .allocation = allocation,
                  .pooling = pooling,
                  .unsolicited = unsolicited},
                 seed);
}

TEST_CASE("Overloading hides a dependent mapping only while the inside port can be kept", "[nat][grid]") {
  const NatConfig config{.mapping = Behavior::address_and_port_dependent,
                         .allocation = PortAllocation::preserving_with_overload,
                         .first_port = 1024,
                         .last_port = 2047};
  CHECK(observable_mapping(config) == Behavior::address_and_port_dependent);
  check_labels(config, 1);
}
