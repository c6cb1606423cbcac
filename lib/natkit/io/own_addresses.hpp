#pragma once
/// Which of this host's IPv6 addresses are temporary (RFC 8981).
#include <istream>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::io {
struct OwnAddress {
  IpAddress address{};
  bool is_temporary = false;  ///< made at random by the system, which takes another one after a while
  bool operator==(const OwnAddress&) const = default;
};
/// All of this network namespace; empty where the system does not tell.
[[nodiscard]] std::vector<OwnAddress> ipv6_addresses();

/// The same, from what stands in /proc/net/if_inet6.
[[nodiscard]] std::vector<OwnAddress> ipv6_addresses(std::istream& table);
}  // namespace natkit::io
