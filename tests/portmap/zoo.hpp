#pragma once
/// One host that wants a mapping, at the routers of a Lan.
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/portmap/keeper.hpp"
#include "natkit/portmap/removal.hpp"
#include "portmap/lan.hpp"

namespace natkit::portmap::zoo {
using namespace std::chrono_literals;
using sim::RouterConfig;

inline constexpr std::uint16_t inside_port = 7000;
inline const Endpoint inside{host_address, inside_port};
/// What a person waits for at most: PCP and NAT-PMP give up after 1 s, one description may take 2 s, one call 2 s.
inline constexpr Duration bound = 6s;

inline void upnp_only(RouterConfig& router) {
  router.pcp.speaks = sim::PcpConfig::Speaks::silent;
  router.nat_pmp.presence = sim::Presence::off;
}
inline void nat_pmp_only(RouterConfig& router) {
  router.pcp.speaks = sim::PcpConfig::Speaks::silent;
  router.ssdp.presence = sim::Presence::off;
  router.igd.presence = sim::Presence::off;
}
inline void pcp_only(RouterConfig& router) {
  router.nat_pmp.presence = sim::Presence::off;
  router.ssdp.presence = sim::Presence::off;
  router.igd.presence = sim::Presence::off;
}

[[nodiscard]] inline Keeper::Config wishing(const Lan& lan, const Wish& wish = {.internal = inside}) {
  Keeper::Config config;
  config.routes = {lan.route()};
  config.wishes = {wish};
  config.goal = Keeper::Goal::hold;
  config.run = RunId{1};
  return config;
}

[[nodiscard]] inline bool is_decided(const Keeper& keeper) {
  for (std::size_t wish = 0; wish < keeper.wishes(); ++wish)
    if (!keeper.outcome(wish).held && !keeper.outcome(wish).failed) return false;
  return true;
}

[[nodiscard]] inline std::set<Cause> causes_of(const Keeper::Outcome& outcome) {
  std::set<Cause> causes;
  if (outcome.failed)
    for (const auto& refusal : outcome.failed->refusals) causes.insert(refusal.cause);
  return causes;
}

/// Takes everything back and waits for the end of it.
inline bool release(Lan& lan, Keeper& keeper) {
  keeper.release(lan.now());
  lan.drain();
  const bool ended = lan.run_to_end(bound);
  lan.run_for(1s);  // what is still on the way
  return ended;
}

/// What another run does with the journal of a dead one.
inline std::vector<Removal::Result> collect(Lan& lan, MemoryJournal& journal, Rng& rng) {
  Removal removal{{.entries = journal.entries(), .routes = {lan.route()}, .run = RunId{2}}, journal, rng};
  lan.attach(removal);
  lan.run_to_end(bound);
  auto results = removal.results();
  lan.kill();
  return results;
}
}  // namespace natkit::portmap::zoo
