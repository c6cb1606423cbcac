#pragma once
// `--then exec`: both sides have what they need, and let go of the port for the programs that take it over.
#include "task.hpp"

namespace natkit {
class HandOver final : public Task {
 public:
  void begin(Instant /*now*/, link::Link& /*link*/) override {}
  [[nodiscard]] bool needs_peer_ready() const override { return true; }
  void handle_peer_ready(Instant now, link::Link& link) override;
  void hear(Instant /*now*/, link::Link& /*link*/, channel::Message /*message*/) override {}
  void handle_timeout(Instant now, link::Link& link) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  [[nodiscard]] bool is_done() const override { return state_ == State::done; }
  [[nodiscard]] bool may_end() const override { return state_ == State::parting || state_ == State::done; }

 private:
  enum class State : std::uint8_t { waiting, parting, done };
  State state_ = State::waiting;
  Instant next_look_{};
  Instant patience_ends_{};
};
}  // namespace natkit
