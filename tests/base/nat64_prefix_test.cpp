#include "natkit/base/nat64_prefix.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("An IPv4 address stands in an IPv6 one as RFC 6052 says", "[nat64_prefix]") {
  // §2.4, table 1
  const auto with = [](const IpAddress& prefix, unsigned length) { return embed({prefix, length}, "192.0.2.33"_ip); };
  CHECK(with("2001:db8::"_ip, 32) == "2001:db8:c000:221::"_ip);
  CHECK(with("2001:db8:100::"_ip, 40) == "2001:db8:1c0:2:21::"_ip);
  CHECK(with("2001:db8:122::"_ip, 48) == "2001:db8:122:c000:2:2100::"_ip);
  CHECK(with("2001:db8:122:300::"_ip, 56) == "2001:db8:122:3c0:0:221::"_ip);
  CHECK(with("2001:db8:122:344::"_ip, 64) == "2001:db8:122:344:c0:2:2100::"_ip);
  CHECK(with("2001:db8:122:344::"_ip, 96) == "2001:db8:122:344::192.0.2.33"_ip);
  CHECK(with("64:ff9b::"_ip, 96) == "64:ff9b::192.0.2.33"_ip);
}

TEST_CASE("The prefix of a NAT64 is found at every length, from either address", "[nat64_prefix]") {
  const auto length = GENERATE(32U, 40U, 48U, 56U, 64U, 96U);
  const auto ipv4 = GENERATE("192.0.0.170"_ip, "192.0.0.171"_ip);
  auto bytes = std::array<std::uint8_t, 16>{0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4};
  std::fill(bytes.begin() + length / 8, bytes.end(), std::uint8_t{0});
  const Nat64Prefix prefix{IpAddress::v6(bytes), length};
  CHECK(find_nat64_prefix(embed(prefix, ipv4)) == prefix);
}

TEST_CASE("What was made from another address, or elsewhere, has no prefix", "[nat64_prefix]") {
  CHECK(to_text(find_nat64_prefix("64:ff9b::192.0.0.170"_ip).value()) == "64:ff9b::/96");
  CHECK(is_well_known(find_nat64_prefix("64:ff9b::192.0.0.171"_ip).value()));
  CHECK_FALSE(is_well_known(find_nat64_prefix("64:ff9b:1::192.0.0.171"_ip).value()));
  for (const auto& other : {"64:ff9b::192.0.0.172"_ip, "64:ff9b::192.0.2.33"_ip, "2001:db8::1"_ip, "::"_ip,
                            "192.0.0.170"_ip, "2001:db8:c000:aa:100::"_ip, "2001:db8:c000:aa::1"_ip, "100::1"_ip})
    CHECK_FALSE(find_nat64_prefix(other));
}
