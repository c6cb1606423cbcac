#pragma once
// A server that checks, and a host that asks it from behind a router, in virtual time: what the router does with the
// server's probes is the test's choice, and every UDP datagram may get lost.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <system_error>
#include <utility>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/portmap/outside_check.hpp"
#include "natkit/stun/service.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline Endpoint at(std::string_view text) { return parse_endpoint(text).value(); }

/// What the router does with what comes to the external port.
enum class Router { forwards, drops, refuses, sends_elsewhere };
/// Who holds the internal port.
enum class Holder { nobody, answers, is_silent };

inline const Endpoint server4 = at("192.0.2.1:3478");
inline const Endpoint server6 = at("[2001:db8:a::1]:3478");
inline const Endpoint internal4 = at("192.168.1.2:4000");
inline const Endpoint internal6 = at("[2001:db8:c::2]:4000");
inline const IpAddress external4 = at("203.0.113.7:1").address;

class OutsideWorld {
 public:
  struct Setting {
    Router router = Router::forwards;
    Holder holder = Holder::nobody;
    double loss = 0;
    Duration delay = 20ms;
    std::optional<stun::ReachabilityChecker::Config> checker{std::in_place};
    bool is_server_alive = true;
    IpAddress external = external4;  // as the server sees the host over IPv4
  };
  OutsideWorld(std::uint64_t seed, Setting setting)
      : setting_(std::move(setting)), rng_(seed), service_(listeners(), setting_.checker, rng_) {}

