#pragma once
/// What an IP packet adds to what it carries.
#include <cstddef>

#include "natkit/base/ip_address.hpp"

namespace natkit {
/// Bytes of the headers of IP (RFC 791, RFC 8200; without options) and UDP (RFC 768).
[[nodiscard]] constexpr std::size_t udp_overhead_bytes(Family family) {
  constexpr std::size_t udp = 8, ipv4 = 20, ipv6 = 40;
  return udp + (family == Family::ipv4 ? ipv4 : ipv6);
}
}  // namespace natkit
