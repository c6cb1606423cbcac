// A client of the meeting place on real sockets, which does as it is told.
//
//   rendezvous_caller SERVER:PORT[,…] ID pair|listen|connect NAME WAIT_MS [AUTHORITIES.pem]
//
// Prints one line for each event. Whom it finds it sends a candidate, and answers the first one with another; once both
// are through it reports that they are connected. A listener then waits for the next; the others stay until the attempt
// is over, or SIGTERM comes. Exits 0 when it was told to end, 3 when no server is there, 4 refused, 5 no peer, 7 not
// our protocol, 2 wrong usage. With AUTHORITIES the servers are reached over TLS.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/rendezvous/client.hpp"

namespace {
using namespace natkit;
using namespace natkit::rendezvous;

template <class... Parts>
void say(fmt::format_string<Parts...> form, Parts&&... parts) {
  fmt::print("{}\n", fmt::format(form, std::forward<Parts>(parts)...));
  std::fflush(stdout);
}

/// As the contract has it; the tools' own table is in cli, which a test has no business with.
int exit_for(Errc code) {
  switch (code) {
    case Errc::nobody_there:
      return 3;
    case Errc::refused:
      return 4;
    case Errc::peer:
      return 5;
    case Errc::protocol:
      return 7;
    default:
      return 70;
  }
}

class Caller {
 public:
  Caller(Client::Config config, Client::Wish wish, Rng& rng)
      : client_(std::move(config), rng), wish_(std::move(wish)), rng_(rng) {}

  void start(Instant now) {
    client_.start(now);
    wish_.description = description();
    place_ = client_.open(now, wish_);
    hear(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    client_.handle_datagram(now, in);
    hear(now);
  }
  void handle_timeout(Instant now) {
    client_.handle_timeout(now);
    hear(now);
  }
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    client_.handle_connected(now, socket, remote);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    client_.handle_send_failure(now, lost, why);
    hear(now);
  }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    client_.handle_socket_failure(now, socket, why);
    hear(now);
  }
  std::optional<SocketChange> poll_socket() { return client_.poll_socket(); }
  std::optional<Datagram> poll_transmit() { return client_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return client_.poll_timeout(); }
  void leave(Instant now) { client_.leave(now); }

  int exit = 0;

 private:
  std::string description() { return fmt::format("description {:x}", rng_.next()); }

  void hear(Instant now) {
    while (const auto event = client_.poll_event()) std::visit([&](const auto& known) { handle(now, known); }, *event);
  }
  void handle(Instant, const RegisteredAt& at) {
    say("registered at {} as {}", to_text(at.server), to_text(at.seen_as));
  }
  void handle(Instant now, const FoundPeer& found) {
    say("found {} {} {} start_in_ms {:.1f} said {}", found.peer, to_text(found.role), to_text(found.attempt),
        to_ms(found.start - now), found.description);
    client_.send_candidate(now, found.attempt, "first");
  }
  void handle(Instant now, const RemoteCandidate& remote) {
    say("candidate {} {}", to_text(remote.attempt), remote.text);
    if (remote.text == "first") return client_.send_candidate(now, remote.attempt, "second");
    client_.report(now, remote.attempt, Outcome::connected, "host");
    say("connected {}", to_text(remote.attempt));
    if (wish_.purpose == Purpose::listen) client_.describe(now, place_, description());
  }
  void handle(Instant, const RemoteRestart&) {}
  void handle(Instant, const PeerLeft& left) { say("left {} {}", to_text(left.attempt), to_text(left.reason)); }
  void handle(Instant now, const NotPossible& refusal) {
    say("refused {} {}: {}", refusal.finality == Finality::final ? "finally" : "for now", refusal.error.reason,
        refusal.error.detail);
    if (refusal.finality != Finality::final) return;
    exit = exit_for(code_of(refusal.reason));
    client_.leave(now);
  }
  void handle(Instant, const ServerLost& lost) { say("lost {}: {}", to_text(lost.server), lost.why); }
  void handle(Instant, const Resumed& resumed) {
    say("resumed {}", resumed.session == Registered::Session::fresh ? "fresh" : "as it was");
  }

  void handle(Instant, const auto&) {}  // of the directory, which nothing is asked of here
  void handle(Instant, const NewServices& told) { say("services {}", told.services.size()); }

  Client client_;
  Client::Wish wish_;
  Rng& rng_;
  PlaceId place_{};
};
static_assert(SansIo<Caller> && OpensSockets<Caller> && HearsConnections<Caller> && HearsSendFailure<Caller>);

std::optional<Purpose> parse_purpose(std::string_view text) {
  for (const auto purpose : {Purpose::pair, Purpose::listen, Purpose::connect})
    if (to_text(purpose) == text) return purpose;
  return std::nullopt;
}

int call(const std::vector<std::string>& words) {
  Client::Config config{.id = words[1]};
  for (std::size_t begin = 0; begin < words[0].size();) {
    const auto end = std::min(words[0].find(',', begin), words[0].size());
    const auto server = parse_endpoint(std::string_view{words[0]}.substr(begin, end - begin));
    if (!server) return 2;
    config.servers.push_back(*server);
    begin = end + 1;
  }
  const auto purpose = parse_purpose(words[2]);
  int wait = 0;
  std::from_chars(words[4].data(), words[4].data() + words[4].size(), wait);
  if (config.servers.empty() || !purpose) return 2;
  if (words.size() > 5) {
    std::ifstream file{words[5], std::ios::binary};
    const std::string authorities{std::istreambuf_iterator<char>{file}, {}};
    for (const auto& server : config.servers)
      config.tls[server] = {.server = to_text(server.address), .authorities = authorities};
  }
  crypto::SecureRng rng;
  Caller caller{
      std::move(config), {.purpose = *purpose, .name = words[3], .wait = std::chrono::milliseconds{wait}}, rng};
  if (!io::run(caller, {.trust = crypto::TlsContext::trust, .on_stop = [&](Instant now) { caller.leave(now); }}))
    return 2;
  return caller.exit;
}
}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return words.size() < 5 ? 2 : call(words);
}
