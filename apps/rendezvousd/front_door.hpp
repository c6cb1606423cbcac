#pragma once
// All that the server does, behind its listeners: hands each datagram to the machine that it is for.
//
//                     +-- TURN, or from a relayed socket --> turn::Relay (where there is one)
//   driver --> FrontDoor
//                     +-- lines of JSON ------------------> rendezvous::Server (the same)
//                     +-- everything else ----------------> stun::Service
//
// Only the first byte of a connection tells JSON from TURN: ChannelData of RFC 5766's channels 0x7B00–0x7BFF begins
// with '{' as well. So on a connection with a relayed address the relay is asked first.
#include <algorithm>
#include <optional>

#include "natkit/base/note_earlier.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/stun/service.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::rendezvousd {
class FrontDoor {
 public:
  /// All are borrowed; without a relay its requests are the responder's to refuse.
  FrontDoor(stun::Service& service, turn::Relay* relay, rendezvous::Server* meeting)
      : service_(service), relay_(relay), meeting_(meeting) {}

  void start(Instant now) {
    service_.start(now);
    if (relay_ != nullptr) relay_->start(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    const bool is_for_relay = relay_ != nullptr && relay_->wants(in);
    if (is_for_relay && relay_->needs_connection(in.socket, in.local, in.remote))
      return relay_->handle_datagram(now, in);
    if (meeting_ != nullptr && meeting_->wants(in)) return meeting_->handle_datagram(now, in);
    if (is_for_relay) return relay_->handle_datagram(now, in);
    service_.handle_datagram(now, in);
  }
  void handle_timeout(Instant now) {
    service_.handle_timeout(now);
    if (relay_ != nullptr) relay_->handle_timeout(now);
    if (meeting_ != nullptr) meeting_->handle_timeout(now);
  }
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    service_.handle_connected(now, socket, remote);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    if (relay_ != nullptr) relay_->handle_send_failure(now, lost, why);
    if (meeting_ != nullptr) meeting_->handle_send_failure(now, lost, why);
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
    if (meeting_ != nullptr)
      if (auto change = meeting_->poll_socket()) return change;
    return relay_ != nullptr ? relay_->poll_socket() : std::nullopt;
  }
  [[nodiscard]] std::optional<Datagram> poll_transmit() {
    if (relay_ != nullptr)
      if (auto next = relay_->poll_transmit()) return next;
    if (meeting_ != nullptr)
      if (auto next = meeting_->poll_transmit()) return next;
    return service_.poll_transmit();
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    auto due = service_.poll_timeout();
    if (relay_ != nullptr) note_earlier(due, relay_->poll_timeout());
    if (meeting_ != nullptr) note_earlier(due, meeting_->poll_timeout());
    return due;
  }

 private:
  stun::Service& service_;
  turn::Relay* relay_;
  rendezvous::Server* meeting_;
};
static_assert(SansIo<FrontDoor> && OpensSockets<FrontDoor> && HearsConnections<FrontDoor> &&
              HearsSendFailure<FrontDoor>);
}  // namespace natkit::rendezvousd
