#pragma once
/// A probe's trace as a file: what `nat-probe --record` writes and `--replay` reads, schema "natkit/nat-probe-trace/1".
/// "port_mapping" stands there where a router was heard, "host" where the host knew something of itself. One event a
/// line, times in whole nanoseconds since the start of the run, endpoints as text, ids in hex. Writing and reading back
/// gives the identical trace. The reader takes any bytes: a file may be cut short, foreign, huge or a lie.
#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit::report {
/// A run sends some dozens of packets and an event takes some 200 bytes, so 4 MiB hold a hundred runs. A caller need
/// not read more of a file than one byte beyond this to learn that it is too large.
inline constexpr std::size_t most_trace_bytes = std::size_t{4} << 20U;

[[nodiscard]] std::string to_json(const probe::Trace& trace);

/// Errc::usage "bad-trace" with the place and what is wrong there: text that is no JSON, another schema, keys missing
/// or unknown, values out of range, times that run backwards or beyond a day, a server that is not in the list, an
/// answer to a request that was never sent on its socket, an event after the end.
[[nodiscard]] Result<probe::Trace> parse_trace(std::string_view text);
}  // namespace natkit::report
