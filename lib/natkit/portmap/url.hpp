#pragma once
/// Where a description or control address from the network may point to. A LOCATION is a stranger's wish that we fetch
/// something, so it is fetched only from the host that sent it: anything else would let a device on the network make
/// this host ask its own services, or anybody's.
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"

namespace natkit::portmap {
struct Url {
  Endpoint host{};
  std::string path;  ///< with the query; starts with '/'
  bool operator==(const Url&) const = default;
};

enum class UrlError : std::uint8_t {
  not_http,      ///< another scheme, or no URL
  not_literal,   ///< a host name: whoever answers DNS would decide where we go
  malformed,     ///< user names, a bad port, control characters, too long
  foreign_host,  ///< not the one that answered
  forbidden,     ///< loopback, multicast, unspecified, or link-local where the answer was not
};
[[nodiscard]] std::string_view to_text(UrlError error);

/// "http://192.0.2.1:5000/rootDesc.xml"; an IPv4 address written as IPv6 becomes IPv4, a zone is dropped. At most 512
/// characters, printable ASCII only.
[[nodiscard]] std::expected<Url, UrlError> parse_url(std::string_view text);
/// The same, and it must lie on `answerer`.
[[nodiscard]] std::expected<Url, UrlError> parse_url_on(std::string_view text, const IpAddress& answerer);
}  // namespace natkit::portmap
