#pragma once
/// A network in virtual time: hosts behind NATs and firewalls on links with delay and loss, and the machines that run
/// on the hosts. Everything comes from the seed: the same calls on a network with the same seed give the same packets.
///
///   sim::Network net{/*seed=*/1};
///   auto& server = net.add_host({.addresses = {one, two}});
///   server.attach(responder, {{SocketId{0}, {one, 3478}}, {SocketId{1}, {two, 3478}}});
///   auto& home = net.add_nat({.filtering = Behavior::address_dependent});
///   home.set_link({.delay = 25ms, .loss = 0.01});
///   net.run(probe, home);
///
/// Way of a packet: up through the gateways, each of which spends one hop and may translate, until one has the
/// destination inside; then down again. Hosts under one gateway reach each other without it, as on a switch; between
/// any two networks of the internet lie `internet_hops` routers. A packet whose hop limit runs out dies before it is
/// translated, and an ICMP error goes back.
///
/// Addresses that are not given are assigned: 203.0.113.0/24 to gateways and 198.51.100.0/24 to hosts on the internet
/// (when those are used up, both from 198.18.0.0/15), 10.x.y.0/24 behind a NAT. IPv6 addresses must be given. A home
/// with both families is a NAT, which passes IPv6 untouched, inside a firewall with `.family = Family::ipv6`.
#include <cstdint>
#include <deque>

#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/sim/event_queue.hpp"
#include "natkit/sim/host.hpp"
#include "natkit/sim/node.hpp"
#include "natkit/sim/packet_log.hpp"

namespace natkit::sim {
/// Two, as in the lab: so a packet with a low hop limit can leave the sender's NAT and die before the receiver's.
inline constexpr std::uint8_t internet_hops = 2;

/// What ends a run before its machine is finished.
struct RunLimits {
  Duration time = std::chrono::hours{1};  ///< virtual
  std::uint64_t events = 1'000'000;       ///< arrivals and timeouts: a machine that spins ends here
};
enum class RunEnd : std::uint8_t { finished, out_of_time, out_of_events };

class Network {
 public:
  explicit Network(std::uint64_t seed);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() = default;

  /// Nodes live as long as the network. Without a parent they stand on the internet.
  Gateway& add_nat(NatConfig config = {}) { return add_nat(std::move(config), internet()); }
  Gateway& add_nat(NatConfig config, Gateway& parent);
  Gateway& add_firewall(const FirewallConfig& config = {}) { return add_firewall(config, internet()); }
  Gateway& add_firewall(FirewallConfig config, Gateway& parent);
  Gateway& add_router() { return add_router(internet()); }
  Gateway& add_router(Gateway& parent);
  Host& add_host(HostConfig config = {}) { return add_host(std::move(config), internet()); }
  Host& add_host(HostConfig config, Gateway& parent);
  Host& add_host(Gateway& parent) { return add_host({}, parent); }
  [[nodiscard]] Gateway& internet() { return gateways_.front(); }

  /// Runs a client machine on a host until it waits for nothing more, then lets go of it. Everything else in the
  /// network goes on meanwhile; what is still on its way stays so.
  RunEnd run(MachineRef machine, Host& host, const RunLimits& limits = {});
  /// The same on a new host behind `home`.
  RunEnd run(MachineRef machine, Gateway& home, const RunLimits& limits = {});
  /// Lets virtual time pass, for all attached machines.
  RunEnd run_until(Instant end, std::uint64_t events = RunLimits{}.events);
  RunEnd run_for(Duration time) { return run_until(now_ + time); }
  /// Until no packet is on its way and no machine waits for anything.
  RunEnd run_until_idle(const RunLimits& limits = {});

  [[nodiscard]] Instant now() const { return now_; }
  /// The chance of everything in the network; machines may share it.
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  /// `packets().keep(n)` starts recording.
  [[nodiscard]] PacketLog& packets() { return packets_; }

 private:
  [[nodiscard]] NodeId next_id() const { return NodeId{static_cast<std::uint32_t>(gateways_.size() + hosts_.size())}; }

  [[nodiscard]] std::optional<Instant> next_time() const;
  void step(Instant at);
  void flush(Host& host);
  void flush_all();

  void send_up(Node& from, Packet packet);
  void send_down(Node& to, Packet packet);
  void travel(const LinkConfig& link, Node& to, Side side, Packet packet);
  void arrive(Node& node, Side side, Packet packet);
  void arrive_inside(Gateway& gateway, Packet packet);
  void arrive_outside(Gateway& gateway, Packet packet);
  void tell_too_big(Gateway& gateway, const Packet& packet);
  void expire_inside(Gateway& gateway, const Packet& packet);

  std::uint64_t seed_;
  SeededRng rng_;
  Instant now_{std::chrono::hours{1}};  // not zero, so that a machine cannot mistake an unset instant for a past one
  std::deque<Gateway> gateways_;        // deques, because nodes are referred to
  std::deque<Host> hosts_;
  EventQueue queue_;
  PacketLog packets_;
};
}  // namespace natkit::sim
