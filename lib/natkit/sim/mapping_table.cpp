#include "natkit/sim/mapping_table.hpp"

#include <algorithm>
#include <utility>

namespace natkit::sim {
Endpoint scope_of(Behavior mapping, const Endpoint& destination) {
  switch (mapping) {
    case Behavior::endpoint_independent:
      return {};
    case Behavior::address_dependent:
      return {destination.address, 0};
    case Behavior::address_and_port_dependent:
      break;
  }
  return destination;
}

Mapping* MappingTable::find(Instant now, const TransportKey& inside, const Endpoint& scope) {
  Mapping* found = nullptr;
  for_inside(now, inside, [&](Mapping& mapping) {
    if (mapping.scope == scope) found = &mapping;
  });
  return found;
}

Mapping& MappingTable::add(Mapping mapping) {
  ++hosts_[mapping.inside.address];
  earliest_expiry_ = std::min(earliest_expiry_, mapping.expires);
  const TransportKey inside{mapping.protocol, mapping.inside};
  const TransportKey external{mapping.protocol, mapping.external};
  Mapping& added = by_inside_.emplace(inside, std::move(mapping))->second;
  by_external_.emplace(external, &added);
  return added;
}

void MappingTable::purge(Instant now) {
  if (earliest_expiry_ > now) return;
  std::erase_if(by_external_, [now](const auto& item) { return item.second->expires <= now; });
  earliest_expiry_ = Instant::max();
  std::erase_if(by_inside_, [&](const auto& item) {
    const Mapping& mapping = item.second;
    if (mapping.expires > now) {
      earliest_expiry_ = std::min(earliest_expiry_, mapping.expires);
      return false;
    }
    if (const auto host = hosts_.find(mapping.inside.address); --host->second == 0) hosts_.erase(host);
    return true;
  });
}

std::uint32_t MappingTable::count_of(const IpAddress& inside) const {
  const auto host = hosts_.find(inside);
  return host == hosts_.end() ? 0 : host->second;
}
}  // namespace natkit::sim
