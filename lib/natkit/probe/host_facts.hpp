#pragma once
/// What the host knows of itself and its network without asking a server. The probe does not look it up: whoever runs
/// it may do so beside it and write it into the trace, so that a replay tells the same.
#include <optional>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::probe {
struct HostFacts {
  /// Of the IPv6 addresses that the run has sent from those that are temporary (RFC 8981), and those that are not. One
  /// in neither list: the system did not say.
  std::vector<IpAddress> temporary{};
  std::vector<IpAddress> stable{};
  /// The IPv6 addresses of ipv4only.arpa, which the resolver has made from IPv4 ones where there is a NAT64 (RFC 7050).
  /// Empty: the name has none. None: nobody asked, or there was no answer in time.
  std::optional<std::vector<IpAddress>> ipv4only{};
  /// An interface is that of a translator of this host's own (CLAT, RFC 6877). None: nobody looked.
  std::optional<bool> has_clat{};
  bool operator==(const HostFacts&) const = default;
};
}  // namespace natkit::probe
