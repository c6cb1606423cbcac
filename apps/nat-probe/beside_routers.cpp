#include "beside_routers.hpp"

#include <cstdint>

namespace natkit {
namespace {
using portmap::Finding;

enum class Turn : std::uint8_t { first, later };

/// Over several routers: available where one is, unavailable only where all are known not to be.
void merge(probe::PortMapping& into, const Finding& finding, Turn turn) {
  std::optional<bool> available;
  if (finding.state == Finding::State::available) available = true;
  if (finding.state == Finding::State::refused || finding.state == Finding::State::silent) available = false;
  if (into.available == true) return;
  if (available == true) {
    into = {.available = true, .external = finding.external};
  } else if (turn == Turn::first) {
    into.available = available;
  } else if (into.available && !available) {
    into.available = std::nullopt;
  }
}
}  // namespace

probe::PortMappings BesideRouters::port_mappings() const {
  probe::PortMappings all;
  auto turn = Turn::first;
  for (const auto& route : routers_.findings(last_).routes) {
    merge(all.upnp, route.upnp, turn);
    merge(all.pcp, route.pcp, turn);
    // NAT-PMP is a protocol for IPv4: a router asked over IPv6 says nothing about it.
    if (route.route.router.is_v4()) merge(all.nat_pmp, route.nat_pmp, turn);
    turn = Turn::later;
  }
  return all;
}
}  // namespace natkit
