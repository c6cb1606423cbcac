#pragma once
// --watch: measures again and again, and tells what has changed.
#include <cstddef>
#include <functional>
#include <string>
#include <variant>

#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/io/driver.hpp"

namespace natkit {
/// Fewer servers would mind somebody who asks more rarely than that, and a run may take as long.
inline constexpr Duration shortest_watch = std::chrono::seconds{5};

struct WatchPlan {
  Duration every{};      ///< from the beginning of one run to that of the next, or at once where a run takes longer
  std::size_t runs = 0;  ///< 0: until a signal ends it
};

/// A run that measured, as it is to be shown.
struct Watched {
  std::string json{};
  std::string text{};
  std::optional<Error> error{};  ///< of an expectation that is not met
};
/// … or that failed, or that a signal ended.
using WatchRun = std::variant<Watched, Error, io::RunEnd>;

/// The exit status of the last run, or of the signal.
[[nodiscard]] cli::Exit watch(cli::Output& output, const WatchPlan& plan, const std::function<WatchRun()>& run_once);
}  // namespace natkit
