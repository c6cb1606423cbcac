#pragma once
// The program that `hold -- CMD…` runs while the mapping stands.
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"

namespace natkit {
class Program {
 public:
  /// How often its end is looked for. A person does not notice, and the machine is hardly woken.
  static constexpr Duration look_every = std::chrono::milliseconds{50};

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() = default;  ///< it may outlive us

  /// With our standard streams and our environment plus `extra`. Fails with `cannot-run`.
  [[nodiscard]] Result<void> start(const std::vector<std::string>& command,
                                   const std::vector<std::pair<std::string, std::string>>& extra);
  [[nodiscard]] bool is_running() const { return child_.has_value() && !status_; }
  /// Looks, without waiting.
  [[nodiscard]] bool has_ended();
  /// SIGTERM to it, where we were told to end. A Ctrl-C at the terminal has reached it already.
  void pass_on_signal();
  /// As a shell would say it: its exit status, or 128 and the signal. Waits; nullopt when it was never started.
  [[nodiscard]] std::optional<int> wait_for_status();

 private:
  std::optional<pid_t> child_;
  std::optional<int> status_;
};
}  // namespace natkit
