#pragma once
// What is said, and with which exit code, when a signal ended a run.
#include "natkit/cli/output.hpp"
#include "natkit/io/driver.hpp"

namespace natkit {
[[nodiscard]] inline cli::Exit interrupted(cli::Output& output, io::RunEnd end) {
  const bool is_sigint = end == io::RunEnd::interrupted;
  static_cast<void>(output.fail({.code = Errc::usage,
                                 .reason = "interrupted",
                                 .detail = is_sigint ? "ended by SIGINT" : "ended by SIGTERM",
                                 .advice = {}}));
  return is_sigint ? cli::Exit::interrupted : cli::Exit::terminated;
}
}  // namespace natkit
