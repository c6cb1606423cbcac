#include "natkit/ice/path_watch.hpp"

#include <algorithm>

namespace natkit::ice {
namespace {
/// Between 0.8 and 1.2 of it (RFC 7675 §5.1), so that the agents of one host do not keep step.
Duration randomized(Duration pulse, Rng& rng) {
  return pulse * 4 / 5 + pulse / 1000 * static_cast<Duration::rep>(rng.below(400));
}

constexpr Duration longest_consent = std::chrono::seconds{30};  // RFC 7675 §5.1

/// How long an answer may be missing: on a long path three round trips more than the next check waits, but how long
/// the path is only the peer says.
Duration patience(const Timing& timing, std::optional<Duration> rtt) {
  return std::max(timing.consent, std::min(timing.pulse * 6 / 5 + 3 * rtt.value_or(Duration::zero()), longest_consent));
}
}  // namespace

void PathWatch::note_answer(Instant now, const Timing& timing, Rng& rng) {
  answered_at_ = now;
  next_ = now + randomized(timing.pulse, rng);
}

void PathWatch::renew(Instant now, const Timing& timing, Rng& rng) {
  if (answered_at_ == now) return note_answer(now, timing, rng);
  answered_at_ = now;
  next_ = now;
}

void PathWatch::note_sent(Instant now, const Timing& timing) {
  if (next_) next_ = now + timing.retry;
}

void PathWatch::excuse(Instant now, Duration standstill) {
  answered_at_ = std::min(answered_at_ + standstill, now);
  payload_at_ = std::min(payload_at_ + standstill, now);
}

std::optional<Instant> PathWatch::next(const Timing& timing, std::optional<Duration> rtt) const {
  if (!next_) return std::nullopt;
  return std::min(*next_, death(timing, rtt));
}

bool PathWatch::is_dead(Instant now, const Timing& timing, std::optional<Duration> rtt) const {
  return next_ && now >= death(timing, rtt);
}

Instant PathWatch::death(const Timing& timing, std::optional<Duration> rtt) const {
  const auto enough = patience(timing, rtt);
  return std::min(std::max(answered_at_, payload_at_) + enough, answered_at_ + 3 * enough);
}
}  // namespace natkit::ice
