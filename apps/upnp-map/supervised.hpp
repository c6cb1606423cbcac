#pragma once
// What the tool itself adds to a machine's run: a word while it takes long, a bound, and a look at what has happened.
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"

namespace natkit {
class Supervised {
 public:
  static constexpr Duration unnoticed = std::chrono::milliseconds{100};  ///< shorter waits need no word (Nielsen 1993)

  struct Hooks {
    std::string word;                 ///< shown to whoever waits at a terminal; empty: nothing
    std::optional<Duration> bound{};  ///< from the start; then `on_bound` is called
    std::function<void(Instant)> on_bound{};
    std::function<void(Instant)> after{};  ///< each input, before the outputs are drained
    std::optional<Duration> tick{};        ///< `after` is called at least this often
    /// The run is over once this says so, whatever the machine still waits for.
    std::function<bool(Instant)> is_over{};
  };

  Supervised(MachineRef machine, cli::Output& output, Hooks hooks)
      : machine_(machine), output_(output), hooks_(std::move(hooks)) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return machine_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return machine_.poll_transmit(); }
  [[nodiscard]] std::optional<Errand> poll_errand() { return machine_.poll_errand(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// The machine is in the middle of something: it is not started again.
  void resume() { is_resumed_ = true; }
  /// No word any more: what was waited for is there.
  void be_quiet() { word_due_.reset(); }
  void look(Instant now);

 private:
  MachineRef machine_;
  cli::Output& output_;
  Hooks hooks_;
  bool is_resumed_ = false;
  bool is_over_ = false;
  std::optional<Instant> word_due_{};
  std::optional<Instant> bound_{};
  std::optional<Instant> next_tick_{};
};
}  // namespace natkit
