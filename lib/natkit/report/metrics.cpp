#include "natkit/report/metrics.hpp"

#include <fmt/format.h>

#include <iterator>

namespace natkit::report {
std::string metrics_text(std::span<const Metric> metrics) {
  std::string text;
  for (const auto& [kind, name, help, value] : metrics)
    fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help,
                   kind == Metric::Kind::counter ? "counter" : "gauge", value);
  return text;
}
}  // namespace natkit::report
