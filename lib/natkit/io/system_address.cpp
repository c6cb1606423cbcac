#include "natkit/io/system_address.hpp"

#include <netinet/in.h>

#include <cstring>

namespace natkit::io {
std::optional<IpAddress> address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return IpAddress::from_bytes({v6.sin6_addr.s6_addr, sizeof v6.sin6_addr.s6_addr});
  }
  return std::nullopt;
}
}  // namespace natkit::io
