#pragma once
// A command that asks the process of a session on this host: connects to its socket, says one line, and prints what
// comes back until it ends.
#include <deque>
#include <optional>
#include <string>

#include "control.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"

namespace natkit {
class Question {
 public:
  enum class Kind : std::uint8_t { once, watch };
  Question(std::string path, control::Words words, Kind kind, Duration patience, cli::Output& output);

  void start(Instant now);
  void handle_datagram(Instant, const Datagram&) {}
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return until_; }
  void handle_pipe_opened(Instant now, PipeId pipe, const Endpoint& local);
  void handle_pipe_accepted(Instant, PipeId, PipeId, const Endpoint&) {}
  void handle_pipe_read(Instant now, PipeId pipe, ByteView piece);
  void handle_pipe_written(Instant now, PipeId pipe);
  void handle_pipe_failure(Instant now, PipeId pipe, std::string_view why);
  [[nodiscard]] std::optional<PipeChange> poll_pipe();
  void stop(Instant now);

  /// Once it is over.
  [[nodiscard]] const control::Reply& reply() const { return reply_; }

 private:
  void fail(Error error);

  std::string path_;
  control::Words words_;
  Kind kind_;
  Duration patience_;
  cli::Output& output_;
  std::optional<Instant> until_;
  std::deque<PipeChange> pipes_;
  std::string heard_;
  bool is_printing_ = false;  ///< a watch has begun
  control::Reply reply_;
};
static_assert(SansIo<Question> && OpensPipes<Question>);
}  // namespace natkit
