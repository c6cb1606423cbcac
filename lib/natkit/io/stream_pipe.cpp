#include "natkit/io/stream_pipe.hpp"

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <system_error>
#include <utility>

#include "natkit/io/asio_address.hpp"
#include "natkit/io/asio_error.hpp"

namespace natkit::io {
/// Later, since whoever asked is in the middle of asking.
void StreamPipe::report(void (StreamPipe::*what)()) {
  asio::post(all_.context_, [self = shared_from_this(), what] {
    if (self->state_ == State::closed) return;
    (self.get()->*what)();
    self->all_.owner_.settle();
  });
}

void StreamPipe::connect(const Endpoint& remote) {
  stream_.async_connect(asio::generic::stream_protocol::endpoint{to_asio(remote)},
                        [self = shared_from_this()](const std::error_code& failed) {
                          if (self->state_ == State::closed) return;
                          if (failed)
                            self->fail(failed.message());
                          else
                            self->start_and_report();
                          self->all_.owner_.settle();
                        });
}

void StreamPipe::start_later() { report(&StreamPipe::start_and_report); }

void StreamPipe::start_and_report() {
  start();
  std::error_code error;
  const auto local = stream_.local_endpoint(error);
  all_.owner_.report_pipe_opened(pipe_, error ? Endpoint{} : from_asio(local));
}

void StreamPipe::start() {
  state_ = State::open;
  // Without an option it is slower, or notices later that somebody is gone; at a path they mean nothing.
  std::error_code error;
  stream_.non_blocking(true, error);
  stream_.set_option(asio::ip::tcp::no_delay(true), error);
  stream_.set_option(asio::socket_base::keep_alive(true), error);
  if (reading_) report(&StreamPipe::read_some);
  if (is_writing_) report(&StreamPipe::write_some);
  if (has_output_ended_) std::exchange(has_output_ended_, false), end();
}

void StreamPipe::read(std::size_t most) {
  reading_ = most;
  if (state_ == State::open) report(&StreamPipe::read_some);
}

void StreamPipe::read_some() {
  Bytes piece(*reading_);
  std::error_code error;
  const auto count = stream_.read_some(asio::buffer(piece), error);
  if (would_block(error)) {
    stream_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](const std::error_code& cancelled) {
      if (cancelled || self->state_ == State::closed) return;
      self->read_some();
      self->all_.owner_.settle();
    });
    return;
  }
  if (error && error != asio::error::eof) return fail(error.message());
  reading_.reset();
  piece.resize(count);
  has_input_ended_ = error == asio::error::eof;
  all_.owner_.report_pipe_read(pipe_, piece);
  finish_if_over();
}

void StreamPipe::write(Bytes bytes) {
  writing_ = std::move(bytes);
  written_ = 0;
  is_writing_ = true;
  if (state_ == State::open) report(&StreamPipe::write_some);
}

void StreamPipe::write_some() {
  std::error_code error;
  while (written_ < writing_.size() && !error) written_ += stream_.write_some(asio::buffer(writing_) + written_, error);
  if (would_block(error)) {
    stream_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](const std::error_code& cancelled) {
      if (cancelled || self->state_ == State::closed) return;
      self->write_some();
      self->all_.owner_.settle();
    });
    return;
  }
  if (error) return fail(error.message());
  is_writing_ = false;
  writing_.clear();
  all_.owner_.report_pipe_written(pipe_);
}

void StreamPipe::end() {
  if (std::exchange(has_output_ended_, true) || state_ != State::open) return;
  std::error_code ignored;  // then it is cut off, and reading says so
  stream_.shutdown(asio::socket_base::shutdown_send, ignored);
  finish_if_over();
}

void StreamPipe::finish_if_over() {
  if (state_ == State::open && has_input_ended_ && has_output_ended_) close();
}

void StreamPipe::close() {
  if (std::exchange(state_, State::closed) == State::closed) return;
  const auto keep = shared_from_this();
  all_.pipes_.erase(pipe_);
  std::error_code ignored;  // it is over either way
  // Without this the other side would take the rest for complete (RFC 9293 §3.10.4 against its §3.10.5).
  if (!has_input_ended_ || !has_output_ended_) stream_.set_option(asio::socket_base::linger(true, 0), ignored);
  stream_.close(ignored);
}

void StreamPipe::fail(const std::string& why) {
  close();
  all_.owner_.report_pipe_failure(pipe_, why);
}
}  // namespace natkit::io
