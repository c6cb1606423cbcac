#include "natkit/link/forward_place.hpp"

#include <algorithm>

namespace natkit::link {
namespace {
constexpr std::size_t longest_name = 253;  // RFC 1035 §2.3.4, as text without the final dot

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_name(std::string_view text) {
  // Digits and dots alone are an address that was mistyped.
  return !text.empty() && text.size() <= longest_name && text.front() != '-' &&
         text.find_first_not_of("0123456789.") != std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

bool is_same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }
}  // namespace

std::optional<Place> parse_place(std::string_view text) {
  if (const auto endpoint = parse_endpoint(text)) {
    if (endpoint->port == 0) return std::nullopt;
    return Place{natkit::to_text(endpoint->address), endpoint->port};
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_name(text.substr(0, colon))) return std::nullopt;
  const auto port = parse_endpoint("0.0.0.0" + std::string(text.substr(colon)));
  if (!port || port->port == 0) return std::nullopt;
  return Place{std::string(text.substr(0, colon)), port->port};
}

std::string to_text(const Place& place) {
  if (const auto address = parse_ip_address(place.host)) return natkit::to_text(Endpoint{*address, place.port});
  return place.host + ":" + std::to_string(place.port);
}

std::vector<Endpoint> find_permitted(const std::vector<Permit>& permits, const Place& place) {
  const auto asked = parse_ip_address(place.host);
  std::vector<Endpoint> found;
  for (const auto& permit : permits) {
    if (permit.port && *permit.port != place.port) continue;
    for (const auto& address : permit.addresses) {
      const bool is_meant = asked ? address == *asked : is_same_name(permit.host, place.host);
      const Endpoint endpoint{address, place.port};
      if (is_meant && std::ranges::find(found, endpoint) == found.end()) found.push_back(endpoint);
    }
  }
  return found;
}
}  // namespace natkit::link
