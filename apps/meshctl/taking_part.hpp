#pragma once
// `meshctl create`, `join`, and what follows a match: this process is a member until the session ends or it leaves.
#include "match.hpp"
#include "natkit/cli/output.hpp"
#include "options.hpp"

namespace natkit {
/// Null where there was no match.
[[nodiscard]] cli::Exit take_part(cli::Output& output, const Options& options, const MatchMade* made = nullptr);
}  // namespace natkit
