#include "natkit/io/neighbours.hpp"

#include <sstream>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::optional<std::string> found(const std::string& table, const IpAddress& neighbour, const std::string& interface) {
  std::istringstream stream{table};
  return io::link_layer_address(stream, neighbour, interface);
}
}  // namespace

TEST_CASE("A neighbour's link-layer address is that of the same link", "[neighbours]") {
  const std::string table =
      "IP address       HW type     Flags       HW address            Mask     Device\n"
      "192.168.1.1      0x1         0x2         00:00:5e:00:53:01     *        eth0\n"
      "192.168.1.1      0x1         0x2         00:00:5e:00:53:02     *        wlan0\n"
      "192.168.1.9      0x1         0x0         00:00:00:00:00:00     *        eth0\n";
  CHECK(found(table, "192.168.1.1"_ip, "eth0") == "00:00:5e:00:53:01");
  CHECK(found(table, "192.168.1.1"_ip, "wlan0") == "00:00:5e:00:53:02");
  CHECK_FALSE(found(table, "192.168.1.1"_ip, "eth1"));
  CHECK_FALSE(found(table, "192.168.1.2"_ip, "eth0"));
  CHECK_FALSE(found(table, "192.168.1.9"_ip, "eth0"));  // asked for, and not there
}

TEST_CASE("A table that cannot be read holds nobody", "[neighbours]") {
  CHECK_FALSE(found("", "192.168.1.1"_ip, "eth0"));
  CHECK_FALSE(found("192.168.1.1 0x1\n\n\xff\n", "192.168.1.1"_ip, "eth0"));
  CHECK_FALSE(io::link_layer_address("fe80::1"_ip, "eth0"));
}
