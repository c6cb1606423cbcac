#include "natkit/base/nat64_prefix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace natkit {
namespace {
constexpr std::array lengths{96U, 64U, 56U, 48U, 40U, 32U};
constexpr std::size_t u_byte = 8;
/// 192.0.0.170 and .171 (RFC 7050 §2.2)
constexpr std::array<std::uint32_t, 2> well_known_ipv4{0xC00000AA, 0xC00000AB};

Nat64Prefix prefix_of(const IpAddress& address, unsigned length) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes().first(length / 8), bytes.begin());
  return {.address = IpAddress::v6(bytes), .length = length};
}
}  // namespace

std::string to_text(const Nat64Prefix& prefix) { return fmt::format("{}/{}", to_text(prefix.address), prefix.length); }

bool is_well_known(const Nat64Prefix& prefix) {
  return prefix == Nat64Prefix{.address = IpAddress::v6({0, 0x64, 0xff, 0x9b}), .length = 96};
}

IpAddress embed(const Nat64Prefix& prefix, const IpAddress& ipv4) {
  assert(ipv4.is_v4() && std::ranges::find(lengths, prefix.length) != lengths.end());
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(prefix.address.bytes().first(prefix.length / 8), bytes.begin());
  auto at = prefix.length / 8;
  for (const auto byte : ipv4.bytes()) {
    if (at == u_byte) ++at;
    bytes.at(at++) = byte;
  }
  return IpAddress::v6(bytes);
}

std::optional<Nat64Prefix> find_nat64_prefix(const IpAddress& synthesized) {
  if (!synthesized.is_v6()) return std::nullopt;
  // With zeros behind it, an address can be read at one length only.
  for (const auto length : lengths)
    for (const auto ipv4 : well_known_ipv4)
      if (const auto prefix = prefix_of(synthesized, length); embed(prefix, IpAddress::v4(ipv4)) == synthesized)
        return prefix;
  return std::nullopt;
}
}  // namespace natkit
