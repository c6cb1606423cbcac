#pragma once
// The commands that ask the process of a session on this host.
#include "conduct.hpp"
#include "natkit/cli/output.hpp"
#include "options.hpp"

namespace natkit {
[[nodiscard]] cli::Exit ask_process(cli::Output& output, Options options);
/// Who is asked what a session knows of somebody.
[[nodiscard]] AskAbout asker(cli::Output& output, const Options& options);
}  // namespace natkit
