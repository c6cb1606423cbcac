#include "natkit/cli/surroundings.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::cli;
using namespace natkit::test;

namespace {
const portmap::Route home{.local = "192.168.1.5"_ip, .router = "192.168.1.1"_ip, .interface = "eth0"};
const portmap::Route home6{.local = "2001:db8:1::5"_ip, .router = "fe80::1"_ip, .interface = "eth0"};
const std::string mac = "00:00:5e:00:53:01";
}  // namespace

TEST_CASE("A network is known by its router's address and link-layer address", "[surroundings]") {
  const auto id = network_id(home, mac);
  CHECK(network_id(home, mac) == id);
  CHECK(network_id(home, "00:00:5e:00:53:02") != id);
  CHECK(network_id(home, std::nullopt) != id);
  auto other = home;
  other.router = "192.168.1.254"_ip;
  CHECK(network_id(other, mac) != id);
}

TEST_CASE("The same router is the same network by cable and by radio, and under another address of this host",
          "[surroundings]") {
  auto by_radio = home;
  by_radio.interface = "wlan0";
  by_radio.local = "192.168.1.77"_ip;
  CHECK(network_id(by_radio, mac) == network_id(home, mac));
}

TEST_CASE("Where the link-layer address is not known the interface tells, and the prefix of IPv6", "[surroundings]") {
  auto other = home;
  other.interface = "wlan0";
  CHECK(network_id(other, std::nullopt) != network_id(home, std::nullopt));
  auto new_address = home6;
  new_address.local = "2001:db8:1::77"_ip;
  CHECK(network_id(new_address, std::nullopt) == network_id(home6, std::nullopt));
  auto elsewhere = home6;
  elsewhere.local = "2001:db8:1:1::5"_ip;
  CHECK(network_id(elsewhere, std::nullopt) != network_id(home6, std::nullopt));
}

TEST_CASE("An address that no default route leads out from is in no network", "[surroundings]") {
  CHECK_FALSE(network_before("127.0.0.1"_ip));
  CHECK_FALSE(network_before("240.0.0.1"_ip));
}

TEST_CASE("A whole network is what both families make of it", "[surroundings]") {
  const auto both = whole_network({home, home6});
  REQUIRE(both);
  CHECK(whole_network({home, home6}) == both);
  CHECK(whole_network({home}) != both);
  CHECK(whole_network({home6}) != both);
  CHECK(whole_network({home6}) != whole_network({home}));
  auto spare = home;
  spare.router = "192.168.1.2"_ip;
  CHECK(whole_network({home, spare, home6}) == both);
}

TEST_CASE("Who has no router is in no network, and a tunnel beside one makes another", "[surroundings]") {
  auto tunnel = home6;
  tunnel.router = IpAddress::any(Family::ipv6);
  CHECK_FALSE(whole_network({}));
  CHECK_FALSE(whole_network({tunnel}));
  CHECK(whole_network({home, tunnel}));
  CHECK(whole_network({home, tunnel}) != whole_network({home}));
}
