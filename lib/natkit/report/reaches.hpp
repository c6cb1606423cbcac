#pragma once
/// Which kinds of peers this host can be connected with, and how: for the report, before anything was tried.
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/probe/pair.hpp"
#include "natkit/probe/report.hpp"
#include "natkit/report/labels.hpp"

namespace natkit::report {
/// What is known of a host's NAT; a router that maps ports is not counted, since that may fail.
[[nodiscard]] probe::NatFindings findings_of(const probe::Report& report);
/// Peers by their label, from the most open on, each with "direct", "direct-with-prediction", "relay", or nothing where
/// not enough is known. Empty where nothing was measured.
[[nodiscard]] std::vector<std::pair<Rfc3489Label, std::string_view>> reaches_of(const probe::Report& report);
}  // namespace natkit::report
