#include "natkit/sim/firewall.hpp"

#include <utility>

namespace natkit::sim {
bool Firewall::watches(const Packet& packet) const {
  return !config_.family || packet.destination.address.family() == *config_.family;
}

Instant Firewall::expiry(Instant now, Protocol protocol) const {
  return now + (protocol == Protocol::tcp ? config_.tcp_lifetime : config_.udp_lifetime);
}

bool Firewall::has_flow(Instant now, const TransportKey& inside, const Endpoint& remote) const {
  const auto flow = flows_.find(inside);
  return flow != flows_.end() && flow->second.last_expiry() > now &&
         flow->second.permits(now, config_.filtering, remote);
}

Outcome Firewall::refuse(Policy policy, Packet packet) const {
  if (policy == Policy::drop) return {Verdict::dropped, std::move(packet)};
  const auto& asked = packet.destination.address;
  const auto& reporter = config_.address.family() == asked.family() ? config_.address : asked;
  return {Verdict::rejected, make_error(IcmpKind::admin_prohibited, reporter, packet)};
}

Outcome Firewall::from_inside(Instant now, Packet packet) {
  if (!watches(packet) || packet.error) return {Verdict::forwarded, std::move(packet)};
  const Policy policy = packet.protocol == Protocol::tcp ? config_.tcp : config_.udp;
  if (policy != Policy::allow) return refuse(policy, std::move(packet));
  const TransportKey inside{packet.protocol, packet.source};
  if (flows_.size() >= config_.table_size && !flows_.contains(inside)) {
    std::erase_if(flows_, [now](const auto& item) { return item.second.last_expiry() <= now; });
    if (flows_.size() >= config_.table_size) return {Verdict::dropped, std::move(packet)};
  }
  flows_[inside].note(now, packet.destination, expiry(now, packet.protocol));
  return {Verdict::forwarded, std::move(packet)};
}

Outcome Firewall::from_outside(Instant now, Packet packet) {
  if (!watches(packet)) return {Verdict::forwarded, std::move(packet)};
  if (packet.error) {  // lets in only complaints about what went out
    const auto& quoted = *packet.error;
    const auto flow = flows_.find({quoted.protocol, quoted.source});
    const bool known = flow != flows_.end() && flow->second.contains(now, quoted.destination);
    return {known ? Verdict::forwarded : Verdict::dropped, std::move(packet)};
  }
  const TransportKey inside{packet.protocol, packet.destination};
  if (has_flow(now, inside, packet.source)) {
    if (config_.refresh == Refresh::outbound_and_inbound)
      flows_[inside].refresh(now, packet.source, expiry(now, packet.protocol));
    return {Verdict::forwarded, std::move(packet)};
  }
  if (config_.unsolicited == Policy::allow) return {Verdict::forwarded, std::move(packet)};
  return refuse(config_.unsolicited, std::move(packet));
}
}  // namespace natkit::sim
