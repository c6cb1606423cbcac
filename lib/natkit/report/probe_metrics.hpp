#pragma once
/// nat-probe's answer for a monitor that collects files or outputs: the text format of Prometheus, version 0.0.4.
/// A value that is not known has no line: it is never 0. Of a behaviour that may be one of several, those that were
/// excluded are 0 and the rest has no line. A family without answers has none at all.
#include <string>

#include "natkit/probe/report.hpp"

namespace natkit::report {
/// Each metric that has lines, with its HELP and TYPE before them. No series stands there twice, as that would make a
/// reader refuse the whole. Names of servers are escaped twice: as `printable` does, and as labels want it.
[[nodiscard]] std::string metrics_text(const probe::Report& report);
}  // namespace natkit::report
