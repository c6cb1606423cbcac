#include "handover.hpp"

#include <algorithm>

#include "world.hpp"

namespace natkit::test {
std::optional<unsigned> named_by_all(World& world, unsigned gone) {
  std::optional<unsigned> host;
  for (unsigned member = 0; member < world.size(); ++member) {
    if (member == gone) continue;
    const auto& view = world.at(member).view();
    if (!view) return std::nullopt;
    const auto named = world.number_of(view->host);
    if (named == gone || named != host.value_or(named)) return std::nullopt;
    host = named;
  }
  return host;
}

namespace {
void strike(World& world, unsigned host, Loss how) {
  switch (how) {
    case Loss::process_killed:
      return world.kill(host, World::Death::process_killed);
    case Loss::power_cut:
      return world.kill(host, World::Death::power_cut);
    case Loss::leave:
      return world.leave(host);
  }
}
}  // namespace

Handover lose_host(std::uint64_t seed, unsigned members, double loss, Loss how) {
  World world{{.seed = seed, .loss = loss, .drift = 0.01}};
  world.gather(members);
  // At any point between two heartbeats.
  SeededRng dice{seed * 7919 + 1};
  world.run_for(2s + Duration{static_cast<std::int64_t>(dice.below(1'000'000'000))});

  Handover found;
  for (unsigned a = 0; a < members; ++a)
    for (unsigned b = 0; b < a; ++b) found.longest_rtt = std::max(found.longest_rtt, world.rtt(a, b));
  const auto host = world.acting_host();
  found.fault = world.fault();
  if (!host) {
    if (found.fault.empty()) found.fault = "no host to lose";
    return found;
  }
  const auto epoch = world.at(*host).view()->version.epoch;
  const auto since = world.now();
  strike(world, *host, how);
  if (world.run_until([&] { return named_by_all(world, *host).has_value(); }, 30s)) found.named = world.now() - since;
  const auto another_acts = [&] { return world.acting_host().value_or(*host) != *host; };
  if (world.run_until(another_acts, 30s)) found.acting = world.now() - since;
  for (unsigned member = 0; member < members; ++member)
    if (member != *host && world.at(member).view())
      found.epochs = std::max(found.epochs, static_cast<unsigned>(world.at(member).view()->version.epoch - epoch));
  found.fault = world.fault();
  return found;
}
}  // namespace natkit::test
