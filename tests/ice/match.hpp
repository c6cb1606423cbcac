#pragma once
// Two players on a simulated internet, each behind something, and the signalling between them.
//
//   player --link 12.5 ms-- box ---- internet ---- box --link 12.5 ms-- player        every round trip is 50 ms
//                                       |
//                                       `--12.5 ms-- STUN server, relay
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "ice/player.hpp"
#include "natkit/sim/network.hpp"
#include "natkit/stun/responder.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

/// What stands before a host, by the names of the research and of the lab.
enum class Box { open, firewall, full_cone, restricted, drop, reject, accept, cgn, symmetric };
inline constexpr std::array boxes{Box::open,   Box::firewall, Box::full_cone, Box::restricted, Box::drop,
                                  Box::reject, Box::accept,   Box::cgn,       Box::symmetric};
inline std::string_view to_text(Box box) {
  constexpr std::array<std::string_view, 9> names{"public", "firewall", "full-cone", "restricted", "drop",
                                                  "reject", "accept",   "cgn",       "symmetric"};
  return names.at(static_cast<std::size_t>(box));
}

struct MatchConfig {
  Box box_a = Box::drop;
  Box box_b = Box::drop;
  std::uint64_t seed = 1;
  Duration skew_a{};  ///< how much later than the other A is told
  Duration skew_b{};
  Duration trip = 25ms;  ///< one way between any two
  Duration jitter{};
  double loss = 0;  ///< of each link that a packet crosses, one way
  Reserve reserve = Reserve::lazy;
  Relaying relaying = Relaying::no;
  enum class Place { apart, same_lan } place = Place::apart;
  ice::Role role_a = ice::Role::controlling;
  ice::Role role_b = ice::Role::controlled;
  ice::Dialect dialect_a = ice::Dialect::natkit;  ///< how B is told that A speaks
  ice::Dialect dialect_b = ice::Dialect::natkit;
  ice::Agent::Config agent{};
};

class Match {
 public:
  explicit Match(const MatchConfig& config)
      : net{config.seed},
        config_(config),
        server_{net.add_host({.link = link()})},
        responder_{{.listeners = {{.socket = SocketId{0}, .endpoint = {server_.addresses().front(), 3478}}},
                    .allowance_per_address = {.burst = 1e6, .per_second = 1e6},
                    .allowance_for_all = {.burst = 1e6, .per_second = 1e6}},
                   net.rng()},
        relay_{server_.addresses().front()},
        home_a_{add_box(config.box_a)},
        home_b_{config.place == MatchConfig::Place::same_lan ? home_a_ : add_box(config.box_b)},
        host_a{net.add_host({.link = host_link()}, home_a_)},
        host_b{net.add_host({.link = host_link()}, home_b_)},
        a{player(config.role_a, host_a), net.rng()},
        b{player(config.role_b, host_b), net.rng()} {
    server_.attach(responder_, {{SocketId{0}, {server_.addresses().front(), 3478}}});
    server_.attach(relay_, relay_.bindings());
    host_a.attach(a, a.bindings());
    host_b.attach(b, b.bindings());
  }

  /// Lets both gather, then tells them of each other; `told` is when the later one is told.
  void tell() {
    // Gathering takes one round trip; under loss more, and nobody waits for all of it.
    net.run_for(400ms);
    const auto base = net.now();
    tell_at_ = {base + config_.skew_a, base + config_.skew_b};
    told = std::max(tell_at_[0], tell_at_[1]);
  }
  /// Until `is_over`, or the time is over. Signalling goes on meanwhile.
  template <class IsOver>
  void run(Duration time, IsOver is_over) {
    for (const auto end = net.now() + time; net.now() < end && !is_over();) {
      signal();
      net.run_for(1ms);
    }
    signal();
  }
  void run(Duration time) {
    run(time, [] { return false; });
  }
  /// Both connected, and both direct if that is what counts.
  [[nodiscard]] bool are_connected() const { return a.connected_at && b.connected_at; }
  [[nodiscard]] bool are_direct() const { return a.direct_at && b.direct_at; }
  /// Milliseconds from `told` until both were; for reports.
  [[nodiscard]] double connected_after() const { return to_ms(std::max(*a.connected_at, *b.connected_at) - told); }
  [[nodiscard]] double direct_after() const { return to_ms(std::max(*a.direct_at, *b.direct_at) - told); }
  /// Whether each sends to where the other listens.
  [[nodiscard]] bool agree() const {
    return a.agent.path() && b.agent.path() && a.agent.path()->mapped == b.agent.path()->remote &&
           b.agent.path()->mapped == a.agent.path()->remote;
  }

