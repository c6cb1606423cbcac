#pragma once
/// Everything that a public STUN server does, behind one front door: it owns the responder and, where it is wished, the
/// reachability checker, and hands each datagram to the one that it is for.
///
///                     +-- from a socket of the checker's own ------------------> ReachabilityChecker
///   driver --> Service|
///                     +-- from a listener: proven, and asks for a port? yes ---> ReachabilityChecker
///                                                                        no ---> Responder
///
/// So whoever has not proven his address, and whoever asks a server that does not check, gets the responder's answer.
#include <optional>
#include <string_view>

#include "natkit/stun/reachability_checker.hpp"
#include "natkit/stun/responder.hpp"

namespace natkit::stun {
class Service {
 public:
  /// Without the second, the server does not check.
  Service(Responder::Config responder, const std::optional<ReachabilityChecker::Config>& checker, Rng& rng);

  void start(Instant) {}
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const Responder& responder() const { return responder_; }
  /// Null where nothing is checked.
  [[nodiscard]] const ReachabilityChecker* checker() const { return checker_ ? &*checker_ : nullptr; }

 private:
  /// The listener of this datagram, where there is one.
  [[nodiscard]] std::optional<std::size_t> find_listener(const Datagram& in) const;
  /// False when it is for the responder.
  [[nodiscard]] bool check(Instant now, const Datagram& in);

  std::vector<Responder::Listener> listeners_;
  Responder responder_;
  std::optional<ReachabilityChecker> checker_;
};
static_assert(SansIo<Service> && OpensSockets<Service> && HearsConnections<Service> && HearsSendFailure<Service>);
}  // namespace natkit::stun
