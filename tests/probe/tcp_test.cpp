// What the NAT does with TCP: connections from one port to several endpoints, and connections from elsewhere to it.
#include <fmt/format.h>

#include "catch.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr probe::Timing full{.extent = probe::Timing::Extent::full};

probe::Report measure(World& world, const sim::NatConfig& nat, const sim::LinkConfig& link = {.delay = 25ms}) {
  auto& home = world.net.add_nat(nat);
  home.set_link(link);
  return world.measure(world.net.add_host(home), full);
}

std::string reason_of(const probe::Report& report, std::string_view about) {
  for (const auto& item : report.evidence)
    if (item.about == about) return item.reason;
  return {};
}
/// What connections from outside can tell: one that the NAT's filter lets pass comes about only where our answer leaves
/// from the same port.
BehaviorSet filtering_to_tell(const sim::NatConfig& nat) {
  using enum Behavior;
  const auto filtering = observable_filtering(nat);
  const auto mapping = observable_mapping(nat);
  if (mapping == endpoint_independent) return filtering;
  if (mapping == address_and_port_dependent) return {};
  return filtering == address_and_port_dependent ? BehaviorSet{address_and_port_dependent}
                                                 : BehaviorSet{endpoint_independent, address_dependent};
}
}  // namespace

TEST_CASE("The mapping and filtering of TCP are told for every NAT", "[probe][tcp][sim]") {
  using enum Behavior;
  const auto mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto unsolicited = GENERATE(sim::Unsolicited::drop, sim::Unsolicited::reject, sim::Unsolicited::accept);
  const auto allocation = GENERATE(sim::PortAllocation::preserving, sim::PortAllocation::random);
  World world{GENERATE(range(1U, 4U))};
  const sim::NatConfig nat{
      .mapping = mapping, .filtering = filtering, .allocation = allocation, .unsolicited = unsolicited};
  CAPTURE(to_text(mapping), to_text(filtering), world.net.seed());
  const auto report = measure(world, nat);
  CHECK(report.tcp.mapping == BehaviorSet{observable_mapping(nat)});
  CHECK(report.tcp.filtering == filtering_to_tell(nat));
  CHECK(report.elapsed <=
        3 * 50ms + 4 * 15ms + 40ms);  // a handshake, a call and what it makes, some five calls, and a guard
  CHECK(report.packets_sent <= 120);
}

TEST_CASE("TCP is measured over IPv6 where there is no IPv4", "[probe][tcp][sim]") {
  World world{3, Server::two_addresses, Family::ipv6};
  auto& firewall = world.net.add_firewall({.filtering = Behavior::address_dependent});
  const auto report = world.measure(world.net.add_host({.addresses = {address("2001:db8:77::1")}}, firewall), full);
  CHECK(report.tcp.mapping == BehaviorSet{Behavior::endpoint_independent});
  CHECK(report.tcp.filtering == BehaviorSet{Behavior::address_dependent});
}

TEST_CASE("A server with one address leaves open what only a second one could tell", "[probe][tcp][sim]") {
  using enum Behavior;
  World world{2, Server::two_ports};
  const auto report = measure(world, {.filtering = address_dependent});
  CHECK(report.tcp.mapping == BehaviorSet{endpoint_independent, address_dependent});
  CHECK(report.tcp.filtering == BehaviorSet{endpoint_independent, address_dependent});
}

TEST_CASE("A server without TCP leaves it unknown, and says so at once", "[probe][tcp][sim]") {
  World world{2, Server::foreign};
  const auto report = measure(world, {});
  CHECK(report.tcp.mapping.is_unknown());
  CHECK(report.tcp.filtering.is_unknown());
  CHECK(reason_of(report, "tcp.mapping") == "server-has-no-tcp");
  CHECK(reason_of(report, "tcp.filtering") == "server-has-no-tcp");
  CHECK(report.elapsed <= 250ms);
}

TEST_CASE("A firewall that drops TCP leaves it unknown, and is not waited for long", "[probe][tcp][sim]") {
  World world{2};
  auto& firewall = world.net.add_firewall({.tcp = sim::Policy::drop});
  const auto report = world.measure(world.net.add_host({.addresses = {address("192.0.2.77")}}, firewall), full);
  CHECK(report.tcp.mapping.is_unknown());
  CHECK(reason_of(report, "tcp.mapping") == "no-answer");
  CHECK(report.ipv4->mapping == BehaviorSet{Behavior::endpoint_independent});
  CHECK(report.elapsed <= 400ms);
}

TEST_CASE("Under loss what is said of TCP is never wrong", "[probe][tcp][sim]") {
  using enum Behavior;
  const sim::LinkConfig bad{.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.05};
  constexpr std::array behaviors{endpoint_independent, address_dependent, address_and_port_dependent};
  int known = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    World world{seed};
    const sim::NatConfig nat{.mapping = behaviors.at(seed % 3), .filtering = behaviors.at(seed / 3 % 3)};
    const auto report = measure(world, nat, bad);
    INFO("seed " << seed);
    CHECK(report.tcp.mapping.contains(observable_mapping(nat)));
    CHECK(report.tcp.filtering.contains(observable_filtering(nat)));
    if (report.tcp.mapping.single() && report.tcp.filtering == filtering_to_tell(nat)) ++known;
  }
  CHECK(known > 450);
}

TEST_CASE("TCP is measured where UDP is blocked", "[probe][tcp][sim]") {
  World world{2};
  auto& nat = world.net.add_nat({.mapping = Behavior::address_and_port_dependent});
  auto& firewall = world.net.add_firewall({.udp = sim::Policy::drop}, nat);
  const auto report = world.measure(world.net.add_host(firewall), full);
  CHECK(report.udp == probe::UdpState::blocked);
  CHECK(report.tcp.mapping == BehaviorSet{Behavior::address_and_port_dependent});
  CHECK_FALSE(report.ipv4->rewritten);  // of UDP nothing was seen
  CHECK(report.elapsed <= 1100ms);
}
