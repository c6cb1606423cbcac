#include "trace_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/cli/input_file.hpp"
#include "natkit/report/trace_json.hpp"

namespace natkit {
Result<TraceFile> TraceFile::create(const std::string& path) {
  auto file = cli::WholeFile::create(path, "the trace");
  if (!file) return std::unexpected(file.error());
  return TraceFile{std::move(*file)};
}

Result<void> TraceFile::commit(const probe::Trace& trace) { return file_.commit(report::to_json(trace)); }

Result<probe::Trace> load_trace(const std::string& path) {
  const auto text = cli::read_input(path, report::most_trace_bytes);
  if (!text) return std::unexpected(text.error());
  auto trace = report::parse_trace(*text);
  if (!trace) trace.error().detail = fmt::format("{}: {}", printable(path), trace.error().detail);
  return trace;
}
}  // namespace natkit
