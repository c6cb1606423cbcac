#pragma once
/// Where natkit keeps what has to outlive a run, and where its programs find each other.
#include <optional>
#include <string>

#include "natkit/base/result.hpp"

namespace natkit::cli {
/// $XDG_STATE_HOME/natkit, else ~/.local/state/natkit; it need not exist. Fails with `journal-not-writable` where
/// neither variable is set.
[[nodiscard]] Result<std::string> state_folder();

/// $XDG_CACHE_HOME/natkit, else ~/.cache/natkit; it need not exist. None where neither variable is set.
[[nodiscard]] std::optional<std::string> cache_folder();

/// For control sockets: $XDG_RUNTIME_DIR/natkit, else /tmp/natkit-UID; it need not exist. Anybody could have made the
/// latter, so whoever waits there (`PipeListenAt`) and whoever connects (`PipeConnectTo`) looks at whose it is.
[[nodiscard]] std::string runtime_folder();
}  // namespace natkit::cli
