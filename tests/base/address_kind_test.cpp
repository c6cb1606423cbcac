#include "natkit/base/address_kind.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::string_view kind(const IpAddress& address) {
  const auto found = kind_of(address);
  return found ? to_text(*found) : "none";
}
}  // namespace

TEST_CASE("What an IPv4 address is for is told by its range, up to its ends", "[address_kind]") {
  CHECK(kind("9.255.255.255"_ip) == "public");
  CHECK(kind("10.0.0.0"_ip) == "private");
  CHECK(kind("11.0.0.0"_ip) == "public");
  CHECK(kind("172.31.255.255"_ip) == "private");
  CHECK(kind("172.32.0.0"_ip) == "public");
  CHECK(kind("192.168.1.2"_ip) == "private");
  CHECK(kind("100.64.0.1"_ip) == "shared");
  CHECK(kind("100.128.0.1"_ip) == "public");
  CHECK(kind("192.0.0.4"_ip) == "clat");
  CHECK(kind("192.0.0.7"_ip) == "clat");
  CHECK(kind("192.0.0.8"_ip) == "reserved");
  CHECK(kind("169.254.7.7"_ip) == "link-local");
  CHECK(kind("127.0.0.53"_ip) == "loopback");
  CHECK(kind("203.0.113.7"_ip) == "documentation");
  CHECK(kind("198.19.255.255"_ip) == "benchmarking");
  CHECK(kind("0.1.2.3"_ip) == "reserved");
}

TEST_CASE("What an IPv6 address is for is told by its range, up to its ends", "[address_kind]") {
  CHECK(kind("2a00:1450::1"_ip) == "global");
  CHECK(kind("3ffe::1"_ip) == "global");
  CHECK(kind("4000::1"_ip) == "reserved");
  CHECK(kind("fc00::1"_ip) == "unique-local");
  CHECK(kind("fdff:ffff::1"_ip) == "unique-local");
  CHECK(kind("fe80::1"_ip) == "link-local");
  CHECK(kind("fec0::1"_ip) == "reserved");
  CHECK(kind("::1"_ip) == "loopback");
  CHECK(kind("2002:c000:201::1"_ip) == "6to4");
  CHECK(kind("2001:0:53aa:64c::1"_ip) == "teredo");
  CHECK(kind("2001:2::1"_ip) == "benchmarking");
  CHECK(kind("2001:20::1"_ip) == "reserved");
  CHECK(kind("2001:200::1"_ip) == "global");
  CHECK(kind("2001:db8:1::1"_ip) == "documentation");
  CHECK(kind("3fff:fff::1"_ip) == "documentation");
  CHECK(kind("64:ff9b::192.0.2.1"_ip) == "nat64");
  CHECK(kind("64:ff9b::1:0:0"_ip) == "reserved");
  CHECK(kind("64:ff9b:1:2::1"_ip) == "nat64");
  CHECK(kind("::ffff:192.0.2.1"_ip) == "reserved");
}

TEST_CASE("What is nobody's address is of no kind", "[address_kind]") {
  for (const auto& address : {"0.0.0.0"_ip, "::"_ip, "224.0.0.1"_ip, "ff02::1"_ip, "240.0.0.1"_ip, "100::1"_ip})
    CHECK_FALSE(kind_of(address));
}
