#pragma once
// All that the server does, behind its listeners: hands each datagram to the machine that it is for.
//
//                     +-- TURN, or from a relayed socket --> turn::Relay (where there is one)
//   driver --> FrontDoor
//                     +-- everything else ----------------> stun::Service
#include <algorithm>
#include <optional>

#include "natkit/base/sans_io.hpp"
#include "natkit/stun/service.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::rendezvousd {
class FrontDoor {
 public:
  /// Both are borrowed; without a relay its requests are the responder's to refuse.
  FrontDoor(stun::Service& service, turn::Relay* relay) : service_(service), relay_(relay) {}

  void start(Instant now) {
    service_.start(now);
    if (relay_ != nullptr) relay_->start(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    if (relay_ != nullptr && relay_->wants(in)) return relay_->handle_datagram(now, in);
    service_.handle_datagram(now, in);
  }
  void handle_timeout(Instant now) {
    service_.handle_timeout(now);
    if (relay_ != nullptr) relay_->handle_timeout(now);
  }
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    service_.handle_connected(now, socket, remote);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    if (relay_ != nullptr) relay_->handle_send_failure(now, lost, why);
    service_.handle_send_failure(now, lost, why);
  }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    if (relay_ != nullptr && relay_->owns(socket)) return relay_->handle_socket_opened(now, socket, local);
    service_.handle_socket_opened(now, socket, local);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    if (relay_ != nullptr && relay_->owns(socket)) return relay_->handle_socket_failure(now, socket, why);
    service_.handle_socket_failure(now, socket, why);
  }
  [[nodiscard]] std::optional<SocketChange> poll_socket() {
    if (auto change = service_.poll_socket()) return change;
    return relay_ != nullptr ? relay_->poll_socket() : std::nullopt;
  }
  [[nodiscard]] std::optional<Datagram> poll_transmit() {
    if (relay_ != nullptr)
      if (auto next = relay_->poll_transmit()) return next;
    return service_.poll_transmit();
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    const auto of_service = service_.poll_timeout();
    const auto of_relay = relay_ != nullptr ? relay_->poll_timeout() : std::nullopt;
    return of_service && of_relay ? std::min(of_service, of_relay) : (of_service ? of_service : of_relay);
  }

 private:
  stun::Service& service_;
  turn::Relay* relay_;
};
static_assert(SansIo<FrontDoor> && OpensSockets<FrontDoor> && HearsConnections<FrontDoor> &&
              HearsSendFailure<FrontDoor>);
}  // namespace natkit::rendezvousd
