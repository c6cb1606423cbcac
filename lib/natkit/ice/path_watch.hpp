#pragma once
/// Whether a path that worked still does: consent freshness (RFC 7675), and between our own agents its fast form.
///
///              pulse                answered
///      alive --------> asking ------------------> alive
///                       | ^ again every `retry`
///                       `-'
///                       `-- `consent` after the last answer --> dead
///
/// It says when to send and hears of answers; the checks themselves are the agent's.
#include <optional>

#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/ice/timing.hpp"

namespace natkit::ice {
class PathWatch {
 public:
  /// Begins watching, too: the path has just answered.
  void note_answer(Instant now, const Timing& timing, Rng& rng);
  /// Watched by another timing from now on; what was learned at leisure is asked again at once.
  void renew(Instant now, const Timing& timing, Rng& rng);
  /// Something else of the peer's came: as good as an answer for a while, but it does not show that we are heard.
  void note_payload(Instant now) { payload_at_ = now; }
  /// A check was sent, on whatever occasion.
  void note_sent(Instant now, const Timing& timing);
  /// We stood still for so long, up to now: the peer was not asked meanwhile, so its silence counts for nothing.
  void excuse(Instant now, Duration standstill);
  void end() { next_.reset(); }

  [[nodiscard]] bool is_watching() const { return next_.has_value(); }
  [[nodiscard]] bool is_due(Instant now) const { return next_ && *next_ <= now; }
  /// When a check is due, or death; nothing while not watching. `rtt` as far as it is known.
  [[nodiscard]] std::optional<Instant> next(const Timing& timing, std::optional<Duration> rtt) const;
  [[nodiscard]] bool is_dead(Instant now, const Timing& timing, std::optional<Duration> rtt) const;

 private:
  [[nodiscard]] Instant death(const Timing& timing, std::optional<Duration> rtt) const;

  std::optional<Instant> next_;
  Instant answered_at_{};
  Instant payload_at_{};
};
}  // namespace natkit::ice
