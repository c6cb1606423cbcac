#pragma once
// What is done with a connection: measured, used to carry bytes, or handed over to another program. A machine over the
// link's streams; the conversation owns the link and tells it what arrives.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/datagram.hpp"
#include "natkit/base/pipe.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/link/link.hpp"
#include "natkit/report/punch_events.hpp"

namespace natkit {
/// The streams that both programs know of, so nothing has to be told (RFC 8832 §6 would take a message).
inline constexpr channel::StreamId task_stream{0};     ///< the task's own, as it opens it
inline constexpr channel::StreamId control_stream{1};  ///< reliable, ordered; first on it is what each side is doing

/// Something that people or scripts should know while the task goes on.
struct Remark {
  enum class Weight : std::uint8_t { answer, warning, step } weight{};  ///< step: with -v, and for people only
  std::string event{};                                                  ///< JSON; empty: none
  std::string words{};
};

class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  /// There is a path, and the link will soon be secured: what takes time may begin. It may come to nothing.
  virtual void prepare() {}
  /// The link is secured, and the control stream open.
  virtual void begin(Instant now, link::Link& link) = 0;
  /// Whether nothing comes of it until the peer has said that it does the same. Who measures or carries bytes may have
  /// other programs for a peer, which say nothing of that kind.
  [[nodiscard]] virtual bool needs_peer_ready() const { return false; }
  /// The peer is doing the same thing: it has said so.
  virtual void handle_peer_ready(Instant /*now*/, link::Link& /*link*/) {}
  virtual void hear(Instant now, link::Link& link, channel::Message message) = 0;
  virtual void handle_writable(Instant /*now*/, link::Link& /*link*/) {}
  virtual void handle_timeout(Instant /*now*/, link::Link& /*link*/) {}
  virtual void handle_stream_opened(Instant /*now*/, link::Link& /*link*/, const channel::StreamOpened& /*opened*/) {}
  virtual void handle_stream_closed(Instant /*now*/, link::Link& /*link*/, channel::StreamId /*stream*/) {}

  virtual void handle_read(Instant /*now*/, link::Link& /*link*/, PipeId /*pipe*/, ByteView /*piece*/) {}
  virtual void handle_written(Instant /*now*/, link::Link& /*link*/, PipeId /*pipe*/) {}
  virtual void handle_pipe_opened(Instant /*now*/, link::Link& /*link*/, PipeId /*pipe*/, const Endpoint& /*local*/) {}
  virtual void handle_pipe_accepted(Instant /*now*/, link::Link& /*link*/, PipeId /*listener*/, PipeId /*pipe*/,
                                    const Endpoint& /*remote*/) {}
  /// Not of the standard streams: that ends all.
  virtual void handle_pipe_failure(Instant /*now*/, link::Link& /*link*/, PipeId /*pipe*/, std::string_view /*why*/) {}
  /// Sockets beside those that the link has.
  [[nodiscard]] virtual bool owns(SocketId /*socket*/) const { return false; }
  virtual void handle_datagram(Instant /*now*/, link::Link& /*link*/, const Datagram& /*in*/) {}
  virtual void handle_socket_opened(SocketId /*socket*/, const Endpoint& /*local*/) {}
  virtual void handle_socket_failure(SocketId /*socket*/, std::string_view /*why*/) {}
  [[nodiscard]] virtual std::optional<PipeChange> poll_pipe() { return std::nullopt; }
  [[nodiscard]] virtual std::optional<SocketChange> poll_socket() { return std::nullopt; }
  [[nodiscard]] virtual std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] virtual std::optional<Remark> poll_remark() { return std::nullopt; }
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const { return std::nullopt; }

  /// Takes no message now: what the peer sends stays in the link, and so slows the peer down.
  [[nodiscard]] virtual bool is_busy() const { return false; }
  [[nodiscard]] virtual bool is_done() const = 0;
  /// What was measured, if anything was.
  [[nodiscard]] virtual std::optional<report::PathQuality> quality() const { return std::nullopt; }
  /// Why it cannot do what it was asked for.
  [[nodiscard]] virtual std::optional<Error> error() const { return std::nullopt; }
  /// Whether it does not matter any more that the peer ends.
  [[nodiscard]] virtual bool may_end() const { return is_done(); }
};
}  // namespace natkit
