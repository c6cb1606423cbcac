#pragma once
// Two hosts on a simulated internet that know nothing but a name and a server: STUN, relay and meeting place in one.
//
//   pairing --12.5 ms-- box ---- internet ---- box --12.5 ms-- pairing        every round trip is 50 ms
//                                   |
//                                   `--12.5 ms-- server: STUN, TURN, signalling
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "link/encounter.hpp"
#include "natkit/link/pairing.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/store.hpp"

namespace natkit::test {
/// A pairing, and what it has said.
class Guest {
 public:
  Guest(link::Pairing::Config config, Rng& rng) : pairing(std::move(config), rng) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return pairing.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return pairing.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return pairing.poll_timeout(); }
  void hear(Instant now);

  /// Of all links that it had: those that were secured.
  [[nodiscard]] std::size_t sessions() const { return secured.size(); }

  link::Pairing pairing;
  std::vector<link::LinkId> found, secured;
  std::optional<Instant> registered_at, found_at, connected_at, secured_at, over_at;
  std::vector<link::Link::Ended> ended;
  std::vector<Error> troubles;
  bool leads_with_relay = false;  ///< as soon as it is registered
  std::optional<Error> over;
  std::optional<ice::Path> path;  ///< the last one
};
static_assert(SansIo<Guest> && OpensSockets<Guest> && HearsConnections<Guest> && HearsSendFailure<Guest> &&
              HearsPathErrors<Guest>);

struct MeetingConfig {
  Box box_a = Box::drop;
  Box box_b = Box::drop;
  std::uint64_t seed = 1;
  Duration b_comes_later{};
  double loss = 0;
  Duration jitter{};
  EncounterConfig::Relaying relaying = EncounterConfig::Relaying::yes;
  rendezvous::Purpose purpose_a = rendezvous::Purpose::pair;
  rendezvous::Purpose purpose_b = rendezvous::Purpose::pair;
  std::string name_a = "blue whale", name_b = "blue whale";
  std::string secret_a{}, secret_b{};  ///< empty: none
  std::optional<Duration> wait = std::chrono::seconds{60};
  Duration timeout = std::chrono::seconds{10};
  std::size_t most_links = 1;
  Duration half_trip = std::chrono::microseconds{12500};  ///< from a box, or the server, to the internet
  enum class Leads : std::uint8_t { as_gathered, with_relay } b_leads = Leads::as_gathered;
};

class Meeting {
 public:
  explicit Meeting(const MeetingConfig& config);

  void run(Duration time) {
    run(time, [] { return false; });
  }
  void run(Duration time, const std::function<bool()>& is_over);
  void step();
  [[nodiscard]] bool are_secured() const { return a->secured_at && b->secured_at; }
  /// Milliseconds from when this side was told of the other; the later of the two.
  [[nodiscard]] double connected_after() const;
  /// Milliseconds from B's coming to its first path: what who starts it has to wait.
  [[nodiscard]] double waited_by_b() const;
  /// B's program is killed: nothing of it is heard any more but the end of its connections.
  void kill_b();
  /// B's program ended and was started anew; its identity is the same.
  void restart_b();
  /// The server ends and starts anew: it forgets everything.
  void restart_server();

 private:
  [[nodiscard]] link::Pairing::Config config_of(const sim::Host& host, std::string_view name) const;
  sim::Gateway& add_box(Box box);

  MeetingConfig config_;

 public:
  sim::Network net;
  sim::Host& server_host;
  sim::Host& host_a;
  sim::Host& host_b;
  std::unique_ptr<Guest> a, b;

 private:
  void start_server();

  stun::Responder responder_;
  turn::Relay relay_;
  std::unique_ptr<rendezvous::MemoryStore> store_;
  std::unique_ptr<rendezvous::Server> server_;
  std::optional<Instant> b_starts_at_;
  Instant b_came_at_;
};
}  // namespace natkit::test
