#include "translator.hpp"

#include <algorithm>
#include <utility>

#include "natkit/sim/packet.hpp"

namespace natkit::lab {
namespace {
sim::NatConfig echo_config(sim::NatConfig config) {
  config.mapping = Behavior::endpoint_independent;
  config.filtering = Behavior::address_dependent;
  config.allocation = sim::PortAllocation::preserving;
  config.first_port = 1;  // identifiers are PIDs or counters, and small
  config.hairpin = sim::Hairpin::none;
  config.unsolicited = sim::Unsolicited::drop;
  return config;
}

Protocol protocol_of(PacketKind kind) { return kind == PacketKind::tcp ? Protocol::tcp : Protocol::udp; }

Fate fate_of(sim::Verdict verdict) {
  switch (verdict) {
    case sim::Verdict::forwarded:
      return Fate::across;
    case sim::Verdict::hairpinned:
    case sim::Verdict::rejected:
      return Fate::back;
    case sim::Verdict::dropped:
      break;
  }
  return Fate::drop;
}

sim::Outcome pass(sim::Nat& nat, Instant now, Side from, sim::Packet packet) {
  return from == Side::inside ? nat.from_inside(now, std::move(packet)) : nat.from_outside(now, std::move(packet));
}
}  // namespace

Translator::Translator(const sim::NatConfig& config, Rng& rng)
    : nat_(config, rng), echo_nat_(echo_config(config), rng) {}

Fate Translator::handle(Instant now, Side from, Bytes& frame) {
  if (!is_ipv4(frame)) return Fate::across;
  const auto packet = parse_ipv4(frame);
  if (!packet) return Fate::drop;
  if (packet->kind == PacketKind::later_fragment) return handle_later_fragment(frame, *packet);
  if (packet->kind == PacketKind::error) return handle_error(now, from, frame, *packet);
  return handle_flow(now, from, frame, *packet);
}

Fate Translator::handle_flow(Instant now, Side from, Bytes& frame, const Ipv4Packet& packet) {
  const auto outcome = pass(
      nat_for(packet.kind), now, from,
      {.protocol = protocol_of(packet.kind), .source = packet.flow.source, .destination = packet.flow.destination});
  const Fate fate = fate_of(outcome.verdict);
  if (outcome.verdict == sim::Verdict::rejected) {
    frame = make_port_unreachable(frame, packet, outcome.packet.source.address);
    return fate;
  }
  const Flow translated{outcome.packet.source, outcome.packet.destination};
  if (packet.fragments == Ipv4Packet::Fragments::first) remember_fragments(packet, translated, fate);
  if (fate != Fate::drop) rewrite(frame, packet, translated);
  return fate;
}

Fate Translator::handle_error(Instant now, Side from, Bytes& frame, const Ipv4Packet& packet) {
  const auto quoted = parse_quoted(frame, packet);
  if (!quoted || quoted->kind == PacketKind::error || quoted->kind == PacketKind::later_fragment) return Fate::drop;
  // Which error it is stays as it stands in the frame; the model only needs the tuple.
  const sim::IcmpError error{sim::IcmpKind::time_exceeded, protocol_of(quoted->kind), quoted->flow.source,
                             quoted->flow.destination};
  const auto outcome = pass(nat_for(quoted->kind), now, from,
                            {.source = packet.flow.source, .destination = packet.flow.destination, .error = error});
  const Fate fate = fate_of(outcome.verdict);
  if (fate == Fate::drop || !outcome.packet.error) return Fate::drop;
  rewrite_error(frame, packet, {outcome.packet.source, outcome.packet.destination}, *quoted,
                {outcome.packet.error->source, outcome.packet.error->destination});
  return fate;
}

Fate Translator::handle_later_fragment(Bytes& frame, const Ipv4Packet& packet) {
  for (const FragmentedPacket& first : fragmented_) {
    if (first.source != packet.flow.source.address || first.destination != packet.flow.destination.address ||
        first.protocol != packet.protocol || first.identification != packet.identification)
      continue;
    if (first.fate != Fate::drop) rewrite(frame, packet, first.translated);
    return first.fate;
  }
  return Fate::drop;
}

void Translator::remember_fragments(const Ipv4Packet& packet, const Flow& translated, Fate fate) {
  fragmented_.at(next_fragmented_) = {packet.flow.source.address,
                                      packet.flow.destination.address,
                                      packet.protocol,
                                      packet.identification,
                                      translated,
                                      fate};
  next_fragmented_ = (next_fragmented_ + 1) % fragmented_.size();
}
}  // namespace natkit::lab
