#pragma once
// One agent, and a peer played by the test: it says what it likes and reads what the agent sent.
#include <chrono>
#include <optional>
#include <vector>

#include "literals.hpp"
#include "natkit/ice/agent.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline constexpr SocketId base{1};

class Solo {
 public:
  explicit Solo(ice::Role role = ice::Role::controlling, ice::Agent::Config config = {})
      : agent(filled(role, config), rng_) {
    add_base(base, own);
  }
  void add_base(SocketId socket, const Endpoint& where, ice::Manner manner = ice::Manner::fires) {
    agent.add_local(now,
                    {.candidate = ice::make_candidate(ice::Kind::host, ice::Transport::udp, where, {.base = where}),
                     .base = socket,
                     .manner = manner});
  }
  void add_remote(const Endpoint& where, ice::Kind kind = ice::Kind::server_reflexive) {
    agent.add_remote(now, ice::make_candidate(kind, ice::Transport::udp, where, {.base = "10.1.1.1:1"_ep}));
  }
  void know_remote(ice::Dialect dialect) { agent.set_remote(now, peer, dialect); }
  void begin(ice::Dialect dialect = ice::Dialect::natkit) {
    know_remote(dialect);
    agent.start(now);
  }

  /// Everything that is to be sent now.
  std::vector<Datagram> sent() {
    std::vector<Datagram> all;
    while (auto out = agent.poll_transmit()) all.push_back(std::move(*out));
    return all;
  }
  /// Of these the checks alone.
  std::vector<Datagram> checks() {
    auto all = sent();
    std::erase_if(all, [](const Datagram& out) {
      return stun::parse_message(out.payload)->message_class() != stun::MessageClass::request;
    });
    return all;
  }
  /// What is sent until then, with when, in milliseconds from now.
  std::vector<std::pair<double, Datagram>> run(Duration time) {
    std::vector<std::pair<double, Datagram>> all;
    const auto begin = now;
    const auto end = now + time;
    for (;;) {
      for (auto& out : sent()) all.emplace_back(to_ms(now - begin), std::move(out));
      const auto due = agent.poll_timeout();
      if (!due || *due > end) break;
      now = std::max(now, *due);
      agent.handle_timeout(now);
    }
    now = end;
    return all;
  }
  void pass(Duration time) { (void)run(time); }

  bool receive(const Endpoint& from, Bytes payload, SocketId socket = base) {
    return agent.handle_datagram(now, {.socket = socket, .local = own, .remote = from, .payload = std::move(payload)});
  }
  /// A check as the peer would send it.
  Bytes check(ice::Check check) {
    if (check.priority == 0) check.priority = 1845501695;
    return ice::write_check(stun::make_transaction_id(rng_), check, peer, agent.credentials());
  }
  Bytes check() { return check(plain()); }
  [[nodiscard]] ice::Check plain() const {
    return {.role = other(agent.role()), .tie_breaker = 5, .dialect = agent.dialect()};
  }
  /// The peer answers this check of the agent's.
  bool answer(const Datagram& check, const Endpoint& mapped = "203.0.113.1:40000"_ep) {
    const auto id = stun::parse_message(check.payload)->transaction_id();
    return receive(check.remote, ice::write_success(id, mapped, peer.password, agent.dialect()), check.socket);
  }
  template <class Event>
  std::size_t count() {
    while (const auto event = agent.poll_event()) events.push_back(*event);
    std::size_t found = 0;
    for (const auto& event : events) found += std::holds_alternative<Event>(event) ? 1U : 0U;
    return found;
  }

 private:
  SeededRng rng_{1};

 public:
  Endpoint own = "192.168.1.10:5000"_ep;
  Instant now{1h};
  ice::Credentials peer{.ufrag = "peer", .password = "0123456789012345678901"};
  ice::Agent agent;
  std::vector<ice::Agent::Event> events;

 private:
  ice::Agent::Config filled(ice::Role role, ice::Agent::Config config) {
    config.role = role;
    config.local = ice::make_credentials(rng_);
    return config;
  }
};

inline std::optional<stun::Message> message_of(const Datagram& datagram) {
  const auto parsed = stun::parse_message(datagram.payload);
  return parsed ? std::optional{*parsed} : std::nullopt;
}
}  // namespace natkit::test
