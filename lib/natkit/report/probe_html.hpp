#pragma once
/// nat-probe's answer as a page to look at, to print or to send to somebody: one HTML file without scripts, fonts,
/// pictures or links from elsewhere, so that it asks nobody and looks the same in ten years.
/// Every text from outside is escaped, and a policy in the page (CSP) forbids browsers to run or to fetch anything.
#include <string>

#include "natkit/probe/report.hpp"

namespace natkit::report {
/// The whole file. Same report, same bytes.
[[nodiscard]] std::string to_html(const probe::Report& report);
}  // namespace natkit::report
