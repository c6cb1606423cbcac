#pragma once
// Where traces lie: --record writes them, --replay reads them.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit {
/// A trace on its way into a file. Nothing is seen under the final name until the trace is there as a whole, so a full
/// disk or an interruption leaves what was there before. Where the name is no regular file (/dev/stderr, a pipe), it is
/// written to directly.
class TraceFile {
 public:
  /// Fails with `cannot-write` before anything was measured, not after.
  [[nodiscard]] static Result<TraceFile> create(const std::string& path);
  TraceFile(TraceFile&& other) noexcept;
  TraceFile& operator=(TraceFile&&) = delete;
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile();  ///< leaves nothing behind unless `commit` has succeeded

  [[nodiscard]] Result<void> commit(const probe::Trace& trace);

 private:
  TraceFile(int descriptor, std::string path, std::string temporary);
  int descriptor_;
  std::string path_;
  std::string temporary_;  ///< empty where the file is written directly, and once renamed
};

/// "-" reads standard input. Fails with `cannot-read` or `bad-trace`.
[[nodiscard]] Result<probe::Trace> load_trace(const std::string& path);
}  // namespace natkit
