#pragma once
// Private to the room: one TCP connection. It is owned by TcpConnections and by the operations it waits for.
#include <asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <system_error>

#include "natkit/crypto/tls.hpp"
#include "natkit/io/native_socket.hpp"
#include "natkit/io/tcp_connections.hpp"
#include "natkit/turn/stream_framer.hpp"

namespace natkit::io {
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  enum class Origin : std::uint8_t { ours, accepted };

  TcpConnection(TcpConnections& all, Origin origin, SocketId socket, const Endpoint& remote,
                asio::ip::tcp::socket stream);
  /// With TLS where it is wished for. The context is made by the caller, who keeps it for the others. `meets`: the port
  /// of `local` has a listener of ours.
  void connect(const Endpoint& local, PortUse use = PortUse::listens);
  void use_tls(const crypto::TlsContext& context, const std::string& server);
  void start();
  void send(const Bytes& payload);
  void close();
  /// What it has not sent is sent by this one.
  void yield_to(TcpConnection& other);
  /// Takes nothing in any more, and closes when everything is out.
  void end();

  [[nodiscard]] Origin origin() const { return origin_; }
  [[nodiscard]] SocketId socket() const { return socket_; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] const Bytes& unsent() const { return unsent_; }
  [[nodiscard]] Instant last_message() const { return last_message_; }
  /// By the machine that it leads to.
  [[nodiscard]] bool is_needed() const;

 private:
  void read();
  /// False when the connection is gone.
  [[nodiscard]] bool read_available();
  [[nodiscard]] bool receive(ByteView piece);
  [[nodiscard]] bool receive_tls(ByteView piece);
  [[nodiscard]] bool deliver(ByteView piece);
  [[nodiscard]] bool is_welcome(ByteView message) const;
  void hand_over(Bytes payload);
  void write();
  void fail(std::string_view why);
  void shut();

  TcpConnections& all_;
  Origin origin_;
  SocketId socket_;
  Endpoint remote_;
  Endpoint local_;
  asio::ip::tcp::socket stream_;
  Bytes unsent_;
  std::optional<turn::StreamFramer> framer_;
  std::unique_ptr<crypto::TlsSession> tls_;
  bool has_received_ = false;  // anything: the first byte tells TLS from the rest
  Instant last_message_;
  enum class State : std::uint8_t { connecting, open, closed } state_ = State::connecting;
  bool is_writing_ = false;
  bool is_ending_ = false;
  bool is_told_apart_ = false;
};
}  // namespace natkit::io
