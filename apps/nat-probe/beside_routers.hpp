#pragma once
// Asks the routers whether they map ports, beside the probe and never longer than it.
#include <algorithm>
#include <optional>
#include <utility>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/discovery.hpp"
#include "natkit/probe/probe.hpp"

namespace natkit {
/// The two machines in one run. Nothing is ever mapped; who has not answered when the probe is done stays unknown.
class BesideRouters {
 public:
  /// The probe numbers its sockets from 0 and has at most some hundred.
  static constexpr std::uint32_t first_socket = 1U << 20U;

  BesideRouters(probe::Probe& probe, portmap::Discovery& routers) : probe_(probe), routers_(routers) {}

  void start(Instant now) {
    note(now);
    probe_.start(now);
    routers_.start(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    note(now);
    if (is_routers(in.socket))
      routers_.handle_datagram(now, in);
    else
      probe_.handle_datagram(now, in);
  }
  void handle_timeout(Instant now) {
    note(now);
    if (const auto due = probe_.poll_timeout(); due && *due <= now) probe_.handle_timeout(now);
    if (const auto due = routers_.poll_timeout(); due && *due <= now) routers_.handle_timeout(now);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    note(now);
    if (!is_routers(lost.socket)) probe_.handle_send_failure(now, lost, why);
  }
  void handle_path_error(Instant now, const PathError& error) {
    note(now);
    if (!is_routers(error.socket)) probe_.handle_path_error(now, error);
  }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    note(now);
    if (is_routers(socket))
      routers_.handle_socket_opened(now, socket, local);
    else
      probe_.handle_socket_opened(now, socket, local);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    note(now);
    if (is_routers(socket))
      routers_.handle_socket_failure(now, socket, why);
    else
      probe_.handle_socket_failure(now, socket, why);
  }
  void handle_errand_reply(Instant now, const ErrandReply& reply) {
    note(now);
    routers_.handle_errand_reply(now, reply);
  }
  [[nodiscard]] std::optional<SocketChange> poll_socket() {
    if (auto change = probe_.poll_socket()) return change;
    return routers_.poll_socket();
  }
  [[nodiscard]] std::optional<Errand> poll_errand() { return routers_.poll_errand(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() {
    if (auto out = probe_.poll_transmit()) return out;
    return routers_.poll_transmit();
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    const auto wake = probe_.poll_timeout();
    if (!wake) return wake;
    const auto other = routers_.poll_timeout();
    return other ? std::min(wake, other) : wake;
  }

  /// What the routers have said by now.
  [[nodiscard]] probe::PortMappings port_mappings() const;

 private:
  static bool is_routers(SocketId socket) { return std::to_underlying(socket) >= first_socket; }
  void note(Instant now) { last_ = now; }

  probe::Probe& probe_;
  portmap::Discovery& routers_;
  Instant last_{};
};
}  // namespace natkit
