#pragma once
/// What crosses the border between a machine and its driver: one datagram, and the socket it belongs to.
#include <cstdint>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit {
/// Names a socket of the machine's own. A client machine invents numbers: the first transmit on a new one makes the
/// driver open a fresh socket on an ephemeral port, which lives until the run ends. A server machine is given the
/// numbers of sockets that its driver bound beforehand.
enum class SocketId : std::uint32_t {};

/// Over TCP, `payload` is a piece of the stream, cut anywhere; the pair (socket, remote) names the connection, which
/// the driver opens at the first transmit.
struct Datagram {
  SocketId socket{};
  Protocol protocol = Protocol::udp;
  /// Received: the address this datagram was sent to, as the host saw it (never 0.0.0.0 where the system can tell).
  /// Transmitted: ignored by clients; a server may leave it empty, its socket being bound.
  Endpoint local{};
  Endpoint remote{};
  std::uint8_t hop_limit = 64;  ///< IPv4 TTL or IPv6 hop limit to send with; not filled on receipt
  Bytes payload{};
};
}  // namespace natkit
