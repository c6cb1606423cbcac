#pragma once
/// Whether the router maps ports on request, by which protocol. The probe does not ask that itself: whoever runs it may
/// ask beside it and write the answers into the trace, so that a replay tells the same.
#include <optional>

#include "natkit/base/ip_address.hpp"

namespace natkit::probe {
struct PortMapping {
  std::optional<bool> available{};  ///< false: it refuses, or was silent long enough; none: not asked, not waited for
  std::optional<IpAddress> external{};
  bool operator==(const PortMapping&) const = default;
};

struct PortMappings {
  PortMapping upnp{};
  PortMapping nat_pmp{};
  PortMapping pcp{};
  bool operator==(const PortMappings&) const = default;
};
}  // namespace natkit::probe
