#include "natkit/sim/node.hpp"

#include <cassert>
#include <utility>

namespace natkit::sim {
namespace {
struct FromInside {
  Instant now;
  Packet& packet;
  Outcome operator()(Router&) const { return {Verdict::forwarded, std::move(packet)}; }
  Outcome operator()(auto& box) const { return box.from_inside(now, std::move(packet)); }
};
struct FromOutside {
  Instant now;
  Packet& packet;
  Outcome operator()(Router&) const { return {Verdict::forwarded, std::move(packet)}; }
  Outcome operator()(auto& box) const { return box.from_outside(now, std::move(packet)); }
};
}  // namespace

Node* Gateway::find_inside(const IpAddress& address) const {
  const auto route = inside_.find(address);
  return route == inside_.end() ? nullptr : route->second;
}

void Gateway::add_route(const IpAddress& address, Node& child) {
  [[maybe_unused]] const bool added = inside_.emplace(address, &child).second;
  assert(added && "two nodes of one network with the same address");
  const bool hidden = nat() && nat()->config().external_addresses.front().family() == address.family();
  if (parent() && !hidden) parent()->add_route(address, *this);
}

Outcome Gateway::from_inside(Instant now, Packet packet) { return std::visit(FromInside{now, packet}, box_); }
Outcome Gateway::from_outside(Instant now, Packet packet) { return std::visit(FromOutside{now, packet}, box_); }
}  // namespace natkit::sim
