#include "natkit/base/ip_address.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("An IPv4 address is read strictly and printed as it was read", "[ip_address]") {
  const auto text = GENERATE("0.0.0.0", "192.0.2.1", "255.255.255.255");
  const auto address = parse_ip_address(text);
  REQUIRE(address);
  CHECK(address->is_v4());
  CHECK(to_text(*address) == text);
}

TEST_CASE("An IPv6 address is printed in the form of RFC 5952", "[ip_address]") {
  const auto [text, canonical] = GENERATE(table<std::string, std::string>({
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"fe80::0202:b3ff:fe1e:8329", "fe80::202:b3ff:fe1e:8329"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  }));
  const auto address = parse_ip_address(text);
  REQUIRE(address);
  CHECK(to_text(*address) == canonical);
  CHECK(parse_ip_address(canonical) == address);
}

TEST_CASE("What is not an address is refused", "[ip_address]") {
  const auto text = GENERATE("", ".", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3",
                             "a.b.c.d", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7:8::", "::1.2.3", "fe80::1%eth0", "[::1]", "::g");
  CAPTURE(text);
  CHECK_FALSE(parse_ip_address(text));
}

TEST_CASE("Special-purpose ranges are recognised at their edges", "[ip_address]") {
  const auto at = [](const char* text) { return *parse_ip_address(text); };
  CHECK(at("10.0.0.0").is_private());
  CHECK(at("172.31.255.255").is_private());
  CHECK_FALSE(at("172.32.0.0").is_private());
  CHECK(at("192.168.1.1").is_private());
  CHECK(at("fd00::1").is_private());
  CHECK(at("100.64.0.0").is_shared());
  CHECK(at("100.127.255.255").is_shared());
  CHECK_FALSE(at("100.128.0.0").is_shared());
  CHECK(at("127.9.9.9").is_loopback());
  CHECK(at("::1").is_loopback());
  CHECK_FALSE(at("::2").is_loopback());
  CHECK(at("169.254.1.1").is_link_local());
  CHECK(at("febf::1").is_link_local());
  CHECK_FALSE(at("fec0::1").is_link_local());
  CHECK(at("224.0.0.1").is_multicast());
  CHECK(at("255.255.255.255").is_multicast());
  CHECK(at("ff02::1").is_multicast());
  CHECK(at("0.0.0.0").is_unspecified());
  CHECK(at("::").is_unspecified());
  CHECK(at("240.0.0.0").is_placeholder());
  CHECK(at("255.255.255.254").is_placeholder());
  CHECK_FALSE(at("255.255.255.255").is_placeholder());
  CHECK_FALSE(at("239.255.255.255").is_placeholder());
  CHECK(at("100::").is_placeholder());
  CHECK(at("100::ffff:ffff:ffff:ffff").is_placeholder());
  CHECK_FALSE(at("100:0:0:1::").is_placeholder());
  CHECK_FALSE(at("101::").is_placeholder());
}

TEST_CASE("A prefix is compared bit by bit and never across families", "[ip_address]") {
  const auto at = [](const char* text) { return *parse_ip_address(text); };
  CHECK(at("192.0.2.1").shares_prefix(at("192.0.2.200"), 24));
  CHECK_FALSE(at("192.0.2.1").shares_prefix(at("192.0.2.200"), 25));
  CHECK(at("192.0.2.1").shares_prefix(at("10.0.0.1"), 0));
  CHECK_FALSE(at("0.0.0.0").shares_prefix(at("::"), 0));
  CHECK(at("2001:db8::1").shares_prefix(at("2001:db8::2"), 64));
}
