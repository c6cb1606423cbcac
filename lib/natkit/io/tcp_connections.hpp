#pragma once
// Private to the room: all TCP connections of one run, made by us or accepted.
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "natkit/io/driver.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class TcpConnection;

class TcpConnections {
 public:
  TcpConnections(asio::io_context& context, MachineOwner& owner, const RunOptions& options);
  ~TcpConnections();
  TcpConnections(const TcpConnections&) = delete;
  TcpConnections& operator=(const TcpConnections&) = delete;

  void adopt(const Listener& listener, Descriptor socket);
  /// Listens; gives the true local endpoint.
  [[nodiscard]] SystemResult<Endpoint> open(const SocketWish& wish);
  void close(SocketId socket);
  /// Once what was sent has left.
  void end(const ConnectionEnd& end);
  /// Over the connection (socket, remote). Where there is none, a client connects, a server has lost its peer.
  void send(const Datagram& datagram);
  void stop_accepting();
  [[nodiscard]] bool has_unsent() const;

 private:
  friend class TcpConnection;
  struct Acceptor;
  using Key = std::pair<SocketId, Endpoint>;

  void accept(const std::shared_ptr<Acceptor>& acceptor);
  static void close(Acceptor& acceptor);
  [[nodiscard]] bool has_room_for(const IpAddress& peer) const;
  void sweep();
  [[nodiscard]] const crypto::TlsContext* context_for(const TlsWish& wish);
  [[nodiscard]] const SocketWish* wish_for(SocketId socket) const;
  [[nodiscard]] Overflow overflow_of(SocketId socket) const;
  [[nodiscard]] bool may_connect(SocketId socket) const;
  void add_accepted(SocketId listener, const Endpoint& remote, asio::ip::tcp::socket stream);
  void remove(TcpConnection& connection);
  /// Forgets a connection and, where somebody may be waiting for it, says why.
  void drop(TcpConnection& connection, std::string_view why);

  asio::io_context& context_;
  MachineOwner& owner_;
  const RunOptions& options_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::map<Key, std::shared_ptr<TcpConnection>> connections_;
  std::map<SocketId, SocketWish> wished_;           ///< for connections to be made, and those who come to meet them
  std::map<IpAddress, std::size_t> per_household_;  ///< accepted connections
  std::map<std::string, std::shared_ptr<const crypto::TlsContext>>
      trusted_;  ///< by authorities: reading them all takes milliseconds
  struct Sweeper;
  std::unique_ptr<Sweeper> sweeper_;
};
}  // namespace natkit::io
