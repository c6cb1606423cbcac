#pragma once
/// What time it is, for the drivers of this room: the only clock there is.
#include "natkit/base/time.hpp"

namespace natkit::io {
/// Monotonic; it goes on while the machine is suspended, because a router's leases do (Linux: CLOCK_BOOTTIME).
[[nodiscard]] Instant now();
}  // namespace natkit::io
