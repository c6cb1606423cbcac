#pragma once
// One conversation with a rendezvousd about one thing that is wanted of it: under one deadline, and over as soon as the
// topic has what it is for. What came of it stands in the topic.
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "interrupted.hpp"
#include "natkit/base/note_earlier.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/rendezvous/client.hpp"

namespace natkit {
enum class Talk : std::uint8_t { goes_on, is_over };

/// What is wanted. `fail` is for what the server is not to blame for, such as that none can be reached; `give_up` comes
/// when time is over or the user ends it, and not after `is_over`.
template <class T>
concept Topic = requires(T topic, Instant now, rendezvous::Client& client, const rendezvous::ClientEvent& event,
                         const Error& error) {
  { topic.begin(now, client) } -> std::same_as<void>;
  { topic.hear(now, client, event) } -> std::same_as<Talk>;
  { topic.fail(error) } -> std::same_as<void>;
  { topic.give_up(now, client) } -> std::same_as<void>;
};

template <Topic T>
class ServerTalk {
 public:
  /// The topic is borrowed.
  ServerTalk(T& topic, rendezvous::Client::Config client, Duration patience, Rng& rng)
      : topic_(topic), client_(std::move(client), rng), patience_(patience) {}

  void start(Instant now) {
    until_ = now + patience_;
    client_.start(now);
    topic_.begin(now, client_);
    hear(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    client_.handle_datagram(now, in);
    hear(now);
  }
  void handle_timeout(Instant now) {
    client_.handle_timeout(now);
    hear(now);
    if (until_ && *until_ <= now) stop(now);
  }
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    client_.handle_connected(now, socket, remote);
    hear(now);
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
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return client_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return client_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    auto due = client_.poll_timeout();
    note_earlier(due, until_);
    return due;
  }
  void stop(Instant now) {
    if (is_over_) return;
    topic_.give_up(now, client_);
    end(now);
  }

 private:
  void hear(Instant now) {
    while (const auto event = client_.poll_event()) {
      // Why no server can be had says more than that a question went unanswered, which is told first.
      const auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event);
      if (not_possible != nullptr) topic_.fail(not_possible->error);
      if (is_over_) continue;
      if (not_possible != nullptr || topic_.hear(now, client_, *event) == Talk::is_over) end(now);
    }
  }
  void end(Instant now) {
    is_over_ = true;
    until_.reset();
    client_.leave(now);
  }

  T& topic_;
  rendezvous::Client client_;
  Duration patience_;
  std::optional<Instant> until_;
  bool is_over_ = false;
};

/// Until it is over. An exit code where it ended otherwise: a signal, a system that cannot.
template <Topic T>
[[nodiscard]] std::optional<cli::Exit> talk_about(T& topic, rendezvous::Client::Config client, Duration patience,
                                                  cli::Output& output) {
  crypto::SecureRng rng;
  ServerTalk<T> talk{topic, std::move(client), patience, rng};
  static_assert(SansIo<ServerTalk<T>> && OpensSockets<ServerTalk<T>> && HearsConnections<ServerTalk<T>> &&
                HearsSendFailure<ServerTalk<T>>);
  const auto end = io::run(talk, {.trust = crypto::TlsContext::trust, .on_stop = [&](Instant now) { talk.stop(now); }});
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  return std::nullopt;
}
}  // namespace natkit
