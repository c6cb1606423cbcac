#pragma once
/// Time as an argument. The clock has no `now()`, so no protocol can read it by accident: the drivers in `io` and `sim`
/// say what time it is. Instants are monotonic and mean nothing between two runs; wall time is never used.
#include <chrono>
#include <cstdint>

namespace natkit {
using Duration = std::chrono::nanoseconds;

struct MachineClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MachineClock>;
  static constexpr bool is_steady = true;
};
using Instant = MachineClock::time_point;

/// Fractional milliseconds, for reports only.
[[nodiscard]] constexpr double to_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}
/// The inverse of `to_ms`, rounded down to whole nanoseconds.
[[nodiscard]] constexpr Duration from_ms(double milliseconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(milliseconds));
}
}  // namespace natkit
