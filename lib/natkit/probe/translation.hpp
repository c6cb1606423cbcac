#pragma once
/// What becomes of IPv6 addresses on their way out (RFC 6296, RFC 5902).
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/endpoint.hpp"

namespace natkit::probe {
enum class Translation : std::uint8_t {
  none,    ///< nothing: the address is the host's own everywhere
  prefix,  ///< each address has one of its own outside, and keeps its ports (NPTv6, RFC 6296)
  nat66,   ///< several share one, as they do over IPv4
};
[[nodiscard]] std::string_view to_text(Translation translation);  ///< "none", "prefix", "nat66"

/// How an address that is another one outside was made from the one inside.
enum class PrefixChange : std::uint8_t {
  no,                ///< not by exchanging the prefix
  checksum_neutral,  ///< as RFC 6296 wants it: one word makes up for the prefix, so that no checksum changes
  plain,             ///< the prefix only, and all the rest is kept (Linux NETMAP)
  unclear,           ///< that as well, but what is kept is as short as those that people give by hand: it may be chance
};
/// RFC 6296 §3: outside are another prefix of at most 64 bits, the same port, and the same interface identifier, of
/// which one 16-bit word may be another one where the prefix is longer than 48 bits. The one's complement sum of all
/// words is the same, which happens by chance once in 65 535 times. Both are IPv6.
[[nodiscard]] PrefixChange prefix_change(const Endpoint& inside, const Endpoint& outside);
}  // namespace natkit::probe
