#include "natkit/cli/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace natkit::cli {
using namespace std::chrono_literals;
namespace {
struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array units{Unit{"h", 1h}, Unit{"m", 1min}, Unit{"s", 1s}, Unit{"ms", 1ms}};
constexpr Duration longest = 10'000h;
}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !(number >= 0)) return std::nullopt;
  const auto name = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const auto& unit : units) {
    if (unit.name != name) continue;
    const double nanoseconds = number * static_cast<double>(unit.length.count());
    if (nanoseconds > static_cast<double>(longest.count())) return std::nullopt;
    return Duration{static_cast<Duration::rep>(nanoseconds)};
  }
  return std::nullopt;
}

std::string to_text(Duration duration) {
  for (const auto& unit : units)
    if (duration >= unit.length && duration % unit.length == Duration::zero())
      return fmt::format("{}{}", duration / unit.length, unit.name);
  return fmt::format("{}ms", duration / 1ms);
}
}  // namespace natkit::cli
