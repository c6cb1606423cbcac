#include "natkit/portmap/url.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace natkit::portmap {
namespace {
constexpr std::size_t longest_url = 512;  // libminiupnpc's own buffers are of this order
constexpr std::uint16_t http_port = 80;

bool is_plain(char c) { return c > ' ' && c < '\x7f'; }

bool starts_with_http(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  return text.size() > scheme.size() && std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, [](char c) {
           return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
         });
}

/// ::ffff:127.0.0.1 is 127.0.0.1, whatever it looks like.
IpAddress unmapped(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto bytes = address.bytes();
  if (!address.is_v6() || !std::ranges::equal(bytes.first(prefix.size()), prefix)) return address;
  return *IpAddress::from_bytes(bytes.subspan(prefix.size()));
}

/// "[fe80::1%25eth0]:80" without its zone.
std::string without_zone(std::string_view authority) {
  const auto zone = authority.find('%');
  const auto end = authority.find(']');
  if (zone == std::string_view::npos || end == std::string_view::npos || zone > end) return std::string{authority};
  return std::string{authority.substr(0, zone)} + std::string{authority.substr(end)};
}
}  // namespace

std::string_view to_text(UrlError error) {
  switch (error) {
    case UrlError::not_http:
      return "is no http address";
    case UrlError::not_literal:
      return "names a host instead of giving its address";
    case UrlError::malformed:
      return "is malformed";
    case UrlError::foreign_host:
      return "points to another host than the one that answered";
    case UrlError::forbidden:
      return "points to where no gateway can be";
  }
  return "is malformed";
}

std::expected<Url, UrlError> parse_url(std::string_view text) {
  if (!starts_with_http(text)) return std::unexpected(UrlError::not_http);
  if (text.size() > longest_url || !std::ranges::all_of(text, is_plain)) return std::unexpected(UrlError::malformed);
  text.remove_prefix(7);
  const auto path = std::min(text.find_first_of("/?#"), text.size());
  const auto authority = text.substr(0, path);
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::unexpected(UrlError::malformed);
  const auto endpoint = parse_endpoint(without_zone(authority), http_port);
  if (!endpoint) return std::unexpected(UrlError::not_literal);
  if (endpoint->port == 0) return std::unexpected(UrlError::malformed);
  auto rest = std::string{text.substr(path)};
  if (!rest.starts_with('/')) rest.insert(0, 1, '/');
  return Url{{unmapped(endpoint->address), endpoint->port}, std::move(rest)};
}

std::expected<Url, UrlError> parse_url_on(std::string_view text, const IpAddress& answerer) {
  auto url = parse_url(text);
  if (!url) return url;
  const auto& host = url->host.address;
  if (host.is_loopback() || host.is_multicast() || host.is_unspecified()) return std::unexpected(UrlError::forbidden);
  if (host.is_link_local() && !answerer.is_link_local()) return std::unexpected(UrlError::forbidden);
  if (host != unmapped(answerer)) return std::unexpected(UrlError::foreign_host);
  return url;
}
}  // namespace natkit::portmap
