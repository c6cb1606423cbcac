#pragma once
// `--then forward`: what programs here connect to goes to places that the peer permits, and the other way round, until
// one side ends.
#include <deque>

#include "natkit/link/forwarder.hpp"
#include "task.hpp"

namespace natkit {
class Forward final : public Task {
 public:
  explicit Forward(const link::Forwarder::Config& config) : permits_(config.permits), forwarder_(config) {}

  void begin(Instant /*now*/, link::Link& /*link*/) override {}
  [[nodiscard]] bool needs_peer_ready() const override { return true; }
  void handle_peer_ready(Instant now, link::Link& link) override;
  void hear(Instant now, link::Link& link, channel::Message message) override;
  void handle_stream_opened(Instant now, link::Link& link, const channel::StreamOpened& opened) override;
  void handle_stream_closed(Instant now, link::Link& link, channel::StreamId stream) override;
  void handle_writable(Instant now, link::Link& link) override;
  void handle_timeout(Instant now, link::Link& link) override;
  void handle_read(Instant now, link::Link& link, PipeId pipe, ByteView piece) override;
  void handle_written(Instant now, link::Link& link, PipeId pipe) override;
  void handle_pipe_opened(Instant now, link::Link& link, PipeId pipe, const Endpoint& local) override;
  void handle_pipe_accepted(Instant now, link::Link& link, PipeId listener, PipeId pipe,
                            const Endpoint& remote) override;
  void handle_pipe_failure(Instant now, link::Link& link, PipeId pipe, std::string_view why) override;
  [[nodiscard]] bool owns(SocketId socket) const override { return forwarder_.owns(socket); }
  void handle_datagram(Instant now, link::Link& link, const Datagram& in) override;
  void handle_socket_opened(SocketId socket, const Endpoint& local) override;
  void handle_socket_failure(SocketId socket, std::string_view why) override;
  [[nodiscard]] std::optional<PipeChange> poll_pipe() override { return forwarder_.poll_pipe(); }
  [[nodiscard]] std::optional<SocketChange> poll_socket() override { return forwarder_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() override { return forwarder_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const override { return forwarder_.poll_timeout(); }
  [[nodiscard]] std::optional<Remark> poll_remark() override;

  /// It has no end of its own.
  [[nodiscard]] bool is_done() const override { return false; }
  [[nodiscard]] bool may_end() const override { return true; }
  [[nodiscard]] std::optional<Error> error() const override { return error_; }

 private:
  [[nodiscard]] std::optional<Remark> remark_on(const link::Forwarder::Event& event);

  std::vector<link::Permit> permits_;
  link::Forwarder forwarder_;
  std::deque<Remark> remarks_;
  std::optional<Error> error_;
};
}  // namespace natkit
