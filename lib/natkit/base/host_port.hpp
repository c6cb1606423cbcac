#pragma once
/// A host as people name it, with a port.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natkit {
struct HostPort {
  std::string host;  ///< a name, or an address without brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};
/// "stun.example.org", "stun.example.org:3478", and what `parse_endpoint` takes. `nullopt` on an empty host, a bad port
/// or characters that no host name has.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port);
}  // namespace natkit
