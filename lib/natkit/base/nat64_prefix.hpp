#pragma once
/// IPv4 addresses inside of IPv6 ones (RFC 6052 §2.2), and how the prefix of a NAT64 is found (RFC 7050).
///   length  32        40        48        56        64        72        80        88        96      127
///     32    | IPv4 address ---------------------| u | zeros
///     40              | IPv4 ----------------| u | IPv4 | zeros
///     48                        | IPv4 ---------| u | IPv4 ----| zeros
///     56                                  | IPv4| u | IPv4 -------------| zeros
///     64                                        | u | IPv4 --------------------| zeros
///     96                                                                  | IPv4 address
/// Bits 64 to 71 ("u") are zero, and so is what follows.
#include <optional>
#include <string>

#include "natkit/base/ip_address.hpp"

namespace natkit {
struct Nat64Prefix {
  IpAddress address{};  ///< zeros behind the prefix
  unsigned length = 0;  ///< 32, 40, 48, 56, 64 or 96
  bool operator==(const Nat64Prefix&) const = default;
};
[[nodiscard]] std::string to_text(const Nat64Prefix& prefix);  ///< "64:ff9b::/96"
/// 64:ff9b::/96 is the same everywhere (RFC 6052 §2.1); any other is a network's own.
[[nodiscard]] bool is_well_known(const Nat64Prefix& prefix);

[[nodiscard]] IpAddress embed(const Nat64Prefix& prefix, const IpAddress& ipv4);
/// From an address that ipv4only.arpa has here. That name has 192.0.0.170 and 192.0.0.171 and no IPv6 address (RFC 7050
/// §2.2), so whatever is found of it in IPv6 was made from these; none where neither stands in it at one of the
/// lengths.
[[nodiscard]] std::optional<Nat64Prefix> find_nat64_prefix(const IpAddress& synthesized);
}  // namespace natkit
