#include "natkit/sim/nat.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace natkit::sim {
Nat::Nat(NatConfig config, Rng& rng) : config_(std::move(config)), chooser_(config_, rng) {}

bool Nat::owns(const IpAddress& address) const {
  return std::ranges::find(config_.external_addresses, address) != config_.external_addresses.end();
}

bool Nat::translates(const Packet& packet) const {
  return packet.destination.address.family() == config_.external_addresses.front().family();
}

Outcome Nat::from_inside(Instant now, Packet packet) {
  if (!translates(packet)) return {Verdict::forwarded, std::move(packet)};
  if (packet.error) return error_from_inside(now, std::move(packet));
  if (owns(packet.destination.address)) return hairpin(now, std::move(packet));
  Mapping* mapping = mapping_for(now, packet);
  if (!mapping) return {Verdict::dropped, std::move(packet)};
  packet.source = mapping->external;
  return {Verdict::forwarded, std::move(packet)};
}

Outcome Nat::from_outside(Instant now, Packet packet) {
  if (!translates(packet)) return {Verdict::forwarded, std::move(packet)};
  if (packet.error) return error_from_outside(now, std::move(packet));
  if (!owns(packet.destination.address)) return {Verdict::dropped, std::move(packet)};
  Mapping* mapping = mapping_towards(now, {packet.protocol, packet.destination}, packet.source, Filter::apply);
  if (!mapping) return refuse(now, std::move(packet));
  note_inbound(now, *mapping, packet.source);
  packet.destination = mapping->inside;
  return {Verdict::forwarded, std::move(packet)};
}

/// The mapping for a packet from the inside, made if need be, with the packet's destination noted.
Mapping* Nat::mapping_for(Instant now, const Packet& packet) {
  const TransportKey inside{packet.protocol, packet.source};
  Mapping* mapping = table_.find(now, inside, scope_of(config_.mapping, packet.destination));
  if (!mapping) mapping = create_mapping(now, inside, packet.destination);
  if (mapping) note_outbound(now, *mapping, packet.destination);
  return mapping;
}

Mapping* Nat::create_mapping(Instant now, const TransportKey& inside, const Endpoint& destination) {
  if (!has_room(now, inside.endpoint.address)) return nullptr;
  const auto external = choose_external(now, inside, destination);
  if (!external) return nullptr;
  Mapping mapping{.protocol = inside.protocol,
                  .inside = inside.endpoint,
                  .external = *external,
                  .scope = scope_of(config_.mapping, destination),
                  .made = uses_};
  mapping.expires = now + lifetime(mapping);
  return &table_.add(std::move(mapping));
}

bool Nat::has_room(Instant now, const IpAddress& host) {
  const auto fits = [&] {
    return table_.size() < config_.table_size &&
           (!config_.mappings_per_host || table_.count_of(host) < *config_.mappings_per_host);
  };
  if (fits()) return true;
  table_.purge(now);
  return fits();
}

std::optional<Endpoint> Nat::choose_external(Instant now, const TransportKey& inside, const Endpoint& destination) {
  std::vector<IpAddress> used;
  if (config_.pooling == AddressPooling::arbitrary)
    table_.for_inside(now, inside, [&](const Mapping& mapping) { used.push_back(mapping.external.address); });
  const IpAddress address = chooser_.choose_address(inside.endpoint, used);
  if (const auto kept = newest_port(now, inside, address, destination)) return Endpoint{address, *kept};
  const auto choose = [&] {
    return chooser_.choose_port(inside.endpoint, address, [&](std::uint16_t port) {
      return is_free(now, {inside.protocol, {address, port}}, destination);
    });
  };
  auto port = choose();
  if (!port && config_.allocation == PortAllocation::block) {
    table_.purge(now);
    chooser_.release_blocks([&](const IpAddress& host) { return table_.count_of(host) == 0; });
    port = choose();
  }
  if (!port) return std::nullopt;
  return Endpoint{address, *port};
}

/// Linux' NAT gives a new flow the port that the socket's newest flow has, as long as that makes a tuple nobody has. So
/// a socket that once had to take another port takes it along to everybody new.
std::optional<std::uint16_t> Nat::newest_port(Instant now, const TransportKey& inside, const IpAddress& address,
                                              const Endpoint& destination) {
  const auto port_inside = inside.endpoint.port;
  if (config_.allocation != PortAllocation::preserving_with_overload || port_inside < config_.first_port ||
      port_inside > config_.last_port)
    return std::nullopt;
  std::optional<std::uint16_t> port;
  std::uint64_t newest = 0;
  table_.for_inside(now, inside, [&](const Mapping& mapping) {
    if (mapping.external.address != address || mapping.made < newest) return;
    newest = mapping.made;
    port = mapping.external.port;
  });
  if (port && !is_free(now, {inside.protocol, {address, *port}}, destination)) port.reset();
  return port;
}

