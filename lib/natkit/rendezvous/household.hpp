#pragma once
// Private to the room: what counts as one address, as everywhere: an IPv4 address, or an IPv6 /64 (RFC 6177).
#include <algorithm>
#include <array>

#include "natkit/base/ip_address.hpp"

namespace natkit::rendezvous {
[[nodiscard]] inline IpAddress household_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes().first(8), bytes.begin());
  return IpAddress::v6(bytes);
}

/// For what is shown to people: no control characters. (That it is UTF-8, the parser of JSON makes sure of.)
[[nodiscard]] inline bool is_showable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}
}  // namespace natkit::rendezvous
