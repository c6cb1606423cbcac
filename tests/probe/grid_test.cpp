// Every kind of NAT that nat-probe tells apart, and every property that must not confuse it.
#include <fmt/format.h>

#include <vector>

#include "catch.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr std::array behaviors{Behavior::endpoint_independent, Behavior::address_dependent,
                               Behavior::address_and_port_dependent};
constexpr std::array allocations{sim::PortAllocation::preserving, sim::PortAllocation::preserving_with_overload,
                                 sim::PortAllocation::sequential, sim::PortAllocation::block,
                                 sim::PortAllocation::random,     sim::PortAllocation::parity_preserving};
constexpr std::array poolings{sim::AddressPooling::single, sim::AddressPooling::paired, sim::AddressPooling::arbitrary};
constexpr std::array hairpins{sim::Hairpin::none, sim::Hairpin::with_external_source,
                              sim::Hairpin::with_internal_source};
constexpr std::array refreshes{sim::Refresh::outbound, sim::Refresh::outbound_and_inbound};
constexpr std::array unsolicited{sim::Unsolicited::drop, sim::Unsolicited::reject, sim::Unsolicited::accept};

/// One NAT, and a second one of the friendliest kind above it where `layers` is 2.
struct Case {
  sim::NatConfig nat{};
  int layers = 1;

  [[nodiscard]] std::string text() const {
    return fmt::format(
        "mapping {}, filtering {}, allocation {}, pooling {}, hairpin {}, refresh {}, unsolicited {}, layers {}",
        to_text(nat.mapping), to_text(nat.filtering), static_cast<int>(nat.allocation), static_cast<int>(nat.pooling),
        static_cast<int>(nat.hairpin), static_cast<int>(nat.refresh), static_cast<int>(nat.unsolicited), layers);
  }
};

sim::NatConfig make_nat(Behavior mapping, Behavior filtering, sim::PortAllocation allocation,
                        sim::AddressPooling pooling) {
  sim::NatConfig nat{.mapping = mapping, .filtering = filtering, .allocation = allocation, .pooling = pooling};
  if (pooling != sim::AddressPooling::single)
    for (std::uint32_t i = 0; i < 4; ++i)
      nat.external_addresses.push_back(IpAddress::v4(0xC0000210 + i));  // 192.0.2.16 …
  return nat;
}

std::vector<Case> make_grid() {
  std::vector<Case> grid;
  for (const auto mapping : behaviors)
    for (const auto filtering : behaviors)
      for (const auto allocation : allocations)
        for (const auto pooling : poolings)
          for (const auto hairpin : hairpins)
            for (const auto refresh : refreshes)
              for (const auto inbound : unsolicited)
                for (const int layers : {1, 2}) {
                  auto nat = make_nat(mapping, filtering, allocation, pooling);
                  nat.hairpin = hairpin;
                  nat.refresh = refresh;
                  nat.unsolicited = inbound;
                  grid.push_back({nat, layers});
                }
  return grid;
}

sim::Host& build(World& world, const Case& c, const sim::LinkConfig& link) {
  auto* parent = &world.net.internet();
  if (c.layers == 2)
    parent =
        &world.net.add_nat({.filtering = Behavior::endpoint_independent, .allocation = sim::PortAllocation::random});
  auto& home = c.layers == 2 ? world.net.add_nat(c.nat, *parent) : world.net.add_nat(c.nat);
  home.set_link(link);
  return world.net.add_host(home);
}

struct Tally {
  int full = 0;
  int partial = 0;
  int wrong = 0;
  std::string first_wrong{};

  void count(const BehaviorSet& found, Behavior truth, const std::string& what) {
    if (found == BehaviorSet{truth}) {
      ++full;
    } else if (found.contains(truth)) {
      ++partial;
    } else {
      if (wrong == 0) first_wrong = fmt::format("{}: found {}", what, to_text(found));
      ++wrong;
    }
  }
};
}  // namespace

