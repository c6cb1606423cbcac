#pragma once
/// What the host knows of itself and its network without asking a server. The probe does not look it up: whoever runs
/// it may do so beside it and write it into the trace, so that a replay tells the same.
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::probe {
struct HostFacts {
  /// Of the IPv6 addresses that the run has sent from those that are temporary (RFC 8981), and those that are not. One
  /// in neither list: the system did not say.
  std::vector<IpAddress> temporary{};
  std::vector<IpAddress> stable{};
  bool operator==(const HostFacts&) const = default;
};
}  // namespace natkit::probe
