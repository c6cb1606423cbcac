#pragma once
// A simulated internet for nat-probe: our server on two addresses, and whatever stands between it and the host.
#include <chrono>
#include <string>
#include <utility>

#include "natkit/probe/classifier.hpp"
#include "natkit/probe/probe.hpp"
#include "natkit/sim/network.hpp"
#include "natkit/stun/service.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline constexpr std::uint16_t port1 = 3478;
inline constexpr std::uint16_t port2 = 3479;

inline IpAddress address(const char* text) { return *parse_ip_address(text); }

/// How complete the server is. A foreign one has two addresses, too, but knows nothing of our extensions.
enum class Server { two_addresses, two_ports, one_port, foreign };

/// Our responder as a program of somebody else: RFC 5780, without receipts.
class Foreign {
 public:
  explicit Foreign(stun::Service& responder) : responder_(responder) {}
  void start(Instant now) { responder_.start(now); }
  void handle_timeout(Instant now) { responder_.handle_timeout(now); }
  void handle_datagram(Instant now, Datagram in) {
    const auto request = stun::parse_message(in.payload);
    if (!request) return;
    stun::MessageWriter writer{stun::MessageClass::request, stun::Method::binding, request->transaction_id()};
    if (const auto change = request->find(stun::AttributeType::change_request))
      writer.add(stun::AttributeType::change_request, *change);
    in.payload = writer.finish();
    responder_.handle_datagram(now, in);
  }
  std::optional<Datagram> poll_transmit() { return responder_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return responder_.poll_timeout(); }

 private:
  stun::Service& responder_;
};

class World {
 public:
  explicit World(std::uint64_t seed, Server kind = Server::two_addresses, Family family = Family::ipv4)
      : net{seed},
        first{address(family == Family::ipv4 ? "198.51.100.1" : "2001:db8:1::1")},
        second{address(family == Family::ipv4 ? "198.51.100.2" : "2001:db8:1::2")},
        service{responder_config(kind), checker_config(kind), net.rng()},
        host{net.add_host({.addresses = {first, second}})} {
    std::vector<sim::Binding> bindings;
    for (const auto& listener : responder_config(kind).listeners)
      bindings.push_back({.socket = listener.socket, .local = listener.endpoint, .protocol = listener.protocol});
    if (kind == Server::foreign) {
      host.attach(foreign, bindings);
    } else {
      host.attach(service, bindings);
    }
  }

  /// Runs nat-probe on a host once and returns its report.
  probe::Report measure(sim::Host& from, const probe::Timing& timing = {}) {
    probe::Probe machine{{.servers = {{.name = "server", .address = {first, port1}}}, .timing = timing}, net.rng()};
    net.run(machine, from);
    trace = machine.trace();
    return probe::classify(trace);
  }

  sim::Network net;
  IpAddress first;
  IpAddress second;
  stun::Service service;
  Foreign foreign{service};
  sim::Host& host;
  probe::Trace trace{};  ///< of the last run

 private:
  static std::optional<stun::ReachabilityChecker::Config> checker_config(Server kind) {
    if (kind == Server::foreign) return std::nullopt;
    return stun::ReachabilityChecker::Config{};
  }

  stun::Responder::Config responder_config(Server kind) const {
    stun::Responder::Config config{.listeners = {{.socket = SocketId{0}, .endpoint = {first, port1}}}};
    if (kind != Server::one_port) config.listeners.push_back({.socket = SocketId{1}, .endpoint = {first, port2}});
    if (kind == Server::two_addresses || kind == Server::foreign) {
      config.listeners.push_back({.socket = SocketId{2}, .endpoint = {second, port1}});
      config.listeners.push_back({.socket = SocketId{3}, .endpoint = {second, port2}});
    }
    // Over TCP, too, on all of them; a foreign program over UDP only.
    const auto over_udp = config.listeners;
    for (const auto& listener : over_udp)
      if (kind != Server::foreign)
        config.listeners.push_back({.socket = SocketId{std::to_underlying(listener.socket) + 4},
                                    .endpoint = listener.endpoint,
                                    .protocol = Protocol::tcp});
    // A foreign program does not weigh its answers against bare requests.
    if (kind == Server::foreign)
      config.allowance_per_address = config.allowance_for_all = {.burst = 1e6, .per_second = 1e6};
    return config;
  }
};
}  // namespace natkit::test
