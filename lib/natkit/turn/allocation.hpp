#pragma once
/// One client's place at the relay: its relayed addresses, and who may send to them (RFC 8656 §7, §9, §12). Permissions
/// and channels that have ended are not cleared by a timer; they are passed over, and their places used again.
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/time.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/token_bucket.hpp"
#include "natkit/turn/gatekeeper.hpp"

namespace natkit::turn {
/// RFC 8656's 5-tuple: which of our sockets a client speaks to, at which of its addresses, from where.
struct ClientPath {
  SocketId socket{};
  Protocol protocol = Protocol::udp;
  Endpoint local{};
  Endpoint remote{};
  bool operator==(const ClientPath&) const = default;
};

/// Where it meets its peers: one socket of one family.
struct RelayedSocket {
  enum class State : std::uint8_t { none, opening, open, failed };
  State state = State::none;
  enum class Port : std::uint8_t { any, even } port = Port::any;  ///< EVEN-PORT (RFC 8656 §18.7)
  SocketId socket{};
  Endpoint announced{};  ///< as peers reach it; behind a 1:1 NAT that is not the local one
  unsigned tries = 0;
};

class Allocation {
 public:
  struct Channel {
    std::uint16_t number = 0;
    Endpoint peer{};
    Instant end{};
  };
  enum class Outcome : std::uint8_t { done, conflict, full };

  ClientPath client;
  Gatekeeper::User user;
  std::string account;              ///< whom it counts for: the part of the name that stays the same
  stun::TransactionId made_by;      ///< a repetition of that request is answered again
  std::chrono::seconds lifetime{};  ///< as granted
  std::uint64_t serial = 0;         ///< in the order in which they were made
  Instant end{};
  std::array<RelayedSocket, 2> sockets{};                  ///< by family
  stun::TokenBucket bytes{stun::BucketSize{}, Instant{}};  ///< what it may still carry

  [[nodiscard]] RelayedSocket& socket_of(Family family) { return sockets.at(static_cast<std::size_t>(family)); }
  [[nodiscard]] const RelayedSocket& socket_of(Family family) const {
    return sockets.at(static_cast<std::size_t>(family));
  }
  /// Whether it has, or is about to have, a relayed address of this family.
  [[nodiscard]] bool has(Family family) const;
  [[nodiscard]] bool is_opening() const;

  [[nodiscard]] Outcome permit(Instant now, const IpAddress& peer, std::size_t most);
  [[nodiscard]] bool is_permitted(Instant now, const IpAddress& peer) const;
  /// Also renews; `conflict` where the number or the peer is bound otherwise (§12.2).
  [[nodiscard]] Outcome bind(Instant now, std::uint16_t number, const Endpoint& peer, std::size_t most);
  [[nodiscard]] const Channel* channel(Instant now, std::uint16_t number) const;
  [[nodiscard]] const Channel* channel_to(Instant now, const Endpoint& peer) const;

 private:
  struct Permission {
    IpAddress peer{};
    Instant end{};
  };
  // Few, and looked through for every datagram: a vector is faster than any tree below a hundred.
  std::vector<Permission> permissions_;
  std::vector<Channel> channels_;
};
}  // namespace natkit::turn
