#include "natkit/io/own_addresses.hpp"

#include <sstream>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::vector<io::OwnAddress> read(const std::string& table) {
  std::istringstream stream{table};
  return io::ipv6_addresses(stream);
}
}  // namespace

TEST_CASE("The system says which of its IPv6 addresses are temporary", "[own_addresses]") {
  const auto all = read(
      "00000000000000000000000000000001 01 80 10 80       lo\n"
      "20010db8000100000000000000000002 02 40 00 80     eth0\n"
      "20010db800010000a1b2c3d4e5f60718 02 40 00 01     eth0\n"
      "20010db800010000ffffc3d4e5f60718 02 40 00 21     eth0\n");  // deprecated as well
  using io::OwnAddress;
  CHECK(all == std::vector<OwnAddress>{{"::1"_ip, false},
                                       {"2001:db8:1::2"_ip, false},
                                       {"2001:db8:1:0:a1b2:c3d4:e5f6:718"_ip, true},
                                       {"2001:db8:1:0:ffff:c3d4:e5f6:718"_ip, true}});
}

TEST_CASE("A table of addresses that cannot be read has none", "[own_addresses]") {
  CHECK(read("").empty());
  CHECK(read("x 01 80 10 80 lo\n20010db8 02 40 00 80 eth0\n20010db8000100000000000000000002 02 40 00\n\n"
             "20010db8000100000000000000000002 02 40 00 zz eth0\n")
            .empty());
}
