#pragma once
/// Where a datagram comes from or goes to. Here an address is an address; hosts with names are in host_port.hpp.
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/ip_address.hpp"

namespace natkit {
struct Endpoint {
  IpAddress address{};
  std::uint16_t port = 0;  ///< host byte order
  auto operator<=>(const Endpoint&) const = default;
};

enum class Protocol : std::uint8_t { udp, tcp };

struct TransportAddress {
  Protocol protocol = Protocol::udp;
  Endpoint endpoint{};
  auto operator<=>(const TransportAddress&) const = default;
};

/// "192.0.2.1:3478" or "[2001:db8::1]:3478". Without a port, "192.0.2.1", "2001:db8::1" or "[2001:db8::1]", the default
/// applies; where there is no default, the port must stand there.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text,
                                                     std::optional<std::uint16_t> default_port = {});
[[nodiscard]] std::string to_text(const Endpoint& endpoint);
[[nodiscard]] std::string_view to_text(Protocol protocol);           ///< "udp", "tcp"
[[nodiscard]] std::string to_text(const TransportAddress& address);  ///< "udp 192.0.2.1:3478"
}  // namespace natkit

template <>
struct std::hash<natkit::Endpoint> {
  std::size_t operator()(const natkit::Endpoint& endpoint) const noexcept;
};
