#pragma once
/// From what the user typed to addresses: servers by name, and where this host can be reached.
#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::cli {
/// HOST[:PORT] each: all addresses of all names, in the order of the names. Fails with `bad-server` or
/// `name-not-found`; takes 5 s at most.
[[nodiscard]] Result<std::vector<std::vector<Endpoint>>> look_up(const std::vector<std::string>& names,
                                                                 std::uint16_t default_port = stun::default_port);

/// The addresses that peers may reach. Loopback only where there is no other, or the server is met there: all on one
/// machine.
[[nodiscard]] std::vector<IpAddress> own_addresses(const std::vector<Endpoint>& servers);
}  // namespace natkit::cli
