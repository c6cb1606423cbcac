#pragma once
/// Counts as a monitor reads them: the text format of Prometheus, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace natkit::report {
struct Metric {
  enum class Kind : std::uint8_t {
    counter,  ///< only grows, from the start; its name ends in _total
    gauge,
  } kind{};
  std::string_view name;  ///< [a-z_]+
  std::string_view help;  ///< one line
  std::uint64_t value = 0;
};
inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";
[[nodiscard]] std::string metrics_text(std::span<const Metric> metrics);
}  // namespace natkit::report
