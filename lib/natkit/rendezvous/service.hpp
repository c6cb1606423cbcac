#pragma once
/// What else a client of the meeting place may use: told to it when it has registered, so that a person has to name one
/// server only.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"
#include "natkit/turn/credentials.hpp"

namespace natkit::rendezvous {
struct Service {
  enum class Kind : std::uint8_t { signalling, stun, turn } kind{};
  enum class Transport : std::uint8_t { udp, tcp, tls } transport{};
  /// On the wire, none: where the client has reached this server, whatever a NAT in front of it makes of its address.
  /// What the client gives out always has one.
  std::optional<Endpoint> address{};
  std::string name{};  ///< of the certificate, over TLS; empty: the address
  /// For a relay, good until the services end; what was allocated by then lives on.
  std::optional<turn::Credentials> credentials{};

  bool operator==(const Service& other) const {
    return kind == other.kind && transport == other.transport && address == other.address && name == other.name &&
           credentials.has_value() == other.credentials.has_value() &&
           (!credentials || (credentials->username == other.credentials->username &&
                             credentials->password == other.credentials->password));
  }
};
[[nodiscard]] std::string_view to_text(Service::Kind kind);            ///< "signalling", "stun", "turn"
[[nodiscard]] std::string_view to_text(Service::Transport transport);  ///< "udp", "tcp", "tls"
}  // namespace natkit::rendezvous
