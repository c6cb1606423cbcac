#pragma once
// Addresses as the system's calls hand them out.
#include <sys/socket.h>

#include <optional>

#include "natkit/base/endpoint.hpp"

namespace natkit::io {
/// Nullopt: none at all, or neither IPv4 nor IPv6.
[[nodiscard]] std::optional<IpAddress> address_of(const sockaddr* address);
}  // namespace natkit::io
