#pragma once
/// What time it is, for the drivers of this room: the only clock there is.
#include "natkit/base/time.hpp"

namespace natkit::io {
/// Monotonic; it stands still while the machine is suspended.
[[nodiscard]] Instant now();
}  // namespace natkit::io
