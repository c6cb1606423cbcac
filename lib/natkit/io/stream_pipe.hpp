#pragma once
// Private to the room: one stream over TCP or at a path. It is owned by StreamPipes and by the operations it waits for.
#include <memory>
#include <optional>
#include <string>

#include "natkit/io/stream_pipes.hpp"

namespace natkit::io {
class StreamPipe : public std::enable_shared_from_this<StreamPipe> {
 public:
  StreamPipe(StreamPipes& all, PipeId pipe, StreamSocket stream, std::optional<PipeId> accepted_by = {})
      : all_(all), pipe_(pipe), stream_(std::move(stream)), accepted_by_(accepted_by) {}

  void connect(const Endpoint& remote);
  /// The connection stands.
  void start();
  /// … and whoever asked for it is told, later.
  void start_later();
  [[nodiscard]] std::optional<PipeId> accepted_by() const { return accepted_by_; }
  void read(std::size_t most);
  void write(Bytes bytes);
  /// No more is written.
  void end();
  /// At once; by a reset, where something might be missing.
  void close();

 private:
  void report(void (StreamPipe::*what)());
  void read_some();
  void write_some();
  void start_and_report();
  void report_written();
  void finish_if_over();
  void fail(const std::string& why);

  StreamPipes& all_;
  PipeId pipe_;
  StreamSocket stream_;
  std::optional<PipeId> accepted_by_;
  enum class State : std::uint8_t { connecting, open, closed } state_ = State::connecting;
  std::optional<std::size_t> reading_;  ///< that much is asked for
  Bytes writing_;
  std::size_t written_ = 0;
  bool is_writing_ = false;
  bool has_input_ended_ = false;
  bool has_output_ended_ = false;
};
}  // namespace natkit::io
