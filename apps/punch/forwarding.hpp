#pragma once
// What -L, --udp and --permit say.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/link/forwarder.hpp"
#include "options.hpp"

namespace natkit {
/// [BIND:]PORT:HOST:HOSTPORT; addresses with colons stand in brackets.
struct ListenSpec {
  std::optional<IpAddress> bind;  ///< nothing: loopback
  std::uint16_t port = 0;         ///< 0: the system picks
  link::Place to;
};
[[nodiscard]] std::optional<ListenSpec> parse_listen_spec(std::string_view text);

/// HOST:PORT or HOST:*; its addresses are still to be found.
[[nodiscard]] std::optional<link::Permit> parse_permit(std::string_view text);

/// Looks up the names of --permit; fails with `name-not-found`.
[[nodiscard]] Result<link::Forwarder::Config> find_forwarding(const Options& options);
}  // namespace natkit
