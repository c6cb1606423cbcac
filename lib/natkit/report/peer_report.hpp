#pragma once
/// Another host's answer as `nat-probe --json` printed it, for `--against`. Read is only what a connection depends on:
/// `udp`, `servers[].address`, of each family `local`, `mapped`, `nat`, `mapping`, `filtering`, `hairpin`, `layers` and
/// `cgn`, and `port_mapping`. A key that is absent is unknown, since older versions wrote fewer, and one that is not
/// known is passed over, since newer ones write more. The reader takes any bytes: the file is from a stranger.
#include <cstddef>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
/// A report has some kilobytes, most of them evidence. A caller need not read more than one byte beyond this to learn
/// that a file is too large.
inline constexpr std::size_t most_report_bytes = std::size_t{1} << 20U;

/// A family is there where a server of it was asked, or something is known of it. Errc::usage "bad-report" with the
/// place and what is wrong there.
[[nodiscard]] Result<probe::Report> parse_peer_report(std::string_view text);
}  // namespace natkit::report
