#pragma once
// Asks the directory of a rendezvousd once, and keeps what it said.
#include <optional>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/rendezvous/client.hpp"
#include "natkit/report/mesh_events.hpp"

namespace natkit {
class Listing {
 public:
  Listing(rendezvous::Client::Config client, rendezvous::Query query, Duration patience, Rng& rng);

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
  void stop(Instant now);

  /// None: the directory did not answer, and `error` says why.
  [[nodiscard]] const std::optional<std::vector<report::MeshRow>>& rows() const { return rows_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  void hear(Instant now);
  void end(Instant now);

  rendezvous::Client client_;
  rendezvous::Query query_;
  Duration patience_;
  std::optional<Instant> until_;
  bool is_over_ = false;
  std::optional<std::vector<report::MeshRow>> rows_;
  Error error_{Errc::nobody_there, "directory-not-reached", "the directory did not answer", "is the server running?"};
};
static_assert(SansIo<Listing> && OpensSockets<Listing> && HearsConnections<Listing> && HearsSendFailure<Listing>);
}  // namespace natkit
