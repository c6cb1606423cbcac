#pragma once
// From `meshctl match` to a session: waits at the rendezvousd until enough others want the same, and reads from its
// answer which session that is and who begins it.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/mesh/member_id.hpp"
#include "natkit/rendezvous/client.hpp"
#include "options.hpp"

namespace natkit {
/// What there is to know for taking part in it.
struct MatchMade {
  crypto::Identity identity;
  mesh::SessionId session{};
  std::string name{};
  std::set<mesh::MemberId> players{};
  bool is_host = false;
};

/// What this host says of itself while it waits.
[[nodiscard]] rendezvous::Seeker seeker_of(const Options& options, const crypto::Identity& identity,
                                           const std::vector<IpAddress>& addresses);
/// Fails where the server's answer makes no sense, or leaves this host out.
[[nodiscard]] Result<MatchMade> match_made(const rendezvous::Match& match, const crypto::Identity& identity);
void tell_match(cli::Output& output, const rendezvous::Match& match, const MatchMade& made);

class Waiting {
 public:
  Waiting(rendezvous::Client::Config client, rendezvous::Seeker seeker, Duration patience, cli::Output& output,
          Rng& rng);

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

  /// None: it came to nothing, and `error` says why.
  [[nodiscard]] const std::optional<rendezvous::Match>& match() const { return match_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  void hear(Instant now);
  void hear_registered(Instant now, const rendezvous::RegisteredAt& at);
  void end(Instant now);

  rendezvous::Client client_;
  rendezvous::Seeker seeker_;
  Duration patience_;
  cli::Output& output_;
  std::optional<Instant> until_;
  bool is_over_ = false;
  std::optional<rendezvous::Match> match_;
  Error error_{};
};
static_assert(SansIo<Waiting> && OpensSockets<Waiting> && HearsConnections<Waiting> && HearsSendFailure<Waiting>);
}  // namespace natkit
