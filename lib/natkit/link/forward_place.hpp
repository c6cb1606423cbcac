#pragma once
/// Destinations of forwarded connections, as people and peers name them, and which of them a peer may have.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"

namespace natkit::link {
/// "db.example.org:5432", "127.0.0.1:80", "[::1]:80".
struct Place {
  std::string host;  ///< a name, or an address without brackets
  std::uint16_t port = 0;
  bool operator==(const Place&) const = default;
};
/// `nullopt` where there is no port, it is 0, or the host has characters that no host name has.
[[nodiscard]] std::optional<Place> parse_place(std::string_view text);
[[nodiscard]] std::string to_text(const Place& place);

/// What this side lets its peer reach. Names are looked up by whoever makes this, not when the peer asks: so a peer
/// makes nobody look up anything, and a name that changes its mind opens nothing new.
struct Permit {
  std::string host;
  std::optional<std::uint16_t> port;  ///< nothing: every port
  std::vector<IpAddress> addresses;   ///< of the host, by preference
};
/// Where the place is; empty: no permit says so. A name has to be written like the permit's (upper and lower case are
/// one), an address may be any that a permit's host has.
[[nodiscard]] std::vector<Endpoint> find_permitted(const std::vector<Permit>& permits, const Place& place);
}  // namespace natkit::link
