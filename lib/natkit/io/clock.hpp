#pragma once
/// What time it is, for the drivers of this room: the only clock there is.
#include <chrono>

#include "natkit/base/time.hpp"

namespace natkit::io {
/// Monotonic; it goes on while the machine is suspended, because a router's leases do (Linux: CLOCK_BOOTTIME).
[[nodiscard]] Instant now();
/// Seconds since 1970 UTC: for what is dated in the outside world. It jumps when somebody sets the clock.
[[nodiscard]] std::chrono::sys_seconds unix_now();
}  // namespace natkit::io
