#pragma once
// `--then pipe`: standard input to the peer's standard output, and the other way round, as much as the path takes.
#include <cstdint>
#include <deque>
#include <optional>

#include "task.hpp"

namespace natkit {
class Carry final : public Task {
 public:
  /// A terminal's input ends when somebody ends it, so nobody waits for that once the peer has ended.
  enum class Input : std::uint8_t { ends, terminal };
  /// `first`: what was read of the input before, for the peer as well.
  Carry(Input input, Bytes first) : input_(input), waiting_(std::move(first)) {}

  void prepare() override;
  void begin(Instant now, link::Link& link) override;
  void hear(Instant now, link::Link& link, channel::Message message) override;
  void handle_writable(Instant now, link::Link& link) override;
  void handle_read(Instant now, link::Link& link, PipeId pipe, ByteView piece) override;
  void handle_written(Instant now, link::Link& link, PipeId pipe) override;
  [[nodiscard]] std::optional<PipeChange> poll_pipe() override;
  [[nodiscard]] bool is_busy() const override { return is_writing_; }
  /// Both directions have ended, and each side knows that the other has all.
  [[nodiscard]] bool is_done() const override;

  [[nodiscard]] std::uint64_t bytes_sent() const { return sent_; }
  [[nodiscard]] std::uint64_t bytes_received() const { return received_; }

 private:
  void send_waiting(Instant now, link::Link& link);
  void send_end(Instant now, link::Link& link);
  void send_receipt(Instant now, link::Link& link);

  Input input_;
  Bytes waiting_;  ///< was read, and did not fit
  bool has_ended_here_ = false;
  bool is_end_told_ = false;
  bool is_all_taken_there_ = false;
  bool has_ended_there_ = false;
  bool is_receipt_told_ = false;
  bool is_writing_ = false;
  std::deque<PipeChange> changes_;
  std::uint64_t sent_ = 0, received_ = 0;
};
}  // namespace natkit
