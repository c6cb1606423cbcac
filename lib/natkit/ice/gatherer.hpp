#pragma once
/// Finds out what STUN servers see of our sockets: server-reflexive candidates (RFC 8445 §5.1.1.2). It asks from the
/// very sockets that will be candidates, since any other would have another mapping; every socket asks every server of
/// its family at once, and a server that is silent delays nobody.
///
/// Over TCP one server is asked, by the connection that keeps the mapping while it stands.
///
///   add_base() --> one transaction per server --answered--> Found (a new address), or nothing (the host's own, or
///   known)
///                                             --silent----> Silent
///                                             all over ---> Done
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/ice/check_list.hpp"
#include "natkit/stun/transaction.hpp"

namespace natkit::ice {
class Gatherer {
 public:
  struct Config {
    std::vector<Endpoint> servers{};
    /// Sent at 0, 100, 300, 700 and 1500 ms, over at 1.9 s. One request that is lost must not cost the candidate (pion
    /// asks once, and so fails in 8 of 30 runs at 3 % loss), nor half a second.
    Duration first_rto = std::chrono::milliseconds{100};
    unsigned most_requests = 5;
    unsigned last_wait_rtos = 4;
    /// Each question is asked again so long after it was answered or given up: NATs forget (30 s after the last packet
    /// on many, 120 s by RFC 4787 REQ-5), and a candidate whose mapping is gone is worth nothing to a peer that comes
    /// later. What another answer shows is Found as well. None: asked once. RFC 8445 §11 allows 15 s.
    std::optional<Duration> keep_alive{};
    /// Over TCP a question is asked once, since TCP repeats it. Many servers that are asked over UDP do not answer
    /// there at all, and candidates for networks without UDP must not keep the others waiting.
    Duration tcp_patience = std::chrono::milliseconds{500};
  };
  static constexpr std::size_t most_questions = 256;  ///< sockets times servers; what is beyond is not asked

  struct Found {
    LocalCandidate candidate;
    Endpoint server{};
    std::optional<Duration> rtt{};
  };
  struct Silent {
    SocketId base{};
    Endpoint server{};
  };
  /// Every question so far was answered or given up once. Comes again after further bases.
  struct Done {};
  using Event = std::variant<Found, Silent, Done>;

  Gatherer(Config config, Rng& rng) : config_(std::move(config)), rng_(rng) {}

  void start(Instant /*now*/) {}
  /// `host` is the host candidate of an open socket. Over TCP it must be able to connect from its port; its first
  /// server of the family is the one that is asked, so that should be one that answers there.
  void add_base(Instant now, const LocalCandidate& host);
  /// False: no answer to a question of ours.
  bool handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  /// A connection to a server could not be made, or ended.
  void handle_send_failure(Instant now, const Datagram& lost);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] bool is_done() const { return open_ == 0; }

 private:
  struct Question {
    LocalCandidate host;
    Endpoint server{};
    stun::TransactionId id{};
    stun::ClientTransaction transaction;
    enum class Asked : std::uint8_t { first, again } asked = Asked::first;
    std::optional<Instant> ask_again_at{};
  };
  [[nodiscard]] stun::ClientTransaction begin(Instant now, const LocalCandidate& host,
                                              const stun::TransactionId& id) const;
  void give_up(Instant now, Question& question);
  void hear(Question& question, const Endpoint& mapped);
  void close(Instant now, Question& question);

  Config config_;
  Rng& rng_;
  std::vector<Question> questions_;
  std::size_t open_ = 0;
  std::vector<LocalCandidate> known_;  // server-reflexive ones found so far
  std::deque<Event> events_;
};
}  // namespace natkit::ice
