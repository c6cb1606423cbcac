// Ways through other members.
#include <algorithm>
#include <utility>

#include "natkit/link/hub.hpp"

namespace natkit::link {
std::optional<ice::Candidate> Hub::add_route(Instant now, LinkId link, SocketId route, const Endpoint& own_virtual,
                                             std::uint16_t preference) {
  auto* found = entry(link);
  if (!found || found->routes.size() >= most_routes || !Gathering::is_routed(route) ||
      !ice::is_virtual(own_virtual.address))
    return std::nullopt;
  const bool is_known = std::ranges::any_of(found->routes, [&](const ice::LocalCandidate& known) {
    return known.base == route || ice::are_at_one_router(known.candidate.endpoint.address, own_virtual.address);
  });
  if (is_known) return std::nullopt;
  const ice::LocalCandidate local{.candidate = ice::make_routed(own_virtual, preference), .base = route};
  found->routes.push_back(local);
  found->link->add_local(now, local);
  flush(now);
  return local.candidate;
}

void Hub::remove_route(Instant now, LinkId link, SocketId route) {
  auto* found = entry(link);
  if (!found || std::erase_if(found->routes, [&](const auto& known) { return known.base == route; }) == 0) return;
  found->link->remove_local(now, route);
  flush(now);
}

void Hub::handle_routed(Instant now, LinkId link, const Datagram& in) {
  auto* found = entry(link);
  if (!found || in.protocol != Protocol::udp) return;
  const auto route = std::ranges::find(found->routes, in.socket, &ice::LocalCandidate::base);
  if (route == found->routes.end() || !ice::are_at_one_router(route->candidate.endpoint.address, in.remote.address))
    return;
  static_cast<void>(found->link->handle_datagram(now, in));
  flush(now);
}

std::optional<Hub::Routed> Hub::poll_routed() {
  if (routed_.empty()) return std::nullopt;
  auto out = std::move(routed_.front());
  routed_.pop_front();
  return out;
}
}  // namespace natkit::link
