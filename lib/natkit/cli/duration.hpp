#pragma once
/// Durations as people write them: a whole or decimal number and a unit, "300ms", "1.5s", "2m", "1h".
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/time.hpp"

namespace natkit::cli {
/// `nullopt` without a unit, for negative numbers, and past 10 000 hours, so that adding one to a time cannot overflow.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
/// In the largest unit that keeps the number whole; what is finer than a millisecond is left out.
[[nodiscard]] std::string to_text(Duration duration);
}  // namespace natkit::cli
