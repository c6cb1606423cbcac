#pragma once
/// The ways out of this host, as the system's routing tables tell them.
#include <vector>

#include "natkit/portmap/mapping.hpp"

namespace natkit::io {
/// The default routes of the main table, best metric first, IPv4 before IPv6, each with the address that datagrams
/// leave with. A default route without a next hop (a tunnel, a point-to-point line) has an unspecified router. Empty
/// where there is none, or where the system cannot be asked.
[[nodiscard]] std::vector<portmap::Route> default_routes();
}  // namespace natkit::io
