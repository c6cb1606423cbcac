#pragma once
/// The socket calls that every system does in its own way: where a datagram was sent to, from which address and with
/// which TTL one leaves, many of them in one call. This file is Linux; another system needs only its own
/// native_socket.cpp. All sockets are non-blocking and closed on exec. IPv6 sockets carry IPv6 only.
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/socket.hpp"

namespace natkit::io {
/// Owns one socket of the system.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

template <class T>
using SystemResult = std::expected<T, std::error_code>;

/// Whether many peers share the socket, and so its queue; a server's is made large.
enum class Purpose : std::uint8_t { client, server };

/// Whether the address must be there already. The system lists an IPv6 address for a second before it can be used,
/// until it has made sure that nobody else has it (RFC 4862 §5.4).
enum class Presence : std::uint8_t { required, expected };

/// Port 0 binds a free one.
[[nodiscard]] SystemResult<Descriptor> open_udp(const Endpoint& local, Purpose purpose,
                                                Presence presence = Presence::required);
/// As a machine wishes it: bound to an interface, in multicast groups, beside other programs.
[[nodiscard]] SystemResult<Descriptor> open_udp(const SocketWish& wish);
/// Whether connections are also made from the port that a listener waits at (simultaneous open).
enum class PortUse : std::uint8_t { listens, meets };
[[nodiscard]] SystemResult<Descriptor> open_tcp_listener(const Endpoint& local, Presence presence,
                                                         PortUse use = PortUse::listens);
/// Before it is bound: a TCP socket that is to connect from the port of a listener of ours that `meets`.
[[nodiscard]] bool share_port(int descriptor);
/// The system keeps little of what a TCP connection cannot send yet, so that packets that wait there do not grow old.
void keep_queue_short(int descriptor);
/// Fixes where it sends to; sends nothing. Tells what the system would send from (`local_endpoint`).
[[nodiscard]] bool connect_udp(int descriptor, const Endpoint& remote);
/// Takes one ICMP error off a socket that was opened with `PathErrors::heard`; `nullopt` when none waits.
[[nodiscard]] std::optional<PathError> take_path_error(int descriptor);
[[nodiscard]] SystemResult<Endpoint> local_endpoint(int descriptor);
/// Lets this process open as many files as the system grants without asking anybody: shells start programs with 1024,
/// and a relay takes a socket for each client.
void raise_descriptor_limit();

/// Datagrams as the system hands them over, several at a time. Reused from call to call.
class ReceiveBatch {
 public:
  static constexpr std::size_t capacity = 32;  ///< beyond this the gain per call is lost in the noise
  ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;
  ~ReceiveBatch();
  /// How many came, 0 when none waits (or the socket is broken: then none ever will).
  [[nodiscard]] std::size_t receive(int descriptor);
  /// `remote`, `payload`, and `local` as the packet's destination address with port `bound_port`. Reuses `out`'s
  /// memory.
  void read(std::size_t index, std::uint16_t bound_port, Datagram& out) const;

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

/// From which address datagrams leave: the socket's own (or what the system picks), or `Datagram::local`, for a server
/// whose socket is bound to no single address.
enum class Source : std::uint8_t { of_socket, of_datagram };
struct Unsent {
  std::size_t index = 0;
  std::error_code why;
};
/// Sends all of them from one socket; gives those that the system refused. A full queue is no refusal but a loss, as
/// anywhere on the way.
[[nodiscard]] std::vector<Unsent> send_all(int descriptor, std::span<const Datagram> datagrams, Source source);
}  // namespace natkit::io
