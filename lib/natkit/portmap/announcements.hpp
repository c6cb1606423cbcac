#pragma once
/// Hears what gateways say unasked: PCP and NAT-PMP announcements to 224.0.0.1 and ff02::1, port 5350 (RFC 6887 §14.1,
/// RFC 6886 §3.2.1), and SSDP alive and byebye. Anybody can forge these: each is no more than a hint to ask that
/// gateway by unicast, and not more often than once in `pause`.
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/base/time.hpp"

namespace natkit::portmap {
class Announcements {
 public:
  struct Config {
    SocketId control_socket{};  ///< port 5350
    SocketId ssdp_socket{};     ///< port 1900
    IpAddress local{};          ///< whose interface to listen on
    std::string interface{};
    Duration pause = std::chrono::milliseconds{200};
    std::size_t most_senders = 64;
  };
  explicit Announcements(Config config);

  bool handle_datagram(Instant now, const Datagram& in);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  /// Who may have lost its state, or changed its address.
  [[nodiscard]] std::optional<IpAddress> poll_hint();

 private:
  Config config_;
  std::map<IpAddress, Instant> heard_;
  std::deque<SocketChange> sockets_;
  std::deque<IpAddress> hints_;
};
}  // namespace natkit::portmap
