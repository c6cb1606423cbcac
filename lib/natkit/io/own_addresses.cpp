#include "natkit/io/own_addresses.hpp"

#include <linux/if_addr.h>

#include <fstream>
#include <sstream>
#include <string>

#include "natkit/base/bytes.hpp"

namespace natkit::io {
namespace {
constexpr std::size_t most_addresses = 1024;  // an interface has sixteen, unless it is told otherwise (max_addresses)
}  // namespace

/// "address index prefix-length scope flags interface", all but the last in hex and without colons.
std::vector<OwnAddress> ipv6_addresses(std::istream& table) {
  std::vector<OwnAddress> all;
  for (std::string line; all.size() < most_addresses && std::getline(table, line);) {
    std::istringstream words{line};
    std::string address, index, length, scope, flags;
    if (!(words >> address >> index >> length >> scope >> flags)) continue;
    const auto bytes = from_hex(address);
    const auto bits = from_hex(flags);  // the kernel prints the low eight of them
    if (!bytes || bytes->size() != 16 || !bits || bits->size() != 1) continue;
    all.push_back({.address = *IpAddress::from_bytes(*bytes), .is_temporary = (bits->front() & IFA_F_TEMPORARY) != 0});
  }
  return all;
}

std::vector<OwnAddress> ipv6_addresses() {
  std::ifstream table{"/proc/net/if_inet6"};
  return ipv6_addresses(table);
}
}  // namespace natkit::io
