#pragma once
// A word to whoever is waiting at a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"

namespace natkit {
/// Wraps a machine and says so once the run takes longer than this, and again each second. Without measuring anything
/// itself: it only looks at the instants that the driver passes by, and asks to be woken at the right one.
template <SansIo Machine>
class WithProgress {
 public:
  static constexpr Duration unnoticed = std::chrono::milliseconds{100};  ///< shorter waits need no word (Nielsen 1993)
  using Word = std::function<std::string(Duration)>;                     ///< of the time since the start

  WithProgress(Machine& machine, cli::Output& output, Word word)
      : machine_(machine), output_(output), word_(std::move(word)) {}

  void start(Instant now) {
    started_ = now;
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
  void handle_path_error(Instant now, const PathError& error) { machine_.handle_path_error(now, error); }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    machine_.handle_socket_opened(now, socket, local);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    machine_.handle_socket_failure(now, socket, why);
  }
  void handle_errand_reply(Instant now, const ErrandReply& reply) { machine_.handle_errand_reply(now, reply); }
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return machine_.poll_socket(); }
  [[nodiscard]] std::optional<Errand> poll_errand() { return machine_.poll_errand(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return machine_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    const auto wake = machine_.poll_timeout();
    return wake ? std::min(*wake, due_) : wake;
  }

 private:
  void remark(Instant now) {
    if (now < due_) return;
    due_ = now + std::chrono::seconds{1};
    output_.progress(word_(now - started_));
  }

  Machine& machine_;
  cli::Output& output_;
  Word word_;
  Instant started_{};
  Instant due_{};
};
}  // namespace natkit
