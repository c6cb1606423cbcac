#include "natkit/io/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <memory>

#include "natkit/io/system_address.hpp"

namespace natkit::io {
namespace {
struct Free {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};
}  // namespace

std::vector<InterfaceAddress> interface_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, Free> owner{first};
  std::vector<InterfaceAddress> addresses;
  for (const auto* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_UP) == 0) continue;
    if (const auto address = address_of(entry->ifa_addr)) addresses.push_back({entry->ifa_name, *address});
  }
  return addresses;
}
}  // namespace natkit::io
