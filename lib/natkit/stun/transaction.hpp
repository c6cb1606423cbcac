#pragma once
/// One request and the wait for its answer (RFC 8489 §6.2.1): a piece for other machines to own. It knows bytes and
/// times, not sockets or peers: the owner sends what `poll_transmit` gives to where the request goes, and hands in the
/// messages that came from there.
///
///   idle --start--> waiting --answer--> answered
///                      |  ^ retransmit at 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s
///                      |  '---.
///                      `------'--39.5 s--> timed_out
///
/// Retransmissions carry the same id, so an answer tells nothing about the round trip once two copies are out (Karn);
/// `rtt` is then unknown. Whoever sends early copies and wants the time as well uses a transaction, and so an id, each.
#include <chrono>
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::stun {
class ClientTransaction {
 public:
  struct Config {
    Duration rto = std::chrono::milliseconds{500};  ///< until the first retransmission; doubles each time
    unsigned most_requests = 7;                     ///< Rc: the first one and the retransmissions
    unsigned last_wait_rtos = 16;                   ///< Rm: after the last request, in units of `rto`
    unsigned early_copies = 0;  ///< sent right behind the first request, against loss; not part of the RFC
    Duration copy_spacing = std::chrono::milliseconds{20};
  };
  /// For TCP, which retransmits by itself: one request, and Ti = 39.5 s to wait (§6.2.2).
  [[nodiscard]] static constexpr Config over_stream() { return {.most_requests = 1, .last_wait_rtos = 79}; }

  enum class State : std::uint8_t { idle, waiting, answered, timed_out };
  /// `repeated` is a further answer to a request that was answered already: to be ignored (§6.3.3).
  enum class Match : std::uint8_t { foreign, first, repeated };

  /// `request` is the finished message.
  ClientTransaction(Config config, Bytes request);
  void start(Instant now);
  [[nodiscard]] Match handle_message(Instant now, const Message& message);
  void handle_timeout(Instant now);
  /// Nobody can answer any more: the connection has ended.
  void give_up();
  /// The request, once for every time it has to be sent; a view that lives as long as the transaction.
  [[nodiscard]] std::optional<ByteView> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] State state() const { return state_; }
  /// Unknown while unanswered, and when more than one copy was out before the answer.
  [[nodiscard]] std::optional<Duration> rtt() const { return rtt_; }
  [[nodiscard]] unsigned times_sent() const { return times_sent_; }

 private:
  void schedule_request(Instant now);

  Config config_;
  Bytes request_;
  State state_ = State::idle;
  unsigned requests_ = 0;  // without the early copies
  unsigned copies_ = 0;
  unsigned times_sent_ = 0;
  bool is_due_ = false;
  Instant started_{};
  Instant next_request_{};  // or the end of the wait, when all were sent
  Instant next_copy_{};
  std::optional<Duration> rtt_;
};
}  // namespace natkit::stun
