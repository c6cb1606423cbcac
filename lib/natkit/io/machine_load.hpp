#pragma once
/// How busy this machine is.
#include <optional>

namespace natkit::io {
/// Processes that run or want to, for each processor, over the last minute (getloadavg(3)); empty where the system does
/// not say.
[[nodiscard]] std::optional<double> run_queue_per_processor();
}  // namespace natkit::io
