#pragma once
/// Which local sockets wait for packets, as the kernel lists them: whether a port that is about to be opened leads
/// anywhere. Linux: /proc/net; elsewhere nothing is known.
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"

namespace natkit::io {
/// UDP sockets without a peer, TCP sockets in state LISTEN; those of other users as well. `nullopt` where the system
/// does not tell.
[[nodiscard]] std::optional<std::vector<Endpoint>> listening_sockets(Protocol protocol);

/// One of the kernel's tables (proc(5), /proc/net/udp, tcp6 …). Takes any text; lines that make no sense are passed
/// over.
[[nodiscard]] std::vector<Endpoint> parse_socket_table(std::string_view text, Protocol protocol);
}  // namespace natkit::io
