#pragma once
/// Where natkit keeps what has to outlive a run.
#include <string>

#include "natkit/base/result.hpp"

namespace natkit::cli {
/// $XDG_STATE_HOME/natkit, else ~/.local/state/natkit; it need not exist. Fails with `journal-not-writable` where
/// neither variable is set.
[[nodiscard]] Result<std::string> state_folder();
}  // namespace natkit::cli
