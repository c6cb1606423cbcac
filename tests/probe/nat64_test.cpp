// Which prefix a NAT64 has, and whether this host carries IPv4 to it by itself.
#include "catch.hpp"
#include "literals.hpp"
#include "natkit/probe/verdicts.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
using Addresses = std::vector<IpAddress>;

struct Found {
  std::optional<std::string> prefix;
  std::string why;
};
Found found(std::optional<Addresses> ipv4only) {
  probe::HostFacts host;
  host.ipv4only = std::move(ipv4only);
  const auto verdict = probe::judge_nat64({}, host);
  const auto& prefix = verdict.nat64.prefix;
  CHECK(verdict.evidence.front().about == "nat64.prefix");
  return {prefix ? std::optional{to_text(*prefix)} : std::nullopt, verdict.evidence.front().reason};
}

Found clat(const char* local, std::optional<bool> has_clat) {
  probe::HostFacts host;
  host.has_clat = has_clat;
  probe::FamilyReport ipv4;
  ipv4.local = {parse_ip_address(local).value(), 5};
  ipv4.address_kind = kind_of(ipv4.local->address);
  const auto verdict = probe::judge_nat64(ipv4, host);
  const auto& value = verdict.nat64.clat;
  CHECK(verdict.evidence.back().about == "nat64.clat");
  return {value ? std::optional<std::string>{*value ? "yes" : "no"} : std::nullopt, verdict.evidence.back().reason};
}
}  // namespace

TEST_CASE("The prefix of a NAT64 is what its resolver puts before the addresses of ipv4only.arpa", "[nat64]") {
  CHECK(found(Addresses{"64:ff9b::192.0.0.170"_ip, "64:ff9b::192.0.0.171"_ip}).prefix == "64:ff9b::/96");
  CHECK(found(Addresses{"2001:db8:122:344:c0:0:aa00:0"_ip}).prefix == "2001:db8:122:344::/64");
  CHECK(found(Addresses{"2001:db8::1"_ip, "2001:db8:1::192.0.0.171"_ip}).prefix == "2001:db8:1::/96");
  CHECK(found(Addresses{"64:ff9b::192.0.0.170"_ip}).why == "ipv4only-arpa");
}

TEST_CASE("Where no prefix is known it is said why", "[nat64]") {
  CHECK_FALSE(found(std::nullopt).prefix);
  CHECK(found(std::nullopt).why == "not-told");
  CHECK(found(Addresses{}).why == "no-nat64");
  CHECK(found(Addresses{"2001:db8::1"_ip}).why == "not-an-embedded-address");
  CHECK(found(Addresses{"100::5"_ip}).why == "addresses-are-redacted");
  CHECK_FALSE(found(Addresses{"100::5"_ip}).prefix);
}

TEST_CASE("A translator of this host's own is known by its address, or its interface", "[nat64]") {
  CHECK(clat("192.0.0.4", std::nullopt).prefix == "yes");
  CHECK(clat("192.0.0.4", false).why == "local-address");
  CHECK(clat("192.168.1.2", true).prefix == "yes");
  CHECK(clat("192.168.1.2", false).prefix == "no");
  CHECK_FALSE(clat("192.168.1.2", std::nullopt).prefix);
  CHECK_FALSE(clat("240.0.0.1", std::nullopt).prefix);
  CHECK(clat("240.0.0.1", true).prefix == "yes");
}
