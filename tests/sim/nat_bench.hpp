#pragma once
// One NAT on a bench: the addresses around it, and the two things one does to it.
#include <optional>
#include <utility>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/sim/nat.hpp"

namespace natkit::test {
inline constexpr Instant start{std::chrono::seconds{1}};
inline const Endpoint inside = "10.1.0.2:40000"_ep;
inline const Endpoint other_host = "10.1.0.3:40000"_ep;
inline const Endpoint server = "198.51.100.1:3478"_ep;
inline const Endpoint server_port2 = "198.51.100.1:3479"_ep;
inline const Endpoint server_ip2 = "198.51.100.2:3478"_ep;
inline const Endpoint server_ip2_port2 = "198.51.100.2:3479"_ep;
inline const IpAddress external = "203.0.113.1"_ip;

class NatBench {
 public:
  explicit NatBench(sim::NatConfig config = {}, std::uint64_t seed = 1)
      : rng_(seed), nat_(with_address(std::move(config)), rng_) {}

  sim::Outcome from_inside(const sim::Packet& packet, Instant at = start) { return nat_.from_inside(at, packet); }
  sim::Outcome from_outside(const sim::Packet& packet, Instant at = start) { return nat_.from_outside(at, packet); }

  /// Whom the outside sees when `from` sends to `to`; nothing when the packet does not get out.
  std::optional<Endpoint> out(const Endpoint& from, const Endpoint& to, Instant at = start,
                              Protocol protocol = Protocol::udp) {
    const auto outcome = from_inside({.protocol = protocol, .source = from, .destination = to}, at);
    if (outcome.verdict != sim::Verdict::forwarded) return std::nullopt;
    return outcome.packet.source;
  }
  /// Whom inside a packet reaches; nothing when it does not get in.
  std::optional<Endpoint> in(const Endpoint& from, const Endpoint& to, Instant at = start,
                             Protocol protocol = Protocol::udp) {
    const auto outcome = from_outside({.protocol = protocol, .source = from, .destination = to}, at);
    if (outcome.verdict != sim::Verdict::forwarded) return std::nullopt;
    return outcome.packet.destination;
  }
  const sim::Nat& nat() const { return nat_; }

 private:
  static sim::NatConfig with_address(sim::NatConfig config) {
    if (config.external_addresses.empty()) config.external_addresses = {external};
    return config;
  }
  SeededRng rng_;
  sim::Nat nat_;
};

/// The same host's n-th socket.
inline Endpoint socket_of(const Endpoint& host, int n) {
  return {host.address, static_cast<std::uint16_t>(host.port + n)};
}
}  // namespace natkit::test
