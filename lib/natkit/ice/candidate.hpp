#pragma once
/// A candidate: one transport address that might reach an agent, and how much it is worth (RFC 8445 §5.1; RFC 6544 §4
/// for TCP).
///
///   host              an address of this machine
///   server_reflexive  the address a STUN server sees: where our NAT let the socket out
///   mapped            the address a router gave us on request (PCP, NAT-PMP, UPnP); `srflx` on the wire
///   peer_reflexive    the address a check of the peer came from that nobody announced
///   routed            a way through a third member that forwards for us (routed.hpp); `routed` on the wire
///   relayed           an address at a TURN server
///
/// Strategies for hard NATs will add kinds (predicted, sprayed); on the wire they are `srflx`, too.
/// A base is the socket that a candidate's packets leave from, a `SocketId`. What a relay or a TCP connection carries
/// has a SocketId of its own, which the owner wraps and unwraps: here nothing knows TURN.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"

namespace natkit::ice {
enum class Kind : std::uint8_t { host, server_reflexive, mapped, peer_reflexive, routed, relayed };

/// RFC 6544 §4.5: a TCP candidate connects, waits for connections, or does both at one instant.
enum class Transport : std::uint8_t { udp, tcp_active, tcp_passive, tcp_so };
[[nodiscard]] constexpr Protocol protocol_of(Transport transport) {
  return transport == Transport::udp ? Protocol::udp : Protocol::tcp;
}

/// One stream with one component is all there is here; others are parsed and left alone.
inline constexpr unsigned only_component = 1;

struct Candidate {
  Kind kind = Kind::host;
  Transport transport = Transport::udp;
  unsigned component = only_component;  ///< 1–256
  std::uint32_t priority = 0;           ///< greater is better; 1 to 2^31 - 1
  std::string foundation;               ///< equal for candidates that will likely fare alike (§5.1.1.3)
  Endpoint endpoint{};
  std::optional<Endpoint> related{};  ///< base or mapped address: for people who look for a fault (RFC 8839 §5.1)
  bool operator==(const Candidate&) const = default;
};

/// Among the addresses of one host the first should be the preferred one (§5.1.2.2; IPv6 first, RFC 8421).
inline constexpr std::uint16_t best_local_preference = 65535;

/// §5.1.2.1, with the type preferences of §5.1.2.2 (host 126, peer-reflexive 110, server-reflexive 100, relayed 0). TCP
/// counts half: where UDP works it is better, and RFC 6544 §4.2 asks for that order. Routed is 40: worse than anything
/// direct, better than a server's relay.
[[nodiscard]] std::uint32_t priority(Kind kind, Transport transport, std::uint16_t local_preference,
                                     unsigned component = only_component);
/// RFC 6544 §4.2: over TCP its three highest bits tell the direction. Among a host's own addresses it is best to
/// connect; what a NAT stands before is best opened from both sides at once.
[[nodiscard]] std::uint16_t directed_preference(Kind kind, Transport transport, std::uint16_t preference);
/// The local preference that such a priority was made with.
[[nodiscard]] std::uint16_t local_preference(std::uint32_t priority);
/// The priority of a pair, the same on both sides (§6.1.2.3).
[[nodiscard]] std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled);

/// Equal for equal kind, transport, base address and server (§5.1.1.3). `server` is nothing for host candidates.
[[nodiscard]] std::string foundation(Kind kind, Transport transport, const IpAddress& base,
                                     const std::optional<IpAddress>& server);

/// The port that stands for "any", which an active TCP candidate connects from (RFC 6544 §4.5: discard).
inline constexpr std::uint16_t port_of_active = 9;

/// A whole candidate as gatherers make it: priority and foundation computed.
struct Origin {
  Endpoint base{};                    ///< the socket's own address
  std::optional<IpAddress> server{};  ///< who told the address: STUN server, router, relay
  std::uint16_t local_preference = best_local_preference;
};
[[nodiscard]] Candidate make_candidate(Kind kind, Transport transport, const Endpoint& endpoint, const Origin& origin);

/// Whether a local candidate of this transport can be paired with a remote one of that (RFC 6544 §6.2).
[[nodiscard]] bool can_pair(Transport local, Transport remote);

/// "host", "server-reflexive", "mapped", "peer-reflexive", "routed", "relayed"
[[nodiscard]] std::string_view to_text(Kind kind);
/// "udp", "tcp-active", "tcp-passive", "tcp-so"
[[nodiscard]] std::string_view to_text(Transport transport);
}  // namespace natkit::ice