  std::vector<portmap::OutsideResult> run(const portmap::OutsideCheck::Config& config) {
    portmap::OutsideCheck check{config, rng_};
    check_ = &check;
    check.start(now_);
    drain();
    for (int steps = 0; steps < 100'000 && check.poll_timeout(); ++steps) step();
    is_finished = !check.poll_timeout();
    check_ = nullptr;
    return check.results();
  }

  /// Strangers' words at the internal port.
  void later(Duration after, std::function<void()> event) { events_.emplace(Key{now_ + after, events_made_++}, event); }
  portmap::OutsideCheck& check() { return *check_; }
  [[nodiscard]] Instant now() const { return now_; }

  bool is_finished = false;
  std::vector<Datagram> sent_by_host;
  std::vector<SocketChange> changes_of_host;
  unsigned probes_sent = 0;

 private:
  using Key = std::pair<Instant, std::uint64_t>;

  static stun::Responder::Config listeners() {
    stun::Responder::Config config;
    std::uint32_t socket = 0;
    for (const auto* place :
         {"192.0.2.1:3478", "192.0.2.1:3479", "198.51.100.1:3478", "198.51.100.1:3479", "[2001:db8:a::1]:3478",
          "[2001:db8:a::1]:3479", "[2001:db8:b::1]:3478", "[2001:db8:b::1]:3479"})
      config.listeners.push_back({.socket = SocketId{socket++}, .endpoint = at(place)});
    return config;
  }

  void step() {
    const auto due_of = [](std::optional<Instant> due) { return due.value_or(Instant::max()); };
    auto next = std::min(due_of(check_->poll_timeout()), due_of(service_.poll_timeout()));
    if (!events_.empty()) next = std::min(next, events_.begin()->first.first);
    now_ = std::max(now_, next);
    if (!events_.empty() && events_.begin()->first.first <= now_) {
      const auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      event();
    } else {
      if (due_of(check_->poll_timeout()) <= now_) check_->handle_timeout(now_);
      if (due_of(service_.poll_timeout()) <= now_) service_.handle_timeout(now_);
    }
    drain();
  }

  void drain() {
    while (auto change = check_->poll_socket()) grant_host(*change);
    while (auto out = check_->poll_transmit()) from_host(std::move(*out));
    while (auto change = service_.poll_socket()) grant_server(*change);
    while (auto out = service_.poll_transmit()) from_server(std::move(*out));
  }

  void grant_host(const SocketChange& change) {
    changes_of_host.push_back(change);
    const auto* wish = std::get_if<SocketWish>(&change);
    if (wish == nullptr) return;
    const bool is_taken = wish->local.port != 0 && setting_.holder != Holder::nobody;
    if (is_taken)
      return check_->handle_socket_failure(now_, wish->socket,
                                           std::make_error_code(std::errc::address_in_use).message());
    if (wish->local.port != 0) listening_[wish->local.address.family()] = wish->socket;
    check_->handle_socket_opened(now_, wish->socket, wish->local);
  }

  void grant_server(const SocketChange& change) {
    const auto* wish = std::get_if<SocketWish>(&change);
    if (wish == nullptr) return;
    const Endpoint local{wish->local.address, static_cast<std::uint16_t>(50000 + fresh_.size() % 10000)};
    fresh_[wish->socket] = local;
    service_.handle_socket_opened(now_, wish->socket, local);
  }

  [[nodiscard]] bool is_lost() { return rng_.chance(setting_.loss); }

  // IPv4 is translated, IPv6 is not.
  [[nodiscard]] Endpoint outside_of(const Datagram& out) const {
    const auto port = static_cast<std::uint16_t>(40000 + static_cast<std::uint32_t>(out.socket));
    return {out.remote.address.is_v4() ? setting_.external : internal6.address, port};
  }

  void from_host(Datagram out) {
    sent_by_host.push_back(out);
    const bool is_known = out.remote == server4 || out.remote == server6;
    if (!is_known || !setting_.is_server_alive || is_lost()) return;
    later(setting_.delay, [this, out] {
      service_.handle_datagram(now_, {.socket = SocketId{out.remote == server4 ? 0U : 4U},
                                      .local = out.remote,
                                      .remote = outside_of(out),
                                      .payload = out.payload});
    });
  }

  void from_server(Datagram out) {
    if (fresh_.contains(out.socket)) {
      ++probes_sent;
      if (out.protocol == Protocol::tcp) return connect(out, /*tried=*/0);
      if (!is_lost()) later(setting_.delay, [this, out] { probe_by_udp(out); });
      return;
    }
    if (is_lost()) return;
    later(setting_.delay, [this, out] {
      check_->handle_datagram(now_, {.socket = SocketId{out.remote.port - 40000U},
                                     .remote = out.remote.address.is_v4() ? server4 : server6,
                                     .payload = out.payload});
    });
  }

  [[nodiscard]] std::optional<SocketId> listener(const Datagram& probe) const {
    const auto found = listening_.find(probe.remote.address.family());
    return found == listening_.end() ? std::nullopt : std::optional{found->second};
  }

  void probe_by_udp(const Datagram& probe) {
    const bool is_forwarded = setting_.router == Router::forwards;
    if (is_forwarded && listener(probe)) return arrive(probe);
    const bool is_answered =
        (is_forwarded && setting_.holder == Holder::answers) || setting_.router == Router::sends_elsewhere;
    if (!is_answered || is_lost()) return;
    later(setting_.delay, [this, probe] {
      service_.handle_datagram(now_, {.socket = probe.socket, .remote = probe.remote, .payload = {1, 2, 3}});
    });
  }

  void arrive(const Datagram& probe) {
    check_->handle_datagram(now_, {.socket = *listener(probe),
                                   .protocol = probe.protocol,
                                   .remote = fresh_.at(probe.socket),
                                   .payload = probe.payload});
  }

  // A SYN, and another one second later; and what has been accepted gets through, late where something is lost.
  void connect(const Datagram& probe, int tried) {
    const bool is_forwarded = setting_.router == Router::forwards;
    const bool is_accepted = (is_forwarded && (listener(probe) || setting_.holder == Holder::answers)) ||
                             setting_.router == Router::sends_elsewhere;
    const bool is_refused = setting_.router == Router::refuses || (is_forwarded && !is_accepted);
    if (tried == 0) later(1s, [this, probe] { connect(probe, 1); });
    if ((!is_accepted && !is_refused) || is_lost() || is_lost()) return;
    later(2 * setting_.delay, [this, probe, is_accepted, is_forwarded] {
      if (is_accepted)
        service_.handle_connected(now_, probe.socket, probe.remote);
      else
        service_.handle_send_failure(now_, probe, std::make_error_code(std::errc::connection_refused).message());
      if (!is_forwarded || !listener(probe)) return;
      Duration way = setting_.delay;
      while (is_lost()) way += 200ms;
      later(way, [this, probe] { arrive(probe); });
    });
  }

  Setting setting_;
  SeededRng rng_;
  stun::Service service_;
  portmap::OutsideCheck* check_ = nullptr;
  Instant now_{1h};
  std::map<Key, std::function<void()>> events_;
  std::uint64_t events_made_ = 0;
  std::map<SocketId, Endpoint> fresh_;
  std::map<Family, SocketId> listening_;
};
}  // namespace natkit::test