namespace {
using Rule = probe::PortAllocation::Rule;

/// What shows of a stack is what its outermost NAT does.
std::optional<Rule> observable_rule(const Case& c) {
  if (c.layers == 2) return Rule::random;
  switch (c.nat.allocation) {
    case sim::PortAllocation::preserving:
    case sim::PortAllocation::preserving_with_overload:
      return Rule::preserving;
    case sim::PortAllocation::sequential:
      return Rule::sequential;
    case sim::PortAllocation::block:
      return Rule::block;
    case sim::PortAllocation::random:
    case sim::PortAllocation::parity_preserving:
      break;
  }
  return Rule::random;
}

probe::Pooling observable_pooling(const Case& c) {
  return c.layers == 1 && c.nat.pooling == sim::AddressPooling::arbitrary ? probe::Pooling::arbitrary
                                                                          : probe::Pooling::paired;
}

/// As far as connections from outside can tell (tcp_filtering_verdict.cpp).
bool may_be_filtering_of_tcp(const BehaviorSet& found, const Case& c) {
  return found.is_unknown() || found.contains(observable_filtering(c.nat));
}

template <class Value>
void count(Tally& tally, const std::optional<Value>& found, const Value& truth, const std::string& what) {
  if (!found) {
    ++tally.partial;
  } else if (*found == truth) {
    ++tally.full;
  } else {
    if (tally.wrong++ == 0)
      tally.first_wrong = fmt::format("{}: found {}, not {}", what, to_text(*found), to_text(truth));
  }
}
}  // namespace

TEST_CASE("Every NAT of the grid is told right, twice in a row", "[probe][grid][sim]") {
  const auto grid = make_grid();
  Tally mapping;
  Tally filtering;
  Tally rule;
  Tally pooling;
  Tally tcp_mapping;
  std::string wrong_tcp_filtering;
  std::size_t sizes = 0;
  Duration slowest{};
  std::uint32_t packets = 0;
  std::uint64_t seed = 1;
  for (const auto& c : grid) {
    World world{++seed};
    auto& host = build(world, c, {.delay = 25ms});
    for (const int run : {1, 2}) {
      const auto report = world.measure(host, {.extent = probe::Timing::Extent::full});
      const auto what = fmt::format("seed {}, run {}, {}", seed, run, c.text());
      mapping.count(report.ipv4->mapping, observable_mapping(c.nat), what);
      filtering.count(report.ipv4->filtering, observable_filtering(c.nat), what);
      count(rule, report.ipv4->port_allocation.rule, *observable_rule(c), what);
      count(pooling, report.ipv4->pooling, observable_pooling(c), what);
      if (report.ipv4->port_allocation.rule == Rule::sequential) CHECK(report.ipv4->port_allocation.delta == 1);
      CHECK_FALSE(report.ipv4->layers);  // no router has said anything
      tcp_mapping.count(report.tcp.mapping, observable_mapping(c.nat), what);
      if (!may_be_filtering_of_tcp(report.tcp.filtering, c) && wrong_tcp_filtering.empty()) wrong_tcp_filtering = what;
      if (report.mtu_bytes == 1500) ++sizes;
      packets = std::max(packets, report.packets_sent);
      slowest = std::max(slowest, report.elapsed);
    }
  }
  CAPTURE(grid.size(), mapping.first_wrong, filtering.first_wrong, mapping.partial, filtering.partial);
  CAPTURE(rule.first_wrong, pooling.first_wrong, rule.partial, pooling.partial);
  CAPTURE(tcp_mapping.first_wrong, tcp_mapping.partial);
  CHECK(packets <= 120);
  CHECK(tcp_mapping.wrong == 0);
  CHECK(tcp_mapping.full == static_cast<int>(grid.size() * 2));
  CHECK(wrong_tcp_filtering.empty());
  CHECK(sizes == grid.size() * 2);
  CHECK(rule.wrong == 0);
  CHECK(pooling.wrong == 0);
  CHECK(rule.full > static_cast<int>(grid.size() * 2 * 99 / 100));
  CHECK(pooling.full == static_cast<int>(grid.size() * 2));
  WARN(fmt::format("{} NATs, two runs each, all in at most {:.0f} ms at 50 ms RTT", grid.size(), to_ms(slowest)));
  CHECK(mapping.full == static_cast<int>(grid.size() * 2));
  CHECK(filtering.full == static_cast<int>(grid.size() * 2));
}

