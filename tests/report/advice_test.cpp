#include "natkit/report/advice.hpp"

#include "catch.hpp"
#include "natkit/report/verdict.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

namespace {
probe::Report behind(BehaviorSet mapping, BehaviorSet filtering, std::optional<bool> maps) {
  auto report = test::report_of(test::family(true, mapping, filtering));
  for (auto* one : {&report.port_mapping.upnp, &report.port_mapping.nat_pmp, &report.port_mapping.pcp})
    one->available = maps;
  return report;
}
std::string first(const probe::Report& report) {
  const auto advice = verdict_of(report).advice;
  return advice.empty() ? "" : advice.front();
}
bool says(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }
}  // namespace

TEST_CASE("Who can have a port is told how, where that opens a way that is closed", "[advice]") {
  const BehaviorSet hard{address_and_port_dependent};
  CHECK(says(first(behind(hard, hard, true)), "upnp-map hold"));
  CHECK(says(first(behind(hard, hard, false)), "Turn UPnP"));
  CHECK(says(first(behind(hard, hard, std::nullopt)), "Forward a UDP port"));
  CHECK(says(verdict_of(behind(hard, hard, true)).advice.back(), "relay"));
  CHECK(says(first(behind(endpoint_independent, hard, true)), "upnp-map hold"));
  CHECK(first(behind(endpoint_independent, hard, false)) == "");
  CHECK(first(behind(endpoint_independent, address_dependent, true)) == "");
  CHECK(first(behind(endpoint_independent, endpoint_independent, true)) == "");
}

TEST_CASE("Behind a carrier, or two routers, a port of the own router leads nowhere", "[advice]") {
  auto report = behind({address_dependent, address_and_port_dependent}, {}, true);
  report.evidence.push_back({"ipv4.layers", "router-behind-a-nat", ""});
  CHECK(says(first(report), "bridge"));
  report.ipv4->cgn = true;
  CHECK(says(first(report), "provider"));
  report.ipv4->mapping = endpoint_independent;
  report.ipv4->filtering = address_and_port_dependent;
  CHECK(first(report) == "");  // hole punching does well there
}

TEST_CASE("A gateway that meddles is to be turned off", "[advice]") {
  auto report = behind(endpoint_independent, address_dependent, false);
  report.ipv4->rewritten = true;
  CHECK(says(first(report), "ALG"));
}

TEST_CASE("Without a NAT no router needs to do anything", "[advice]") {
  auto report = test::report_of(test::family(false, endpoint_independent, address_and_port_dependent));
  report.port_mapping.upnp.available = true;
  CHECK(verdict_of(report).advice.empty());
}

TEST_CASE("Who has another IPv6 address outside is told what follows from it", "[advice]") {
  auto report = test::report_of(test::family(false, endpoint_independent, endpoint_independent));
  report.ipv6 = test::family(true, endpoint_independent, endpoint_independent);
  CHECK(verdict_of(report).advice.empty());
  report.ipv6->translation = probe::Translation::none;
  CHECK(verdict_of(report).advice.empty());
  report.ipv6->translation = probe::Translation::prefix;
  CHECK(says(first(report), "NPTv6"));
  report.ipv6->translation = probe::Translation::nat66;
  CHECK(says(first(report), "DHCPv6-PD"));
  report.ipv6->translation = probe::Translation::none;
  report.ipv6->temporary = false;
  CHECK(verdict_of(report).advice.empty());
  report.ipv6->temporary = true;
  CHECK(says(first(report), "stable IPv6 address"));
}

TEST_CASE("Where IPv4 is carried over IPv6 no port of the router helps", "[advice]") {
  auto report = behind({address_dependent, address_and_port_dependent}, {}, true);
  report.ipv4->address_kind = AddressKind::clat;
  CHECK(says(first(report), "464XLAT"));
}
