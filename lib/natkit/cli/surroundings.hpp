#pragma once
/// Which network this host is in.
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/portmap/mapping.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::cli {
/// The network of the default route that datagrams from `local` take; none where there is no such route, or no router
/// on it (a tunnel, a point-to-point line): then nothing tells one network from another.
[[nodiscard]] std::optional<report::NetworkId> network_before(const IpAddress& local);

/// By IPv4 and IPv6 together: what was found out by both holds only while both are as they were. None where neither has
/// a router.
[[nodiscard]] std::optional<report::NetworkId> whole_network();
/// The same, of these default routes, the best of each family first.
[[nodiscard]] std::optional<report::NetworkId> whole_network(const std::vector<portmap::Route>& routes);

/// Half of the world's home routers are 192.168.1.1 or fe80::1, so the router's link-layer address tells them apart.
/// Where it is not known: the interface and, of IPv6, the network's prefix.
[[nodiscard]] report::NetworkId network_id(const portmap::Route& route, const std::optional<std::string>& link_layer);
}  // namespace natkit::cli
