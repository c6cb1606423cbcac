#pragma once
// Two hosts on a simulated internet, each behind something, with a STUN server and a real TURN relay, and signalling
// that tells both of each other.
//
//   hub --12.5 ms-- box ---- internet ---- box --12.5 ms-- hub        every round trip is 50 ms
//                               |
//                               `--12.5 ms-- STUN server, TURN relay
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/identities.hpp"
#include "channel/virtual_time.hpp"
#include "natkit/link/hub.hpp"
#include "natkit/sim/network.hpp"
#include "natkit/stun/responder.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

enum class Box {
  open,
  firewall,
  full_cone,
  restricted,
  drop,
  reject,
  accept,
  symmetric,
  random_ports,
  no_udp,            ///< public, without UDP
  no_udp_drop,       ///< as `drop`, behind something that lets no UDP pass
  no_udp_reject,     ///< likewise
  no_udp_cone,       ///< likewise
  no_udp_symmetric,  ///< likewise
};
inline constexpr std::array boxes{Box::open, Box::firewall, Box::full_cone, Box::restricted,
                                  Box::drop, Box::reject,   Box::accept,    Box::symmetric};
std::string_view to_text(Box box);
bool has_udp(Box box);
/// Endpoint-dependent mapping against a filter by port cannot work without guessing.
bool needs_guessing(Box a, Box b);

sim::Gateway& make_box(sim::Network& net, Box box);

/// A hub with one link, and what it has said. What is sent to or comes from a `cut` address is lost.
class Party {
 public:
  Party(link::Hub::Config config, Rng& rng, link::RelayUse relays = link::RelayUse::at_once)
      : hub(std::move(config), rng), relays_(relays) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return hub.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return hub.poll_timeout(); }
  void hear(Instant now);
  [[nodiscard]] link::Link& link() { return *hub.find(*id); }
  template <class E>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const auto& event) { return std::holds_alternative<E>(event); }));
  }

  link::Hub hub;
  std::optional<link::LinkId> id;
  std::vector<link::Link::Event> events;
  std::vector<ice::Candidate> outbox;  ///< candidates that were found after the peer was told
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    hub.handle_connected(now, socket, remote);
    hear(now);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    hub.handle_send_failure(now, lost, why);
    hear(now);
  }

  std::optional<Instant> connected_at, direct_at, secured_at, ended_at, message_at;
  std::optional<link::Link::Ended> ended;
  Bytes heard;  ///< payload of all messages, in order
  std::vector<link::Hub::Knocked> knocks;
  std::vector<link::LinkId> secured;
  std::vector<IpAddress> cut;
  std::size_t sent = 0;
  IpAddress relay{};
  std::size_t sent_to_relay = 0;  ///< packets to that host, but those to its STUN server

 private:
  link::RelayUse relays_;
};

struct EncounterConfig {
  Box box_a = Box::drop;
  Box box_b = Box::drop;
  std::uint64_t seed = 1;
  Duration skew_b{};  ///< how much later than A, B is told
  double loss = 0;
  Duration jitter{};
  enum class Relaying : std::uint8_t { yes, no } relaying = Relaying::yes;
  enum class Place : std::uint8_t { apart, same_lan } place = Place::apart;
  std::string certificate_of_b = "b";  ///< what A is told to expect
  link::Gathering::Directly directly = link::Gathering::Directly::by_udp;
  std::chrono::seconds relay_names_for = std::chrono::hours{1};
  link::RelayUse relay_use_a = link::RelayUse::at_once, relay_use_b = link::RelayUse::at_once;
  link::Gathering::Allocate allocate = link::Gathering::Allocate::at_once;
};

class Encounter {
 public:
  explicit Encounter(const EncounterConfig& config);

  /// Lets both gather, then tells them of each other.
  void tell();
  void run(Duration time) {
    run(time, [] { return false; });
  }
  void run(Duration time, const std::function<bool()>& is_over);
  /// In large steps, for when hardly anything happens.
  void rest(Duration time);
  [[nodiscard]] bool are_connected() const { return a.connected_at && b.connected_at; }
  [[nodiscard]] bool are_secured() const { return a.secured_at && b.secured_at; }
  [[nodiscard]] double connected_after() const;
  void step();

 private:
  EncounterConfig config_;

 public:
  sim::Network net;
  sim::Host& server;
  sim::Gateway& home_a;
  sim::Gateway& home_b;
  sim::Host& host_a;
  sim::Host& host_b;
  Party a;
  Party b;
  Instant told{};

 private:
  struct Letter {
    Instant at;
    ice::Candidate candidate;
  };
  [[nodiscard]] sim::LinkConfig line() const;
  sim::Gateway& add_box(Box box);
  [[nodiscard]] link::Hub::Config hub_config(const sim::Host& host, std::string_view name, Box box);
  void begin(Party& party, Party& peer, ice::Role role, sim::Host& host);
  void carry(Party& from, Party& to, std::vector<Letter>& letters, sim::Host& host);

  stun::Responder responder_;
  turn::Relay relay_;
  std::optional<Instant> tell_b_at_;
  std::vector<Letter> to_a_, to_b_;
};
}  // namespace natkit::test
