#pragma once
/// The sockets of a server, bound before its machine is made: so the machine can be told its true endpoints, and
/// "ready" be announced with nothing left that can fail.
#include <cstdint>
#include <span>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/result.hpp"
#include "natkit/io/native_socket.hpp"

namespace natkit::io {
struct Listener {
  SocketId socket{};
  Protocol protocol = Protocol::udp;
  Endpoint endpoint{};
  /// Listeners with port 0 and the same slot get the same free port: a server with two addresses and two ports needs
  /// four sockets with two port numbers (RFC 5780 §2), and TCP beside UDP on the same number.
  std::uint32_t port_slot = 0;
  Presence presence = Presence::required;
};

class Listeners {
 public:
  Listeners() = default;
  /// All or nothing. Fails with `address-in-use`, `address-not-here`, `port-forbidden` or `cannot-listen`.
  [[nodiscard]] static Result<Listeners> bind(std::vector<Listener> wanted);

  /// In the order wanted, with true port numbers.
  [[nodiscard]] std::span<const Listener> bound() const { return bound_; }
  [[nodiscard]] bool is_empty() const { return bound_.empty(); }
  /// Gives the socket of `bound()[index]` away.
  [[nodiscard]] Descriptor take(std::size_t index) { return std::move(sockets_.at(index)); }

 private:
  std::vector<Listener> bound_;
  std::vector<Descriptor> sockets_;
};
}  // namespace natkit::io
