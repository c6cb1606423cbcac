#pragma once
// Private to the room: all UDP sockets of one run.
#include <asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "natkit/io/driver.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class UdpPorts {
 public:
  UdpPorts(asio::io_context& context, MachineOwner& owner, const RunOptions& options);
  ~UdpPorts();
  UdpPorts(const UdpPorts&) = delete;
  UdpPorts& operator=(const UdpPorts&) = delete;

  void adopt(const Listener& listener, Descriptor socket);
  /// Gives the true local endpoint.
  [[nodiscard]] SystemResult<Endpoint> open(const SocketWish& wish);
  void close(SocketId socket);
  /// All from the same socket and to the same family. Refusals go to the owner, without settling.
  void send(std::span<const Datagram> datagrams);
  struct Outlet {
    int descriptor = -1;
    Source source{};
  };
  /// The socket that this would leave from, where it is open already.
  [[nodiscard]] std::optional<Outlet> outlet(const Datagram& datagram) const;
  /// Hands over what has arrived by now, on every socket.
  void receive_all();

 private:
  struct Port;
  using Key = std::pair<SocketId, Family>;

  [[nodiscard]] SystemResult<Port*> port_for(const Datagram& datagram);
  Port& add(const Key& key, Descriptor socket, const Endpoint& bound, Source source);
  static void close(Port& port);
  void wait_for_errors(Port& port);
  void wait(Port& port);
  void receive(Port& port);
  [[nodiscard]] bool is_open(const Port& port) const;

  asio::io_context& context_;
  MachineOwner& owner_;
  const RunOptions& options_;
  std::map<Key, std::shared_ptr<Port>> ports_;
  ReceiveBatch received_;
  Datagram in_;  // reused, so that receiving allocates nothing once it is warm
};
}  // namespace natkit::io
