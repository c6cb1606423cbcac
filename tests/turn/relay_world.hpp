#pragma once
// Our client and our relay against each other in virtual time, on a network that loses, doubles and overtakes.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "literals.hpp"
#include "natkit/sim/network.hpp"
#include "natkit/turn/client.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

/// A client and the person before it: does at its time what it was told beforehand, and keeps what comes.
class RelayUser {
 public:
  using Action = std::function<void(turn::Client&, Instant)>;
  RelayUser(turn::Client::Config config, Rng& rng) : client(std::move(config), rng) {}

  void at(Instant when, Action action) { actions_.emplace(when, std::move(action)); }
  void start(Instant now) { client.start(now); }
  void handle_datagram(Instant now, const Datagram& in) {
    if (client.owns(in)) client.handle_datagram(now, in);
    while (auto got = client.poll_received()) received.emplace_back(now, std::move(*got));
  }
  void handle_timeout(Instant now) {
    while (!actions_.empty() && actions_.begin()->first <= now) {
      const auto action = actions_.extract(actions_.begin());
      action.mapped()(client, now);
    }
    if (client.poll_timeout() && *client.poll_timeout() <= now) client.handle_timeout(now);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    client.handle_send_failure(now, lost, why);
  }
  std::optional<Datagram> poll_transmit() { return client.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    auto next = client.poll_timeout();
    if (!actions_.empty()) next = next ? std::min(*next, actions_.begin()->first) : actions_.begin()->first;
    return next;
  }

  turn::Client client;
  std::vector<std::pair<Instant, turn::Client::Received>> received;

 private:
  std::multimap<Instant, Action> actions_;
};
static_assert(SansIo<RelayUser> && HearsSendFailure<RelayUser>);

/// Sends back what it gets.
class EchoPeer {
 public:
  void start(Instant) {}
  void handle_datagram(Instant, const Datagram& in) {
    ++heard;
    out_.push_back({.socket = in.socket, .remote = in.remote, .payload = in.payload});
  }
  void handle_timeout(Instant) {}
  std::optional<Datagram> poll_transmit() {
    if (out_.empty()) return std::nullopt;
    auto next = std::move(out_.front());
    out_.pop_front();
    return next;
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return std::nullopt; }
  int heard = 0;

 private:
  std::deque<Datagram> out_;
};
static_assert(SansIo<EchoPeer>);

class RelayWorld {
 public:
  static constexpr turn::UnixTime today{std::chrono::seconds{1'800'000'000}};

  explicit RelayWorld(std::uint64_t seed, sim::LinkConfig link = {.delay = 10ms})
      : net(seed), link_(link), relay(config(), net.rng()) {
    auto& server = net.add_host({.addresses = {"198.51.100.1"_ip, "2001:db8::1"_ip}});
    relay.tell_time(net.now(), today);
    const SocketId four{1};
    const SocketId six{2};
    server.attach(relay, {{four, "198.51.100.1:3478"_ep},
                          {four, "198.51.100.1:3478"_ep, Protocol::tcp},
                          {six, "[2001:db8::1]:3478"_ep},
                          {six, "[2001:db8::1]:3478"_ep, Protocol::tcp}});
  }

  static turn::Relay::Config config() {
    turn::Relay::Config config;
    config.gate.secrets = {"north"};
    config.addresses = {{"198.51.100.1"_ip, "198.51.100.1"_ip}, {"2001:db8::1"_ip, "2001:db8::1"_ip}};
    return config;
  }
  /// A user that has not begun yet.
  RelayUser& add_user(std::string_view name, turn::Client::Config config = {}) {
    config.credentials = turn::make_rest_credentials("north", today + 24h, name);
    if (config.server.endpoint.port == 0) config.server.endpoint = "198.51.100.1:3478"_ep;
    return *users_.emplace_back(std::make_unique<RelayUser>(std::move(config), net.rng()));
  }
  /// Begins, behind a NAT whose mapping and filtering are the strictest.
  void begin(RelayUser& user) {
    auto& home = net.add_nat(
        {.mapping = Behavior::address_and_port_dependent, .filtering = Behavior::address_and_port_dependent});
    home.set_link(link_);
    net.add_host(home).attach(user);
  }
  /// In its place, knowing nobody.
  void restart_relay() {
    std::destroy_at(&relay);
    std::construct_at(&relay, config(), net.rng());
    relay.tell_time(net.now(), today);
  }
  Endpoint add_echo(const IpAddress& address) {
    auto& host = net.add_host({.addresses = {address}, .link = link_});
    host.attach(echo, {{SocketId{1}, {address, 4000}}});
    return {address, 4000};
  }

  sim::Network net;
  EchoPeer echo;

 private:
  sim::LinkConfig link_;
  std::vector<std::unique_ptr<RelayUser>> users_;

 public:
  turn::Relay relay;
};
}  // namespace natkit::test
