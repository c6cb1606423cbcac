#pragma once
// One function for each command: does it, prints the answer, gives the exit status.
#include "natkit/cli/exit.hpp"
#include "options.hpp"
#include "session.hpp"

namespace natkit {
[[nodiscard]] cli::Exit run_add(Session& session, const MappingOptions& options);
[[nodiscard]] cli::Exit run_pinhole(Session& session, const PinholeOptions& options);
[[nodiscard]] cli::Exit run_hold(Session& session, const MappingOptions& options,
                                 const std::vector<std::string>& program);
[[nodiscard]] cli::Exit run_discover(Session& session, const RouterOptions& options);
[[nodiscard]] cli::Exit run_status(Session& session, const RouterOptions& options);
[[nodiscard]] cli::Exit run_list(Session& session, const RouterOptions& options);
[[nodiscard]] cli::Exit run_remove(Session& session, const RemoveOptions& options);
[[nodiscard]] cli::Exit run_gc(Session& session, const RouterOptions& options);
[[nodiscard]] cli::Exit run_check(Session& session, const CheckOptions& options);
}  // namespace natkit
