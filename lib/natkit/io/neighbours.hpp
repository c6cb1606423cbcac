#pragma once
/// Who is next to this host on its links, as the system's neighbour table tells it.
#include <istream>
#include <optional>
#include <string>

#include "natkit/base/ip_address.hpp"

namespace natkit::io {
/// "00:00:5e:00:53:01" of an IPv4 neighbour that this host has lately spoken to; none where the table does not have it,
/// and for IPv6 neighbours, which only netlink tells.
[[nodiscard]] std::optional<std::string> link_layer_address(const IpAddress& neighbour, const std::string& interface);

/// The same, from what stands in /proc/net/arp.
[[nodiscard]] std::optional<std::string> link_layer_address(std::istream& table, const IpAddress& neighbour,
                                                            const std::string& interface);
}  // namespace natkit::io
