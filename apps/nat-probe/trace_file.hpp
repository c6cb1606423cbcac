#pragma once
// Where traces lie: --record writes them, --replay reads them.
#include <string>
#include <utility>

#include "natkit/base/result.hpp"
#include "natkit/cli/whole_file.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit {
/// A trace on its way into a file.
class TraceFile {
 public:
  /// Fails with `cannot-write` before anything was measured, not after.
  [[nodiscard]] static Result<TraceFile> create(const std::string& path);
  [[nodiscard]] Result<void> commit(const probe::Trace& trace);

 private:
  explicit TraceFile(cli::WholeFile file) : file_(std::move(file)) {}
  cli::WholeFile file_;
};

/// "-" reads standard input. Fails with `cannot-read` or `bad-trace`.
[[nodiscard]] Result<probe::Trace> load_trace(const std::string& path);
}  // namespace natkit
