// What an IPv6 address becomes on its way, and what kind of address it was.
#include "natkit/probe/translation.hpp"

#include "catch.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/sim/network.hpp"
#include "probe/story.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;
using probe::PrefixChange;
using probe::Translation;

namespace {
/// A run in which the mapping question's socket was this one inside and outside.
probe::Report seen(const char* local, const char* mapped) {
  const bool is_v6 = local[0] == '[';
  const auto* server = is_v6 ? "[2001:db8:ffff::1]:3478" : "198.51.100.1:3478";
  Story story{server};
  story.ask_and_hear(0ms, server, {.mapped = mapped, .local = local});
  story.end(100ms);
  return classify(story.trace);
}

std::string reason_of(const probe::Report& report, std::string_view about) {
  for (const auto& item : report.evidence)
    if (item.about == about) return item.reason;
  return {};
}
}  // namespace

TEST_CASE("NPTv6 is known by the checksum that it leaves alone", "[translation]") {
  const auto change = [](const char* inside, const char* outside) {
    return probe::prefix_change(ep(inside), ep(outside));
  };
  // The example of RFC 6296 §2.1: FD01:0203:0405:0001::1234 becomes 2001:0DB8:0001:D550::1234.
  CHECK(change("[fd01:203:405:1::1234]:5", "[2001:db8:1:d550::1234]:5") == PrefixChange::checksum_neutral);
  CHECK(change("[fd01:203:405:1::1234]:5", "[2001:db8:1:d550::1234]:6") == PrefixChange::no);
  // §3.5: a prefix longer than 48 bits has its word in the interface identifier.
  CHECK(change("[fd01:203:405:1:1:2:3:4]:5", "[2001:db8:1:1:d551:2:3:4]:5") == PrefixChange::no);
  CHECK(change("[fd01:203:405:1:1:2:3:4]:5", "[2001:db8:1:1:d550:2:3:4]:5") == PrefixChange::checksum_neutral);
  CHECK(change("[fd01:203:405:1:1:2:3:4]:5", "[2001:db8:1:1:d54f:3:3:4]:5") == PrefixChange::no);  // two words
  CHECK(change("[fd01:203:405:1::1234]:5", "[2001:db8:1:d551::1234]:5") == PrefixChange::unclear);
  CHECK(change("[fd01:203:405:1:1:2:3:4]:5", "[2001:db8:1:1:1:2:3:4]:5") == PrefixChange::plain);
  CHECK(change("[fd01:203:405:1::2]:5", "[fd01:203:405:1::1]:5") == PrefixChange::no);  // the same prefix
  // 0 and 0xFFFF are one sum (RFC 1624).
  CHECK(change("[fd00:0:0:0:ffff::1]:5", "[fcff:1:0:0:0::1]:5") == PrefixChange::checksum_neutral);
}

TEST_CASE("Whether IPv6 is translated is told by the two addresses", "[translation]") {
  const auto own = seen("[2001:db8:1::2]:50000", "[2001:db8:1::2]:50000");
  CHECK(own.ipv6->translation == Translation::none);
  CHECK(reason_of(own, "ipv6.translation") == "mapped-equals-local");
  const auto npt = seen("[fd01:203:405:1::1234]:50000", "[2001:db8:1:d550::1234]:50000");
  CHECK(npt.ipv6->translation == Translation::prefix);
  CHECK(reason_of(npt, "ipv6.translation") == "checksum-neutral");
  CHECK(reason_of(npt, "ipv6.layers") == "prefix-is-translated");
  CHECK_FALSE(npt.ipv6->layers);
  const auto plain = seen("[fd00::a:b:c:d]:50000", "[2001:db8::a:b:c:d]:50000");
  CHECK(plain.ipv6->translation == Translation::prefix);
  const auto nat66 = seen("[fd00::a:b:c:d]:50000", "[2001:db8::1]:50000");
  CHECK(nat66.ipv6->translation == Translation::nat66);
  const auto unclear = seen("[fd00::2]:50000", "[2001:db8::2]:50000");
  CHECK_FALSE(unclear.ipv6->translation);
  CHECK(reason_of(unclear, "ipv6.translation") == "interface-identifier-is-short");
  const auto nat64 = seen("[2001:db8:1::2]:50000", "203.0.113.7:50000");
  CHECK_FALSE(nat64.ipv6->translation);
  CHECK(nat64.ipv6->nat == true);
  CHECK(reason_of(nat64, "ipv6.translation") == "mapped-is-ipv4");
  CHECK_FALSE(seen("192.168.1.2:50000", "203.0.113.7:50000").ipv4->translation);
}

TEST_CASE("What was redacted is of no kind, and compared no further than it is equal", "[translation]") {
  const auto masked = seen("[100::1]:50000", "[100::2]:50000");
  CHECK_FALSE(masked.ipv6->translation);
  CHECK_FALSE(masked.ipv6->address_kind);
  CHECK(reason_of(masked, "ipv6.translation") == "addresses-are-redacted");
  CHECK(reason_of(masked, "ipv6.address_kind") == "addresses-are-redacted");
  CHECK(seen("[100::1]:50000", "[100::1]:50000").ipv6->translation == Translation::none);
}

TEST_CASE("The address that this host sends from is of a kind", "[translation]") {
  CHECK(seen("[fd00::2]:1", "[2001:db8::2]:1").ipv6->address_kind == AddressKind::unique_local);
  CHECK(seen("192.168.1.2:1", "203.0.113.7:1").ipv4->address_kind == AddressKind::private_use);
  CHECK(seen("100.64.3.2:1", "203.0.113.7:1").ipv4->address_kind == AddressKind::shared);
  const auto clat = seen("192.0.0.4:1", "203.0.113.7:1");
  CHECK(clat.ipv4->address_kind == AddressKind::clat);
  CHECK(reason_of(clat, "ipv4.address_kind") == "range");
  CHECK(reason_of(clat, "ipv4.layers") == "own-translator");
}

TEST_CASE("A NAT for IPv6 that gives all hosts one address is found out", "[translation][sim]") {
  World world{1, Server::two_addresses, Family::ipv6};
  auto& nat = world.net.add_nat({.external_addresses = {address("2001:db8:2::1")}});
  auto& host = world.net.add_host({.addresses = {address("fd00::a:b:c:d")}}, nat);
  const auto report = world.measure(host);
  REQUIRE(report.ipv6);
  CHECK(report.ipv6->nat == true);
  CHECK(report.ipv6->translation == Translation::nat66);
}

TEST_CASE("Whether the address of the very socket is temporary the system says", "[translation]") {
  Story story{"[2001:db8:ffff::1]:3478"};
  story.ask_and_hear(0ms, "[2001:db8:ffff::1]:3478", {.mapped = "[2001:db8:1::a:b]:5", .local = "[2001:db8:1::a:b]:5"});
  story.end(100ms);
  const auto used = address("2001:db8:1::a:b");
  const auto other = address("2001:db8:1::2");
  const auto untold = classify(story.trace);
  CHECK_FALSE(untold.ipv6->temporary);
  CHECK(reason_of(untold, "ipv6.temporary") == "not-told");
  story.trace.host = {.temporary = {used}, .stable = {other}};
  const auto temporary = classify(story.trace);
  CHECK(temporary.ipv6->temporary == true);
  CHECK(reason_of(temporary, "ipv6.temporary") == "system-says-temporary");
  story.trace.host = {.temporary = {other}, .stable = {used}};
  CHECK(classify(story.trace).ipv6->temporary == false);
}
