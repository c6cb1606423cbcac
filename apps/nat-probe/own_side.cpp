#include "own_side.hpp"

#include <set>
#include <variant>

namespace natkit {
namespace {
std::set<IpAddress> addresses_used(const probe::Trace& trace) {
  std::set<IpAddress> all;
  for (const auto& event : trace.events)
    if (const auto* received = std::get_if<probe::Received>(&event)) all.insert(received->local.address);
  return all;
}
}  // namespace

OwnSide::OwnSide() : addresses_(io::ipv6_addresses()) {}

probe::HostFacts OwnSide::facts(const probe::Trace& trace) const {
  probe::HostFacts facts;
  const auto used = addresses_used(trace);
  for (const auto& [address, is_temporary] : addresses_)
    if (used.contains(address)) (is_temporary ? facts.temporary : facts.stable).push_back(address);
  return facts;
}
}  // namespace natkit
