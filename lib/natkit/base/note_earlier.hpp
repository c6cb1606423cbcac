#pragma once
/// How a machine finds the least of its deadlines, one after the other (`poll_timeout`).
#include <optional>

#include "natkit/base/time.hpp"

namespace natkit {
inline void note_earlier(std::optional<Instant>& earliest, std::optional<Instant> candidate) {
  if (candidate && (!earliest || *candidate < *earliest)) earliest = candidate;
}
}  // namespace natkit
