#include "natkit/base/endpoint.hpp"

#include <fmt/format.h>

#include <charconv>

namespace natkit {
namespace {
std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}
}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text, std::optional<std::uint16_t> default_port) {
  std::string_view host = text;
  std::optional<std::uint16_t> port = default_port;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    host = text.substr(1, bracket - 1);
    const auto rest = text.substr(bracket + 1);
    if (host.find(':') == std::string_view::npos || (!rest.empty() && rest.front() != ':')) return std::nullopt;
    if (!rest.empty()) {
      port = parse_port(rest.substr(1));
      if (!port) return std::nullopt;
    }
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = parse_port(text.substr(colon + 1));
  }
  const auto address = parse_ip_address(host);
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string to_text(const Endpoint& endpoint) {
  const auto address = to_text(endpoint.address);
  return endpoint.address.is_v4() ? fmt::format("{}:{}", address, endpoint.port)
                                  : fmt::format("[{}]:{}", address, endpoint.port);
}

std::string_view to_text(Protocol protocol) { return protocol == Protocol::udp ? "udp" : "tcp"; }

std::string to_text(const TransportAddress& address) {
  return fmt::format("{} {}", to_text(address.protocol), to_text(address.endpoint));
}
}  // namespace natkit

std::size_t std::hash<natkit::Endpoint>::operator()(const natkit::Endpoint& endpoint) const noexcept {
  return std::hash<natkit::IpAddress>{}(endpoint.address) * 31 + endpoint.port;
}
