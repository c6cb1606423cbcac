#include "natkit/portmap/router_list.hpp"

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/portmap/igd_control.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;

namespace {
RouterEntry listed(const IpAddress& gateway, std::string udn = "uuid:1") {
  RouterEntry one{.gateway = gateway, .udn = std::move(udn), .external = "203.0.113.7"_ip};
  one.entry.external_port = 7000;
  one.entry.internal = "192.168.1.2:7000"_ep;
  one.entry.description = "game";
  return one;
}
JournalEntry written() {
  return {.id = MappingId{7},
          .gateway = "192.168.1.1"_ip,
          .mapped_host = "192.168.1.2"_ip,
          .internal_port = 7000,
          .external = "203.0.113.7:7000"_ep};
}
}  // namespace

TEST_CASE("A mapping that is read by IPv4 and by IPv6 is one mapping", "[portmap][router_list]") {
  auto by_v6 = listed("2001:db8::1"_ip);
  by_v6.entry.lifetime = std::chrono::seconds{59};  // read a moment later
  by_v6.entry.description = "game (v6)";
  const auto kept = without_repeats(std::vector{listed("192.168.1.1"_ip), by_v6});
  REQUIRE(kept.size() == 1);
  CHECK(kept.front().gateway == "192.168.1.1"_ip);
}

TEST_CASE("Mappings that differ in anything a router knows them by stay apart", "[portmap][router_list]") {
  const auto first = listed("192.168.1.1"_ip);
  auto other = listed("2001:db8::1"_ip);
  SECTION("protocol") { other.entry.protocol = Protocol::tcp; }
  SECTION("external port") { other.entry.external_port = 7001; }
  SECTION("internal port") { other.entry.internal.port = 7001; }
  SECTION("internal host") { other.entry.internal.address = "192.168.1.3"_ip; }
  SECTION("remote host") { other.entry.remote_host = "198.51.100.1"; }
  CHECK(without_repeats(std::vector{first, other}).size() == 2);
}

TEST_CASE("Two gateways that map the same port of this host are two mappings", "[portmap][router_list]") {
  auto other = listed("192.168.1.254"_ip);
  SECTION("by name") { other.udn = "uuid:2"; }
  SECTION("by external address") {
    other.udn.clear();
    other.external = "198.51.100.7"_ip;
  }
  CHECK(without_repeats(std::vector{listed("192.168.1.1"_ip), other}).size() == 2);
}

TEST_CASE("A router without a name is the same while nothing speaks against it", "[portmap][router_list]") {
  auto other = listed("2001:db8::1"_ip, "");
  SECTION("same external address") {}
  SECTION("it told none") { other.external.reset(); }
  CHECK(without_repeats(std::vector{listed("192.168.1.1"_ip), other}).size() == 1);
}

TEST_CASE("What was written down is found in the list by its id or by where it leads", "[portmap][router_list]") {
  auto entry = listed("192.168.1.1"_ip);
  CHECK(is_same_mapping(entry, written()));
  SECTION("the list was read by IPv6") { entry.gateway = "2001:db8::1"_ip; }
  SECTION("the router gave it another port later, and the id stands there") {
    entry.entry.external_port = 9000;
    entry.entry.description = tagged_description(MappingId{7}, "game");
  }
  CHECK(is_same_mapping(entry, written()));
}

TEST_CASE("What leads elsewhere is not what was written down", "[portmap][router_list]") {
  auto entry = listed("192.168.1.1"_ip);
  SECTION("another host") { entry.entry.internal.address = "192.168.1.3"_ip; }
  SECTION("another port inside") { entry.entry.internal.port = 7001; }
  SECTION("another protocol") { entry.entry.protocol = Protocol::tcp; }
  SECTION("another gateway, with another address outside") {
    entry.gateway = "192.168.1.254"_ip;
    entry.external = "198.51.100.7"_ip;
  }
  CHECK_FALSE(is_same_mapping(entry, written()));
}

TEST_CASE("Of several notes about one mapping the newest that was granted is shown", "[portmap][router_list]") {
  auto attempt = written();
  attempt.external.address = IpAddress{};
  attempt.written_at = 900;
  auto granted = written();
  granted.id = MappingId{8};
  granted.via = Method::pcp;
  granted.written_at = 500;
  auto renewed = granted;
  renewed.id = MappingId{9};
  renewed.written_at = 600;
  const auto kept = without_repeats(std::vector{attempt, granted, renewed, attempt});
  REQUIRE(kept.size() == 1);
  CHECK(kept.front().id == MappingId{9});
}

TEST_CASE("Notes about mappings at two gateways stay apart", "[portmap][router_list]") {
  auto other = written();
  other.gateway = "192.168.1.254"_ip;
  other.route.router = other.gateway;
  CHECK(without_repeats(std::vector{written(), other}).size() == 2);
}
