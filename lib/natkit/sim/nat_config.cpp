#include "natkit/sim/nat_config.hpp"

namespace natkit::sim {
using namespace std::chrono_literals;

NatConfig linux_masquerade(Unsolicited unsolicited) {
  return {.mapping = Behavior::address_and_port_dependent,
          .filtering = Behavior::address_and_port_dependent,
          .allocation = PortAllocation::preserving_with_overload,
          .mapping_lifetime = 120s,
          .unreplied_lifetime = 30s,
          .refresh = Refresh::outbound_and_inbound,
          .unsolicited = unsolicited};
}

Behavior observable_mapping(const NatConfig& config) {
  const bool keeps_port = config.allocation == PortAllocation::preserving_with_overload &&
                          config.first_port <= first_ephemeral_port && config.last_port >= last_ephemeral_port;
  const bool keeps_address = config.pooling != AddressPooling::arbitrary || config.external_addresses.size() <= 1;
  return keeps_port && keeps_address ? Behavior::endpoint_independent : config.mapping;
}

Behavior observable_filtering(const NatConfig& config) { return config.filtering; }
}  // namespace natkit::sim
