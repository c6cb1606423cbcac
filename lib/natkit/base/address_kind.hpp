#pragma once
/// What an address can be used for, by the range that it is in: who gives it out, and who can reach it. From the
/// registries of special-purpose addresses (RFC 6890); the names are those of the RFCs that set the ranges aside.
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/ip_address.hpp"

namespace natkit {
enum class AddressKind : std::uint8_t {
  public_internet,  ///< IPv4: reachable from everywhere, as far as nobody filters
  global,           ///< the same, IPv6: 2000::/3 (RFC 4291 §2.4)
  private_use,      ///< 10/8, 172.16/12, 192.168/16 (RFC 1918)
  unique_local,     ///< fc00::/7 (RFC 4193)
  shared,           ///< 100.64/10, between a carrier's NAT and its customers (RFC 6598)
  clat,             ///< 192.0.0.0/29, of a host that carries IPv4 over an IPv6 network itself (RFC 7335)
  six_to_four,      ///< 2002::/16 (RFC 3056), over relays that are gone (RFC 7526)
  teredo,           ///< 2001::/32 (RFC 4380)
  nat64,            ///< 64:ff9b::/96 and 64:ff9b:1::/48: an IPv4 address as IPv6 sees it (RFC 6052, RFC 8215)
  link_local,       ///< 169.254/16 (RFC 3927), fe80::/10
  loopback,         ///< 127/8, ::1
  documentation,    ///< RFC 5737, RFC 3849, RFC 9637
  benchmarking,     ///< RFC 2544, RFC 5180
  reserved,         ///< none of these
};
/// "public", "global", "private", "unique-local", "shared", "clat", "6to4", "teredo", "nat64", "link-local", …
[[nodiscard]] std::string_view to_text(AddressKind kind);

/// None of what is nobody's address: unspecified, multicast, or a placeholder for one that is not told.
[[nodiscard]] std::optional<AddressKind> kind_of(const IpAddress& address);
}  // namespace natkit
