#pragma once
// Which network this host is in.
#include <optional>
#include <string>

#include "natkit/base/ip_address.hpp"
#include "natkit/portmap/mapping.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit {
/// The network of the default route that datagrams from `local` take; none where there is no such route, or no router
/// on it (a tunnel, a point-to-point line): then nothing tells one network from another.
[[nodiscard]] std::optional<report::NetworkId> network_before(const IpAddress& local);

/// Half of the world's home routers are 192.168.1.1 or fe80::1, so the router's link-layer address tells them apart.
/// Where it is not known: the interface and, of IPv6, the network's prefix.
[[nodiscard]] report::NetworkId network_id(const portmap::Route& route, const std::optional<std::string>& link_layer);
}  // namespace natkit
