#pragma once
/// Sockets that are more than "fresh, on any port": a machine asks for them, the driver opens them and says what became
/// of it. A SocketId that was never asked for is opened at its first transmit, as always.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"

namespace natkit {
/// Whether other programs may be bound to the same port: needed where a standard fixes the number (5350, 1900).
enum class Sharing : std::uint8_t { exclusive, shared };
/// Over TCP: whether the socket waits for connections. A datagram from one comes with this socket's id. One that
/// `meets` waits and connects from the same port, so that two who connect to each other meet in one connection
/// (simultaneous open, RFC 9293 §3.5); its first transmit to a remote connects, as on one that `connects`.
enum class TcpRole : std::uint8_t { connects, listens, meets };
/// Over TCP: what becomes of a payload that the other side is too slow for.
enum class Overflow : std::uint8_t {
  ends,   ///< the connection ends, since a stream with a hole is worth nothing
  drops,  ///< the payload is dropped whole, as by a line that is too narrow: each is a packet of its own
};
/// Whether ICMP errors that come back are handed in (`handle_path_error`). Anybody can forge them: a hint, never proof.
enum class PathErrors : std::uint8_t { ignored, heard };

/// Over UDP: what becomes of a datagram that is larger than the way takes.
enum class Fragmentation : std::uint8_t {
  by_system,  ///< Linux: in one piece as far as it knows the way, else in several
  forbidden,  ///< in one piece or not at all: refused here, or lost at the router that cannot pass it on (RFC 1191)
  allowed,    ///< by every router (IPv4), or by this host (IPv6)
};

/// Over TCP: the connections that are made go by TLS, with a server of this name (or address).
struct TlsWish {
  std::string server{};
  std::string authorities{};  ///< PEM; empty: those that the system trusts
};

struct SocketWish {
  SocketId socket{};
  Protocol protocol = Protocol::udp;
  Endpoint local{};                 ///< port 0: the system picks; an unspecified address: any of this family
  std::string interface{};          ///< use only this one; needed to reach link-local addresses. Empty: as routed
  std::vector<IpAddress> groups{};  ///< multicast groups to hear (on `interface`, or on the one that has `local`)
  Sharing sharing = Sharing::exclusive;
  TcpRole role = TcpRole::connects;
  PathErrors errors = PathErrors::ignored;
  Fragmentation fragmentation = Fragmentation::by_system;
  std::optional<TlsWish> tls{};
  Overflow overflow = Overflow::ends;
};

struct SocketEnd {
  SocketId socket{};  ///< closed, with all connections that it has
};

/// One connection over TCP is closed, once what was sent on it has left; nothing more comes from it. The other ones of
/// its socket stay. (A socket that is named in no wish lives on without any.)
struct ConnectionEnd {
  SocketId socket{};
  Endpoint remote{};
};

/// What `poll_socket` gives out.
using SocketChange = std::variant<SocketWish, SocketEnd, ConnectionEnd>;

/// A router or host on the way returned something that we sent (RFC 792, RFC 4443).
struct PathError {
  enum class Kind : std::uint8_t {
    hop_limit_exceeded,
    port_unreachable,
    unreachable,  ///< host or network
    prohibited,   ///< by a filter
    too_big,
  };
  SocketId socket{};
  Kind kind{};
  Endpoint remote{};     ///< where the datagram was to go
  IpAddress offender{};  ///< who sent the error
};
}  // namespace natkit