/// Whether a new mapping towards `destination` may have this external endpoint.
bool Nat::is_free(Instant now, const TransportKey& external, const Endpoint& destination) {
  if (tracked_.contains(now, external.protocol, external.endpoint, destination)) return false;
  const bool overload = config_.allocation == PortAllocation::preserving_with_overload;
  bool free = true;
  table_.for_external(now, external, [&](const Mapping& other) {
    // Overloaded ports stay apart by what the mapping depends on; under endpoint-independent mapping that is nothing,
    // so there the first destination decides, and later collisions are the weakness that R3 forbids overloading for.
    const bool distinct = config_.mapping == Behavior::endpoint_independent
                              ? !other.contacts.contains(now, destination)
                              : other.scope != scope_of(config_.mapping, destination);
    if (!overload || !distinct) free = false;
  });
  return free;
}

Duration Nat::lifetime(const Mapping& mapping) const {
  if (mapping.protocol == Protocol::tcp) return config_.tcp_lifetime;
  if (mapping.traffic == Mapping::Traffic::outbound)
    return config_.unreplied_lifetime.value_or(config_.mapping_lifetime);
  return config_.mapping_lifetime;
}

void Nat::note_outbound(Instant now, Mapping& mapping, const Endpoint& destination) {
  const Duration life = lifetime(mapping);
  mapping.expires = now + life;
  mapping.last_used = ++uses_;
  mapping.contacts.note(now, destination, now + config_.filter_lifetime.value_or(life));
}

void Nat::note_inbound(Instant now, Mapping& mapping, const Endpoint& remote) {
  mapping.traffic = Mapping::Traffic::both_ways;
  if (config_.refresh == Refresh::outbound) return;
  const Duration life = lifetime(mapping);
  mapping.expires = now + life;
  mapping.contacts.refresh(now, remote, now + config_.filter_lifetime.value_or(life));
}

/// The mapping that a packet from `remote` to `external` belongs to: of those that let it in, the one that has sent to
/// just this remote, else the one used last.
Mapping* Nat::mapping_towards(Instant now, const TransportKey& external, const Endpoint& remote, Filter filter) {
  Mapping* best = nullptr;
  bool best_is_exact = false;
  table_.for_external(now, external, [&](Mapping& mapping) {
    if (filter == Filter::apply && !mapping.contacts.permits(now, config_.filtering, remote)) return;
    const bool exact = mapping.contacts.contains(now, remote);
    if (best && (best_is_exact != exact ? best_is_exact : best->last_used > mapping.last_used)) return;
    best = &mapping;
    best_is_exact = exact;
  });
  return best;
}

Outcome Nat::refuse(Instant now, Packet packet) {
  if (config_.unsolicited == Unsolicited::drop) return {Verdict::dropped, std::move(packet)};
  if (config_.unsolicited == Unsolicited::accept)
    tracked_.note(now, packet.protocol, packet.destination, packet.source, now + config_.tracked_lifetime,
                  config_.table_size);
  return {Verdict::rejected, make_error(IcmpKind::port_unreachable, packet.destination.address, packet)};
}

Outcome Nat::hairpin(Instant now, Packet packet) {
  const TransportKey external{packet.protocol, packet.destination};
  const bool internal_source = config_.hairpin == Hairpin::with_internal_source;
  Endpoint source = packet.source;
  if (config_.hairpin == Hairpin::with_external_source) {
    const Mapping* sender = mapping_for(now, packet);
    if (!sender) return {Verdict::dropped, std::move(packet)};
    source = sender->external;
  }
  Mapping* receiver = config_.hairpin == Hairpin::none
                          ? nullptr
                          : mapping_towards(now, external, source, internal_source ? Filter::skip : Filter::apply);
  if (!receiver) {  // from the inside nothing is kept, so that a NAT cannot be turned against its own hosts
    if (config_.unsolicited == Unsolicited::drop) return {Verdict::dropped, std::move(packet)};
    return {Verdict::rejected, make_error(IcmpKind::port_unreachable, packet.destination.address, packet)};
  }
  note_inbound(now, *receiver, source);
  packet.source = source;
  packet.destination = receiver->inside;
  return {Verdict::hairpinned, std::move(packet)};
}

/// An inside host complains about a packet that came in: the outside must see its own packet quoted.
Outcome Nat::error_from_inside(Instant now, Packet packet) {
  auto& quoted = *packet.error;
  const Mapping* mapping = nullptr;  // the one for this remote, else the one used last
  table_.for_inside(now, {quoted.protocol, quoted.destination}, [&](const Mapping& other) {
    const bool exact = other.scope == scope_of(config_.mapping, quoted.source);
    if (!mapping || exact || other.last_used > mapping->last_used) mapping = &other;
  });
  if (!mapping || owns(packet.destination.address)) return {Verdict::dropped, std::move(packet)};
  packet.source.address = mapping->external.address;
  quoted.destination = mapping->external;
  return {Verdict::forwarded, std::move(packet)};
}

/// Somebody outside complains about a packet that went out: the inside must see its own packet quoted.
Outcome Nat::error_from_outside(Instant now, Packet packet) {
  auto& quoted = *packet.error;
  const Mapping* mapping = mapping_towards(now, {quoted.protocol, quoted.source}, quoted.destination, Filter::skip);
  if (!mapping || !mapping->contacts.contains(now, quoted.destination)) return {Verdict::dropped, std::move(packet)};
  packet.destination.address = mapping->inside.address;
  quoted.source = mapping->inside;
  return {Verdict::forwarded, std::move(packet)};
}
}  // namespace natkit::sim
