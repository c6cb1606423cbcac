#pragma once
/// The pairs of a local base and a remote candidate, and in which order they are checked (RFC 8445 §6.1.2).
///
///   frozen --unfreeze--> waiting --check sent--> in_progress --answered--> succeeded --path died--.
///                           ^                         |                        ^                  |
///                           |                         `--never answered--> failed <---------------'
///                           `------------ a check of the peer arrives ---------'
///
/// A pair is a socket and a remote endpoint: candidates with the same base make the same packets, so they are one pair,
/// at the best priority that any of them gives it (§6.1.2.4).
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/time.hpp"
#include "natkit/ice/candidate.hpp"
#include "natkit/ice/check.hpp"
#include "natkit/ice/path_watch.hpp"

namespace natkit::ice {
/// What a base does before it has heard from a remote endpoint. See agent.hpp, "Who goes first".
enum class Manner : std::uint8_t {
  fires,  ///< checks at full hop limit from the start
  opens,  ///< only openers, which die on the way; checks once the peer's have arrived
};

/// What a base's candidates are to be worth among equals: those that only open come first, so that the peer checks them
/// first. See agent.hpp, "Who goes first".
[[nodiscard]] constexpr std::uint16_t preference_of(Manner manner) {
  return manner == Manner::opens ? best_local_preference : best_local_preference - 1;
}

/// A candidate of our own, and the socket under it.
struct LocalCandidate {
  Candidate candidate;
  SocketId base{};
  Manner manner = Manner::fires;
};

enum class PairId : std::uint32_t {};
enum class PairState : std::uint8_t { frozen, waiting, in_progress, succeeded, failed };

struct Pair {
  PairId id{};
  LocalCandidate local;
  Candidate remote;
  std::uint64_t priority = 0;  ///< in which order pairs are checked
  std::uint64_t worth =
      0;  ///< which of two of our own agents' that work is used: the same, but bases that only open last
  PairState state = PairState::frozen;
  /// Whether an authentic check of the peer arrived here.
  enum class Heard : std::uint8_t { no, yes } heard = Heard::no;

  // The check that is being made.
  unsigned sends = 0;
  std::optional<Instant> next_send{};  ///< again, or the end of the wait for an answer
  std::optional<Instant> next_opener{};
  unsigned openers = 0;
  unsigned rests = 0;  ///< how often it was tried again after it had failed

  // What came of it.
  std::optional<Endpoint> mapped{};  ///< our address as the peer saw it
  std::optional<Duration> rtt{};     ///< smoothed
  PathWatch watch{};
  /// As the controlled agent: the number the peer nominated it with. As the controlling one: what the peer confirmed.
  std::optional<std::uint16_t> nomination{};

  [[nodiscard]] Protocol protocol() const { return protocol_of(remote.transport); }
  [[nodiscard]] bool is_valid() const { return state == PairState::succeeded; }
  [[nodiscard]] bool is_relayed() const {
    return local.candidate.kind == Kind::relayed || remote.kind == Kind::relayed;
  }
  [[nodiscard]] bool is_routed() const { return local.candidate.kind == Kind::routed; }
  /// Nobody stands in between who is more than a router of the network.
  [[nodiscard]] bool is_direct() const { return !is_relayed() && !is_routed(); }
};

/// By which rule the next waiting pair is picked.
enum class Order : std::uint8_t {
  by_priority,  ///< §6.1.4.2
  by_turns,  ///< neighbours, the outside, relays and routers in turn, each by priority: whichever works is in the first
             ///< flight
};

/// By which protocols the next waiting pair may go.
enum class Over : std::uint8_t { udp, all };

class CheckList {
 public:
  static constexpr std::size_t most_pairs = 100;  ///< §6.1.2.5
  /// Of these, over TCP. Each may cost a connection, to wherever the peer says; two hosts with four addresses each and
  /// a NAT have fewer that can work.
  static constexpr std::size_t most_tcp_pairs = 24;

  /// Adds the pair of these two if they fit and it is new, in which case it waits or is frozen; else raises the one
  /// that is there. Null when they do not go together, or the list is full of better ones.
  Pair* add(const LocalCandidate& local, const Candidate& remote, Role role);
  [[nodiscard]] Pair* find(PairId id);
  [[nodiscard]] Pair* find(SocketId base, Protocol protocol, const Endpoint& remote);
  [[nodiscard]] const Pair* find(SocketId base, Protocol protocol, const Endpoint& remote) const;
  /// The next ordinary check (§6.1.4.2), a frozen one if nobody waits. Pairs that only open are passed over.
  [[nodiscard]] Pair* take_waiting(Order order, Over over = Over::all);
  [[nodiscard]] bool has_waiting(Over over = Over::all) const;
  /// After a success, what has the same foundation is worth trying (§7.2.5.3.3).
  void unfreeze_like(const Pair& pair);
  void unfreeze_all();
  /// After a role switch, or when a remote candidate turned out to be another kind.
  void reprioritize(Role role);
  void remove(SocketId base);
  void remove(PairId id);
  /// All pairs with it.
  void forget(const Candidate& remote);
  void clear() { pairs_.clear(); }

  [[nodiscard]] std::vector<Pair>& pairs() { return pairs_; }
  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }

 private:
  [[nodiscard]] bool make_room(std::uint64_t priority, Protocol protocol);
  [[nodiscard]] bool is_full(Protocol protocol) const;
  [[nodiscard]] bool is_foundation_busy(const Pair& pair) const;
  [[nodiscard]] bool may_be_next(const Pair& pair, Over over) const;

  std::vector<Pair> pairs_;
  std::uint32_t last_id_ = 0;
  std::array<unsigned, 4> taken_{};  // by turn
};
}  // namespace natkit::ice
