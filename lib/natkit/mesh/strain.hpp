#pragma once
/// How much a machine is strained, 0 to 100: the share of its time in which a process waits though it could go on. The
/// greater of two measures: how late this one was woken, and how many others want the same processors.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "natkit/base/time.hpp"

namespace natkit::mesh {
class Strain {
 public:
  /// It wanted to be woken then, and was.
  void woken(Instant due, Instant now) {
    if (now > due) late_ += now - due;
  }
  /// Since the last call. `run_queue`: processes that run or want to, for each processor; with two of them each waits
  /// half of the time. Empty: not known.
  [[nodiscard]] std::uint8_t take(Instant now, std::optional<double> run_queue) {
    double share = 0;
    if (since_ && now > *since_) share = to_ms(late_) / to_ms(now - *since_);
    if (run_queue && *run_queue > 1) share = std::max(share, 1 - 1 / *run_queue);
    since_ = now;
    late_ = {};
    return static_cast<std::uint8_t>(std::lround(100 * std::clamp(share, 0.0, 1.0)));
  }

 private:
  std::optional<Instant> since_{};
  Duration late_{};
};
}  // namespace natkit::mesh
