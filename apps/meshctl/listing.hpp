#pragma once
// `meshctl list`: asks the directory of a rendezvousd once.
#include "natkit/cli/output.hpp"
#include "options.hpp"

namespace natkit {
[[nodiscard]] cli::Exit list(cli::Output& output, const Options& options);
}  // namespace natkit
