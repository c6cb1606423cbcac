#pragma once
// Private to the room: which packets are sent to find the largest that gets through in one piece.
#include <array>
#include <cstdint>
#include <optional>

#include "natkit/probe/digest.hpp"

namespace natkit::probe {
/// Sizes of IP packets, headers included, that links are known to take: Ethernet, PPPoE (RFC 2516), an IP tunnel in
/// IPv4, with L2TP, with GRE and keys, WireGuard over IPv4 and over IPv6, mobile networks, and the least that IPv6
/// allows (RFC 8200 §5). In one round of questions the answer is right for all of these, and within 40 bytes else.
inline constexpr std::array<std::uint16_t, 13> likely_mtus{1500, 1492, 1480, 1472, 1460, 1452, 1440,
                                                           1420, 1400, 1380, 1360, 1320, 1280};

/// The largest that was answered.
[[nodiscard]] std::optional<std::uint16_t> largest_passed(const Digest& digest, std::uint32_t server);
/// The next larger one.
[[nodiscard]] std::optional<std::uint16_t> least_not_passed(const Digest& digest, std::uint32_t server);
}  // namespace natkit::probe
