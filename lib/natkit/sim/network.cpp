#include "natkit/sim/network.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace natkit::sim {
namespace {
constexpr std::uint32_t gateways_on_internet = 0xCB007100;  // 203.0.113.0/24, TEST-NET-3
constexpr std::uint32_t hosts_on_internet = 0xC6336400;     // 198.51.100.0/24, TEST-NET-2
constexpr std::uint32_t overflow_on_internet = 0xC6120000;  // 198.18.0.0/15, benchmarking (RFC 2544)
constexpr std::uint32_t backbone_router = 0xC0000201;       // 192.0.2.1, TEST-NET-1
constexpr std::uint32_t usable_in_24 = 254;

bool is_nat_of_ipv4(const Gateway& gateway) {
  return gateway.nat() && gateway.nat()->config().external_addresses.front().is_v4();
}

/// 10.x.y.0, where x and y number the NAT.
std::uint32_t subnet_inside(const Gateway& nat) {
  constexpr std::uint32_t ten = 10U << 24U;
  return ten + ((static_cast<std::uint32_t>(nat.id()) & 0xffffU) << 8U);
}

/// What ICMP errors towards the inside of a gateway come from.
IpAddress inside_address(const Gateway& gateway, Family family) {
  if (family == Family::ipv6) {
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff};  // documentation range (RFC 3849)
    bytes[14] = static_cast<std::uint8_t>(static_cast<std::uint32_t>(gateway.id()) >> 8U);
    bytes[15] = static_cast<std::uint8_t>(gateway.id());
    return IpAddress::v6(bytes);
  }
  if (is_nat_of_ipv4(gateway)) return IpAddress::v4(subnet_inside(gateway) + 1);
  return gateway.addresses().front();
}

bool is_too_big(const LinkConfig& link, const Packet& packet) {
  return packet.protocol == Protocol::udp && !packet.error && ip_bytes(packet) > link.mtu;
}

/// Whether the packet survives this many routers.
bool spend_hops(Packet& packet, std::uint8_t hops) {
  if (packet.hop_limit <= hops) return false;
  packet.hop_limit = static_cast<std::uint8_t>(packet.hop_limit - hops);
  return true;
}

Gateway& adopt(Gateway& gateway) {
  for (const auto& address : gateway.addresses()) gateway.parent()->add_route(address, gateway);
  return gateway;
}

enum class Role : std::uint8_t { host, gateway };

IpAddress assign_address(Gateway& parent, Role role) {
  Gateway* realm = &parent;  // where the address has to be unique
  while (realm->parent() && !is_nat_of_ipv4(*realm)) realm = realm->parent();
  const bool behind_nat = realm->parent() != nullptr;
  const auto free_in = [&](std::uint32_t first, std::uint32_t count) -> std::optional<IpAddress> {
    for (std::uint32_t i = 0; i < count; ++i)
      if (const auto address = IpAddress::v4(first + i); !realm->find_inside(address)) return address;
    return std::nullopt;
  };
  // Behind a NAT .1 is the gateway, and past .254 the numbers run on into what is another network elsewhere.
  if (behind_nat) return *free_in(subnet_inside(*realm) + 2, ~0U);
  const auto preferred = free_in((role == Role::gateway ? gateways_on_internet : hosts_on_internet) + 1, usable_in_24);
  return preferred ? *preferred : *free_in(overflow_on_internet + 1, ~0U);
}
}  // namespace

Network::Network(std::uint64_t seed) : seed_(seed), rng_(seed) {
  gateways_.emplace_back(NodeId{0}, nullptr, std::vector{IpAddress::v4(backbone_router)});
}

Gateway& Network::add_nat(NatConfig config, Gateway& parent) {
  if (config.external_addresses.empty()) config.external_addresses = {assign_address(parent, Role::gateway)};
  return adopt(gateways_.emplace_back(next_id(), &parent, config, rng_));
}

Gateway& Network::add_firewall(FirewallConfig config, Gateway& parent) {
  if (config.address.is_unspecified()) config.address = assign_address(parent, Role::gateway);
  return adopt(gateways_.emplace_back(next_id(), &parent, config));
}

Gateway& Network::add_router(Gateway& parent) {
  return adopt(gateways_.emplace_back(next_id(), &parent, std::vector{assign_address(parent, Role::gateway)}));
}

Host& Network::add_host(HostConfig config, Gateway& parent) {
  if (config.addresses.empty()) config.addresses = {assign_address(parent, Role::host)};
  auto& host = hosts_.emplace_back(next_id(), &parent, config, now_, rng_);
  for (const auto& address : host.addresses()) parent.add_route(address, host);
  return host;
}

RunEnd Network::run(MachineRef machine, Host& host, const RunLimits& limits) {
  flush_all();
  const Instant deadline = now_ + limits.time;
  host.attach(machine);
  flush(host);
  RunEnd end = RunEnd::finished;
  for (std::uint64_t events = 0; !host.last_is_finished(); ++events) {
    const auto next = next_time();  // there is one: the machine's own timeout
    if (events >= limits.events) end = RunEnd::out_of_events;
    if (*next > deadline) end = RunEnd::out_of_time;
    if (end != RunEnd::finished) break;
    step(*next);
  }
  host.detach_last();
  return end;
}

RunEnd Network::run(MachineRef machine, Gateway& home, const RunLimits& limits) {
  return run(machine, add_host(home), limits);
}

RunEnd Network::run_until(Instant end, std::uint64_t events) {
  flush_all();
  for (;; --events) {
    const auto next = next_time();
    if (!next || *next > end) break;
    if (events == 0) return RunEnd::out_of_events;
    step(*next);
  }
  now_ = std::max(now_, end);
  return RunEnd::finished;
}

