#pragma once
// Private to the room: one stream over TCP. It is owned by TcpPipes and by the operations it waits for.
#include <asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>

#include "natkit/io/tcp_pipes.hpp"

namespace natkit::io {
class TcpPipe : public std::enable_shared_from_this<TcpPipe> {
 public:
  TcpPipe(TcpPipes& all, PipeId pipe, asio::ip::tcp::socket stream)
      : all_(all), pipe_(pipe), stream_(std::move(stream)) {}

  void connect(const Endpoint& remote);
  /// The connection stands.
  void start();
  void read(std::size_t most);
  void write(Bytes bytes);
  /// No more is written.
  void end();
  /// At once; by a reset, where something might be missing.
  void close();

 private:
  void report(void (TcpPipe::*what)());
  void read_some();
  void write_some();
  void report_opened();
  void report_written();
  void finish_if_over();
  void fail(const std::string& why);

  TcpPipes& all_;
  PipeId pipe_;
  asio::ip::tcp::socket stream_;
  enum class State : std::uint8_t { connecting, open, closed } state_ = State::connecting;
  std::optional<std::size_t> reading_;  ///< that much is asked for
  Bytes writing_;
  std::size_t written_ = 0;
  bool is_writing_ = false;
  bool has_input_ended_ = false;
  bool has_output_ended_ = false;
};
}  // namespace natkit::io
