#include "natkit/base/host_port.hpp"

#include <algorithm>

#include "natkit/base/endpoint.hpp"

namespace natkit {
namespace {
constexpr std::size_t longest_name = 253;  // RFC 1035 §2.3.4, as text without the final dot
}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  if (const auto endpoint = parse_endpoint(text, default_port))
    return HostPort{.host = to_text(endpoint->address), .port = endpoint->port};
  const auto colon = text.rfind(':');
  const auto host = text.substr(0, colon);
  const bool is_name = !host.empty() && host.size() <= longest_name && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  // Digits and dots alone are an address that was mistyped; resolvers would take "1.2.3" for 1.2.0.3.
  const bool is_mistyped = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!is_name || is_mistyped || host.front() == '-') return std::nullopt;
  if (colon == std::string_view::npos) return HostPort{.host = std::string(host), .port = default_port};
  const auto with_port = parse_endpoint("0.0.0.0:" + std::string(text.substr(colon + 1)));
  if (!with_port) return std::nullopt;
  return HostPort{.host = std::string(host), .port = with_port->port};
}
}  // namespace natkit
