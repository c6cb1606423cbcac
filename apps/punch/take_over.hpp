#pragma once
// `--then exec`: this process becomes another program, which finds the punched port free and knows where to send.
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/result.hpp"

namespace natkit {
/// Whether there is such a program, before anything is begun for it.
[[nodiscard]] Result<void> check_program(const std::vector<std::string>& command);
/// Returns only when it fails. Ours of the environment is added to what there is.
[[nodiscard]] Error become(const std::vector<std::string>& command,
                           const std::vector<std::pair<std::string, std::string>>& extra);
}  // namespace natkit
