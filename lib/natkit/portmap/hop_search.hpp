#pragma once
/// Which routers lie on the way out, nearest first: datagrams whose hop limit ends at the first, the second … make each
/// answer with an ICMP error (RFC 792, RFC 4443). Anybody could forge those: what they name is then asked, not
/// believed.
///
///   start() --> one datagram for each hop, three times --> hops() known, or `patience` over
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/base/time.hpp"

namespace natkit::portmap {
class HopSearch {
 public:
  struct Config {
    SocketId socket{};
    IpAddress local{};
    Endpoint beyond{};  ///< the port is counted up by hop, so that an error tells which datagram it is about
    std::size_t most_hops = 4;
    Duration repeat = std::chrono::milliseconds{100};
    Duration patience = std::chrono::milliseconds{400};  ///< routers at home answer in a millisecond
  };
  explicit HopSearch(Config config) : config_(config) {}

  void start(Instant now);
  void handle_path_error(const PathError& error);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_over() const { return !next_; }
  /// The router `hop` hops away (1: the nearest); nullopt where nobody answered.
  [[nodiscard]] std::optional<IpAddress> hop(std::size_t hop) const;

 private:
  void send();
  [[nodiscard]] bool is_complete() const;
  Config config_;
  std::map<std::size_t, IpAddress> hops_;
  std::optional<Instant> next_;
  Instant deadline_{};
  std::deque<SocketChange> sockets_;
  std::deque<Datagram> outgoing_;
};
}  // namespace natkit::portmap
