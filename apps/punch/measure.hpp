#pragma once
// `--then report`: both sides send small probes at once, each answers the other's, and so each measures the round trip,
// its jitter and the loss.
#include <cstdint>
#include <optional>
#include <vector>

#include "task.hpp"

namespace natkit {
class Measure final : public Task {
 public:
  explicit Measure(Duration time) : time_(time) {}

  void begin(Instant now, link::Link& link) override;
  void handle_peer_ready(Instant now, link::Link& link) override;
  void hear(Instant now, link::Link& link, channel::Message message) override;
  void handle_timeout(Instant now, link::Link& link) override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  /// Both sides have what they wanted, or the other one takes too long.
  [[nodiscard]] bool is_done() const override { return state_ == State::done; }
  /// Who measures for a shorter time says so and ends first: that is no fault of the other.
  [[nodiscard]] bool may_end() const override {
    return is_peer_done_ || state_ == State::waiting || state_ == State::done;
  }
  [[nodiscard]] std::optional<report::PathQuality> quality() const override;

 private:
  enum class State : std::uint8_t { idle, greeting, measuring, collecting, waiting, done };
  void start(Instant now, link::Link& link);
  void send_probe(Instant now, link::Link& link);
  void advance(Instant now, link::Link& link);

  Duration time_;
  State state_ = State::idle;
  Instant end_{};
  Instant next_{};
  bool is_peer_done_ = false;
  std::uint64_t sent_ = 0;
  std::vector<Duration> round_trips_;
};
}  // namespace natkit