RunEnd Network::run_until_idle(const RunLimits& limits) {
  flush_all();
  const Instant deadline = now_ + limits.time;
  for (std::uint64_t events = 0;; ++events) {
    const auto next = next_time();
    if (!next) return RunEnd::finished;
    if (events >= limits.events) return RunEnd::out_of_events;
    if (*next > deadline) return RunEnd::out_of_time;
    step(*next);
  }
}

/// When something happens next, but never in the past: a timeout that a machine set too early is due at once.
std::optional<Instant> Network::next_time() const {
  auto next = queue_.next_time();
  for (const auto& host : hosts_)
    if (const auto timeout = host.poll_timeout(); timeout && (!next || *timeout < *next)) next = timeout;
  if (next) next = std::max(*next, now_);
  return next;
}

/// Packets first: what arrives at the very instant of a timeout is in time.
void Network::step(Instant at) {
  now_ = at;
  if (const auto arrival = queue_.next_time(); arrival && *arrival <= at) {
    auto [node, side, packet] = queue_.pop();
    return arrive(*node, side, std::move(packet));
  }
  for (auto& host : hosts_) {
    if (const auto timeout = host.poll_timeout(); !timeout || *timeout > at) continue;
    host.handle_timeout();
    flush(host);
    return;
  }
}

void Network::flush(Host& host) {
  while (auto packet = host.poll_packet()) send_up(host, std::move(*packet));
}

void Network::flush_all() {
  for (auto& host : hosts_) flush(host);
}

void Network::send_up(Node& from, Packet packet) {
  packets_.note(now_, from.id(), packet);
  if (from.parent()) travel(from.up(), *from.parent(), Side::inside, std::move(packet));
}

void Network::send_down(Node& to, Packet packet) { travel(to.down(), to, Side::outside, std::move(packet)); }

void Network::travel(const LinkConfig& link, Node& to, Side side, Packet packet) {
  if (is_too_big(link, packet) && (packet.must_stay_whole || link.fragments == LinkConfig::Fragments::lost)) return;
  // What TCP's retransmissions hide is not simulated: its segments only take their time.
  const LinkConfig quiet{.delay = link.delay};
  const auto arrivals = draw_arrivals(packet.protocol == Protocol::tcp ? quiet : link, rng_);
  if (arrivals.size() > 1) queue_.push(now_ + *std::prev(arrivals.end()), {&to, side, packet});
  if (arrivals.size() == 0) return;
  // A wire without delay leads a packet straight on, which halves the events. Not into a host, though: its machine may
  // be the one that is just sending, and nothing re-enters a machine.
  const Duration offset = *arrivals.begin();
  if (offset == Duration::zero() && to.kind() == Node::Kind::gateway) return arrive(to, side, std::move(packet));
  queue_.push(now_ + offset, {&to, side, std::move(packet)});
}

void Network::arrive(Node& node, Side side, Packet packet) {
  if (side == Side::inside) return arrive_inside(static_cast<Gateway&>(node), std::move(packet));
  packets_.note(now_, node.id(), packet);
  if (node.kind() == Node::Kind::gateway) return arrive_outside(static_cast<Gateway&>(node), std::move(packet));
  auto& host = static_cast<Host&>(node);
  host.handle_packet(packet);
  flush(host);
}

void Network::arrive_inside(Gateway& gateway, Packet packet) {
  const bool is_internet = gateway.parent() == nullptr;
  if (auto* child = gateway.find_inside(packet.destination.address)) {
    if (is_internet && !spend_hops(packet, internet_hops)) return expire_inside(gateway, packet);
    return send_down(*child, std::move(packet));
  }
  if (is_internet) return;  // nobody has the address
  if (!spend_hops(packet, 1)) return expire_inside(gateway, packet);
  if (is_too_big(gateway.up(), packet) && packet.must_stay_whole) return tell_too_big(gateway, packet);
  auto outcome = gateway.from_inside(now_, std::move(packet));
  if (outcome.verdict == Verdict::dropped) return;
  if (outcome.verdict == Verdict::forwarded) return send_up(gateway, std::move(outcome.packet));
  if (auto* child = gateway.find_inside(outcome.packet.destination.address))
    send_down(*child, std::move(outcome.packet));
}

void Network::arrive_outside(Gateway& gateway, Packet packet) {
  const Packet cause{.protocol = packet.protocol, .source = packet.source, .destination = packet.destination};
  const bool is_error = packet.error.has_value();
  auto outcome = gateway.from_outside(now_, std::move(packet));
  if (outcome.verdict == Verdict::rejected) return send_up(gateway, std::move(outcome.packet));
  if (outcome.verdict != Verdict::forwarded) return;
  auto* child = gateway.find_inside(outcome.packet.destination.address);
  if (!child) return;
  if (spend_hops(outcome.packet, 1)) return send_down(*child, std::move(outcome.packet));
  if (!is_error) send_up(gateway, make_error(IcmpKind::time_exceeded, cause.destination.address, cause));
}

/// Before it is translated, so that the error needs no way back through the NAT.
void Network::tell_too_big(Gateway& gateway, const Packet& packet) {
  auto* child = gateway.find_inside(packet.source.address);
  if (!child || gateway.up().too_big == LinkConfig::TooBig::dropped_silently) return;
  auto error = make_error(IcmpKind::too_big, inside_address(gateway, packet.source.address.family()), packet);
  error.error->mtu = gateway.up().mtu;
  send_down(*child, std::move(error));
}

void Network::expire_inside(Gateway& gateway, const Packet& packet) {
  if (packet.error) return;
  const auto reporter = inside_address(gateway, packet.source.address.family());
  if (auto* child = gateway.find_inside(packet.source.address))
    send_down(*child, make_error(IcmpKind::time_exceeded, reporter, packet));
}
}  // namespace natkit::sim
