#pragma once
// A word to whoever is waiting at a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"

namespace natkit {
/// Wraps a machine and says so once the run takes longer than this. Without measuring anything itself: it only looks at
/// the instants that the driver passes by, and asks to be woken at the right one.
template <SansIo Machine>
class WithProgress {
 public:
  static constexpr Duration unnoticed = std::chrono::milliseconds{100};  ///< shorter waits need no word (Nielsen 1993)

  WithProgress(Machine& machine, cli::Output& output, std::string text)
      : machine_(machine), output_(output), text_(std::move(text)) {}

  void start(Instant now) {
    due_ = now + unnoticed;
    machine_.start(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    remark(now);
    machine_.handle_datagram(now, in);
  }
  void handle_timeout(Instant now) {
    remark(now);
    if (const auto wake = machine_.poll_timeout(); wake && *wake <= now) machine_.handle_timeout(now);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    machine_.handle_send_failure(now, lost, why);
  }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return machine_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    const auto wake = machine_.poll_timeout();
    return wake && due_ ? std::min(wake, due_) : wake;
  }

 private:
  void remark(Instant now) {
    if (!due_ || now < *due_) return;
    due_.reset();
    output_.progress(text_);
  }

  Machine& machine_;
  cli::Output& output_;
  std::string text_;
  std::optional<Instant> due_{};
};
}  // namespace natkit
