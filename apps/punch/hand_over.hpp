#pragma once
// `--then exec`: both sides have what they need, and let go of the port for the programs that take it over.
#include <chrono>

#include "task.hpp"

namespace natkit {
class HandOver final : public Task {
 public:
  /// `patience`: for the peer to say that it is ready.
  explicit HandOver(Duration patience = std::chrono::seconds{10}) : peers_time_(patience) {}

  void begin(Instant now, link::Link& link) override;
  void handle_peer_ready(Instant now, link::Link& link) override;
  void hear(Instant /*now*/, link::Link& /*link*/, channel::Message /*message*/) override {}
  void handle_timeout(Instant now, link::Link& link) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  [[nodiscard]] std::optional<Error> error() const override { return error_; }
  [[nodiscard]] bool is_done() const override { return state_ == State::done; }
  [[nodiscard]] bool may_end() const override { return state_ == State::parting || state_ == State::done; }

 private:
  enum class State : std::uint8_t { waiting, parting, done };
  State state_ = State::waiting;
  Duration peers_time_;
  std::optional<Instant> ready_by_;
  std::optional<Error> error_;
  Instant next_look_{};
  Instant patience_ends_{};
};
}  // namespace natkit
