#pragma once
// Says once to a rendezvousd what is to be said of a member, and keeps what it answered.
#include <optional>
#include <string>

#include "natkit/base/sans_io.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/rendezvous/client.hpp"

namespace natkit {
/// Signed by whoever says it.
[[nodiscard]] rendezvous::Report signed_report(rendezvous::Report report, const crypto::Identity& by);

class Reporting {
 public:
  Reporting(rendezvous::Client::Config client, rendezvous::Report report, Duration patience, Rng& rng);

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return client_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return client_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  void stop(Instant now) { end(now); }

  /// None: it was not taken, and `error` says why.
  [[nodiscard]] const std::optional<rendezvous::ReportStanding>& standing() const { return standing_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  void hear(Instant now);
  void end(Instant now);

  rendezvous::Client client_;
  rendezvous::Report report_;
  Duration patience_;
  std::optional<Instant> until_;
  bool is_over_ = false;
  std::optional<rendezvous::ReportStanding> standing_;
  Error error_{Errc::nobody_there, "server-unreachable", "the server did not answer", "is it running?"};
};
static_assert(SansIo<Reporting> && OpensSockets<Reporting> && HearsConnections<Reporting> &&
              HearsSendFailure<Reporting>);
}  // namespace natkit
