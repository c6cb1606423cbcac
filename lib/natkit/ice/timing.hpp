#pragma once
/// How fast an agent goes: as RFC 8445 says towards foreign agents, as fast as the path allows towards our own.
///
///   RFC      |1|       |2|       |3|   50 ms apart, each again after 500 ms, 1 s, 2 s …
///   natkit   |123456| |7| |8| |9|      six at once, then 5 ms apart, each again after 1.5 round trips, doubling
#include <algorithm>
#include <chrono>
#include <optional>

#include "natkit/base/time.hpp"

namespace natkit::ice {
struct Timing {
  // Checks (RFC 8445 §14).
  unsigned burst = 1;                             ///< new checks that may leave at once
  Duration pace = std::chrono::milliseconds{50};  ///< Ta: between the others
  Duration least_rto = std::chrono::milliseconds{500};
  Duration longest_rto = std::chrono::seconds{32};  ///< where doubling ends
  unsigned most_sends = 7;                          ///< Rc of RFC 8489 §6.2.1
  unsigned last_wait_rtos = 16;                     ///< Rm: patience after the last one, in units of the first RTO
  /// From start() on: without a valid pair by then we have failed (RFC 8863 §4: 39.5 s, one whole transaction).
  Duration patience = std::chrono::milliseconds{39500};
  /// The controlling agent waits so long for better pairs than the one that is valid (§8.1.1 leaves it open).
  Duration nomination_wait = std::chrono::milliseconds{200};

  // Paths in use (RFC 7675 §5.1).
  Duration pulse = std::chrono::seconds{5};     ///< between consent checks; randomized by a fifth
  Duration retry = std::chrono::seconds{5};     ///< between further ones while an answer is due
  Duration consent = std::chrono::seconds{30};  ///< since the last answer; then the path is dead
};

[[nodiscard]] constexpr Timing rfc_timing() { return {}; }

/// Between our own agents. Every check has an id of its own, so every answer measures a round trip.
///  * 6 pairs unpaced: more than two homes have that matter; 5 ms is the floor of RFC 8445 §14.2.
///  * 25 ms and 8 sends: 0, 1.5, 4.5, 10.5 … round trips, at most 400 ms apart, over within `patience`.
///  * 1.8 s: "impossible" must be said within 2 s, which leaves signalling its share.
///  * 400 ms, 100 ms, 1.4 s: a path that died is noticed in at most 1.4 s. Ten checks go unanswered by then; where a
///    tenth of the round trips is lost, chance does that once in 10^10 pulses: in a century.
[[nodiscard]] constexpr Timing natkit_timing() {
  using std::chrono::milliseconds;
  return {.burst = 6,
          .pace = milliseconds{5},
          .least_rto = milliseconds{25},
          .longest_rto = milliseconds{400},
          .most_sends = 8,
          .last_wait_rtos = 2,
          .patience = milliseconds{1800},
          .nomination_wait = milliseconds{0},
          .pulse = milliseconds{400},
          .retry = milliseconds{100},
          .consent = milliseconds{1400}};
}

/// Over TCP, which repeats by itself what is lost, after 0.2, 0.6, 1.4 and 3 s (RFC 6298; Linux' floor of 200 ms). What
/// comes late is no sign of death, and of a connection that ended the system tells.
[[nodiscard]] constexpr Timing natkit_tcp_timing() {
  using std::chrono::milliseconds;
  auto timing = natkit_timing();
  timing.retry = milliseconds{500};
  timing.consent = milliseconds{4000};
  return timing;
}

/// Lets `burst` events pass at once and one per `pace` after that, in the long run (the "generic cell rate" algorithm).
class Pacer {
 public:
  [[nodiscard]] Instant next(const Timing& timing) const { return theoretical_ - (timing.burst - 1) * timing.pace; }
  void note(Instant now, const Timing& timing) { theoretical_ = std::max(theoretical_, now) + timing.pace; }

 private:
  Instant theoretical_{};
};
}  // namespace natkit::ice