namespace {
/// Of a stack the outer NAT would have to do it, and that one does not.
bool observable_hairpin(const Case& c) { return c.layers == 1 && c.nat.hairpin != sim::Hairpin::none; }

Tally measure_hairpins(const sim::LinkConfig& link, unsigned every) {
  Tally tally;
  const auto grid = make_grid();
  for (std::size_t i = 0; i < grid.size(); i += every) {
    World world{i + 1};
    const auto report = world.measure(build(world, grid[i], link), {.hairpin = probe::Timing::Hairpin::ask});
    const auto what = fmt::format("seed {}, {}", i + 1, grid[i].text());
    const auto& found = report.ipv4->hairpin;
    if (!found) {
      ++tally.partial;
    } else if (*found == observable_hairpin(grid[i])) {
      ++tally.full;
    } else if (tally.wrong++ == 0) {
      tally.first_wrong = what;
    }
  }
  return tally;
}
}  // namespace

TEST_CASE("Hairpinning is told right where it can be told", "[probe][grid][sim]") {
  const auto clean = measure_hairpins({.delay = 25ms}, 3);
  CAPTURE(clean.first_wrong, clean.partial, clean.full);
  CHECK(clean.wrong == 0);
  CHECK(clean.full > clean.partial / 3);  // a mapping that depends on the destination leaves it open
  const auto lossy = measure_hairpins({.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.05}, 3);
  CAPTURE(lossy.first_wrong);
  CHECK(lossy.wrong == 0);
}

namespace {
/// Random NATs of the grid behind a bad line.
void measure_with_loss(Server server, int runs) {
  const sim::LinkConfig link{.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.05};
  Tally mapping;
  Tally filtering;
  Tally rule;
  Tally pooling;
  int both_full = 0;
  const auto grid = make_grid();
  for (int seed = 1; seed <= runs; ++seed) {
    World world{static_cast<std::uint64_t>(seed), server};
    const auto& c = grid[world.net.rng().below(grid.size())];
    const auto report = world.measure(build(world, c, link));
    const auto what = fmt::format("seed {}, {}", seed, c.text());
    const int full_before = mapping.full + filtering.full;
    mapping.count(report.ipv4->mapping, observable_mapping(c.nat), what);
    filtering.count(report.ipv4->filtering, observable_filtering(c.nat), what);
    if (mapping.full + filtering.full == full_before + 2) ++both_full;
    count(rule, report.ipv4->port_allocation.rule, *observable_rule(c), what);
    count(pooling, report.ipv4->pooling, observable_pooling(c), what);
  }
  CAPTURE(mapping.first_wrong, filtering.first_wrong);
  WARN(fmt::format("{} runs: {:.2f} % full verdicts; open: mapping {}, filtering {}; wrong: {}", runs,
                   100.0 * both_full / runs, mapping.partial, filtering.partial, mapping.wrong + filtering.wrong));
  CHECK(mapping.wrong + filtering.wrong <= runs / 10'000);
  CAPTURE(rule.first_wrong, pooling.first_wrong, rule.partial, pooling.partial);
  CHECK(rule.wrong + pooling.wrong <= runs / 10'000);
  CHECK(rule.full + pooling.full > 2 * runs * 9 / 10);
  CHECK(both_full > runs * 9 / 10);
}
}  // namespace

TEST_CASE("10 % loss each way, jitter, duplicates and reordering make no wrong verdict", "[probe][grid][sim]") {
  measure_with_loss(Server::two_addresses, 10'000);
}

TEST_CASE("A server without receipts makes no wrong verdict under loss either", "[probe][grid][sim]") {
  measure_with_loss(Server::foreign, 4'000);
}
