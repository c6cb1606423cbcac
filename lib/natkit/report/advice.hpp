#pragma once
/// What somebody can do so that more peers reach this host, what helps most first. Each sentence says why, and the
/// command or the setting.
#include <string>
#include <vector>

#include "natkit/probe/report.hpp"

namespace natkit::report {
/// For a host behind a NAT, of which is known that not everybody reaches it. Empty: nothing that would help.
[[nodiscard]] std::vector<std::string> advice_of(const probe::Report& report, const probe::FamilyReport& family);

/// What is to be said of this host's IPv6 addresses, whether peers reach it or not.
[[nodiscard]] std::vector<std::string> ipv6_advice_of(const probe::FamilyReport& family);
}  // namespace natkit::report
