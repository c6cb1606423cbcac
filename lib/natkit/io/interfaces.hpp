#pragma once
/// Which addresses this machine has.
#include <string>
#include <vector>

#include "natkit/base/ip_address.hpp"

namespace natkit::io {
struct InterfaceAddress {
  std::string interface;  ///< "eth0"
  IpAddress address;
};
/// Of all interfaces that are up, in the order in which the system lists them; empty where it cannot tell.
[[nodiscard]] std::vector<InterfaceAddress> interface_addresses();
}  // namespace natkit::io