  sim::Network net;

 private:
  MatchConfig config_;
  sim::Host& server_;
  stun::Responder responder_;
  Relay relay_;
  sim::Gateway& home_a_;
  sim::Gateway& home_b_;

 public:
  sim::Host& host_a;
  sim::Host& host_b;
  Player a;
  Player b;
  Instant told{};
  /// Signalling takes as long as two half trips to the server.
  Duration signalling = 50ms;

  [[nodiscard]] sim::Gateway& home_a() { return home_a_; }
  [[nodiscard]] sim::Gateway& home_b() { return home_b_; }

 private:
  struct Letter {
    Instant at;
    ice::Candidate candidate;
  };

  [[nodiscard]] sim::LinkConfig link() const {
    return {.delay = config_.trip / 2, .jitter = config_.jitter, .loss = config_.loss};
  }
  /// On one LAN the access line does not count.
  [[nodiscard]] sim::LinkConfig host_link() const {
    return config_.place == MatchConfig::Place::same_lan ? sim::LinkConfig{.delay = 250us} : sim::LinkConfig{};
  }
  sim::Gateway& add_box(Box box) {
    auto& gateway = make_box(box);
    auto* outermost = &gateway;  // the line to the internet is what takes time
    while (outermost->parent() != &net.internet()) outermost = outermost->parent();
    outermost->set_link(link());
    return gateway;
  }
  sim::Gateway& make_box(Box box) {
    switch (box) {
      case Box::open:
        return net.add_router();
      case Box::firewall:
        return net.add_firewall();
      case Box::full_cone:
        return net.add_nat({.filtering = Behavior::endpoint_independent});
      case Box::restricted:
        return net.add_nat({.filtering = Behavior::address_dependent});
      case Box::drop:
        return net.add_nat(sim::linux_masquerade(sim::Unsolicited::drop));
      case Box::reject:
        return net.add_nat(sim::linux_masquerade(sim::Unsolicited::reject));
      case Box::accept:
        return net.add_nat(sim::linux_masquerade(sim::Unsolicited::accept));
      case Box::cgn:
        return net.add_nat(sim::linux_masquerade(), net.add_nat(sim::linux_masquerade(sim::Unsolicited::accept)));
      case Box::symmetric:
        return net.add_nat(
            {.mapping = Behavior::address_and_port_dependent, .allocation = sim::PortAllocation::random});
    }
    return net.add_router();
  }
  [[nodiscard]] PlayerConfig player(ice::Role role, const sim::Host& host) {
    PlayerConfig made{.role = role,
                      .address = host.addresses().front(),
                      .servers = {{server_.addresses().front(), 3478}},
                      .reserve = config_.reserve,
                      .agent = config_.agent};
    if (config_.relaying == Relaying::yes) made.relay = Endpoint{server_.addresses().front(), Relay::port};
    return made;
  }

  void signal() {
    signal_to(b, host_b, a, 1, config_.dialect_a);
    signal_to(a, host_a, b, 0, config_.dialect_b);
  }
  void signal_to(Player& to, sim::Host& host, Player& from, std::size_t which, ice::Dialect dialect) {
    const auto now = net.now();
    auto& letters = letters_.at(which);
    for (; taken_.at(which) < from.outbox.size(); ++taken_.at(which)) {
      const bool is_first = now <= std::min(tell_at_[0], tell_at_[1]);  // what stands in the description
      letters.push_back({is_first ? tell_at_.at(which) : std::max(now + signalling, tell_at_.at(which)),
                         from.outbox.at(taken_.at(which))});
    }
    if (now < tell_at_.at(which)) return;
    if (!is_told_.at(which)) {
      is_told_.at(which) = true;
      for (const auto& letter : letters)
        if (letter.at <= now) to.agent.add_remote(now, letter.candidate);
      std::erase_if(letters, [&](const Letter& letter) { return letter.at <= now; });
      to.agent.set_remote(now, from.agent.credentials(), dialect);
      to.agent.start(now);
    }
    for (const auto& letter : letters)
      if (letter.at <= now) to.agent.add_remote(now, letter.candidate);
    std::erase_if(letters, [&](const Letter& letter) { return letter.at <= now; });
    to.note_events(now);
    host.wake();
  }

  std::array<Instant, 2> tell_at_{Instant::max(), Instant::max()};  // A, B
  std::array<std::vector<Letter>, 2> letters_{};                    // to A, to B
  std::array<std::size_t, 2> taken_{};
  std::array<bool, 2> is_told_{};
};
}  // namespace natkit::test
