#include "natkit/report/peer_report.hpp"

#include "catch.hpp"
#include "natkit/report/probe_json.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

namespace {
std::string with(std::string_view members) {
  return R"({"schema":"natkit/nat-probe/1")" + (members.empty() ? "" : "," + std::string(members)) + "}";
}
std::string refusal(std::string_view text) {
  const auto report = parse_peer_report(text);
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Errc::usage);
  CHECK(report.error().reason == "bad-report");
  CHECK_FALSE(report.error().advice.empty());
  return report.error().detail;
}
}  // namespace

TEST_CASE("What a connection depends on comes back from a report", "[peer_report]") {
  auto sample = test::port_restricted();
  sample.ipv4->filtering = {address_dependent, address_and_port_dependent};
  sample.ipv4->layers = 1;
  sample.ipv4->hairpin = true;
  sample.ipv4->cgn = false;
  sample.port_mapping.upnp = {.available = true, .external = parse_ip_address("203.0.113.7")};
  const auto report = parse_peer_report(to_json(sample));
  REQUIRE(report);
  CHECK(report->udp == probe::UdpState::ok);
  REQUIRE(report->ipv4);
  CHECK(report->ipv4->local == sample.ipv4->local);
  CHECK(report->ipv4->mapped == sample.ipv4->mapped);
  CHECK(report->ipv4->nat == true);
  CHECK(report->ipv4->mapping == endpoint_independent);
  CHECK(report->ipv4->filtering == BehaviorSet{address_dependent, address_and_port_dependent});
  CHECK(report->ipv4->layers == 1U);
  CHECK(report->ipv4->hairpin == true);
  CHECK(report->ipv4->cgn == false);
  CHECK_FALSE(report->ipv6);
  CHECK(report->port_mapping == sample.port_mapping);
}

TEST_CASE("A family that was asked in vain is told from one that was not asked", "[peer_report]") {
  const auto report = parse_peer_report(to_json(test::silent()));
  REQUIRE(report);
  REQUIRE(report->ipv4);
  CHECK_FALSE(report->ipv4->mapped);
  CHECK_FALSE(report->ipv6);
}

TEST_CASE("Older reports have fewer keys, newer ones more", "[peer_report]") {
  const auto bare = parse_peer_report(with(""));
  REQUIRE(bare);
  CHECK(bare->udp == probe::UdpState::unknown);
  CHECK_FALSE(bare->ipv4);
  const auto report = parse_peer_report(with(
      R"("udp":"ok","ipv4":{"mapped":"203.0.113.7:1","mapping":"address-dependent","mood":{"a":[1]}},"more":[{}])"));
  REQUIRE(report);
  REQUIRE(report->ipv4);
  CHECK(report->ipv4->mapping == address_dependent);
  CHECK(report->ipv4->filtering.is_unknown());
  CHECK_FALSE(report->port_mapping.pcp.available);
}

TEST_CASE("A report that is none, or lies, names the place", "[peer_report]") {
  CHECK(refusal("") == "line 1: not JSON, or cut short");
  CHECK(refusal("{\n\"schema\":") == "line 2: not JSON, or cut short");
  CHECK(refusal("[]") == "the file: is no report of nat-probe (its schema is not natkit/nat-probe/1)");
  CHECK(refusal(R"({"schema":"natkit/punch/1"})").starts_with("the file: is no report"));
  const auto [members, detail] = GENERATE(table<std::string, std::string>({
      {R"("udp":"maybe")", "udp: is neither \"ok\" nor \"blocked\""},
      {R"("udp":7)", "udp: is not a text"},
      {R"("servers":{})", "servers: is not a list"},
      {R"("servers":[3])", "servers.0: is not an object"},
      {R"("servers":[{"address":"here"}])", "servers.0.address: is not an address and port"},
      {R"("ipv4":[])", "ipv4: is not an object"},
      {R"("ipv4":{"mapped":"203.0.113.7"})", "ipv4.mapped: is not an address and port"},
      {R"("ipv4":{"mapped":"[2001:db8::1]:1"})", "ipv4: holds an address of the other family"},
      {R"("ipv6":{"local":"192.0.2.1:1"})", "ipv6: holds an address of the other family"},
      {R"("ipv4":{"nat":1})", "ipv4.nat: is neither true nor false"},
      {R"("ipv4":{"mapping":"cone"})", "ipv4.mapping: is not a behavior that this version knows"},
      {R"("ipv4":{"mapping":[]})", "ipv4.mapping: is not a list of one to three behaviors"},
      {R"("ipv4":{"filtering":["address-dependent",1]})", "ipv4.filtering: is not a behavior that this version knows"},
      {R"("ipv4":{"layers":-1})", "ipv4.layers: is not a whole number from 0 to 255"},
      {R"("ipv4":{"layers":1e999})", "the file: has a value that cannot be represented"},
      {R"("port_mapping":1)", "port_mapping: is not an object"},
      {R"("port_mapping":{"pcp":1})", "port_mapping.pcp: is not an object"},
      {R"("port_mapping":{"pcp":{"available":"yes"}})", "port_mapping.pcp.available: is neither true nor false"},
      {R"("port_mapping":{"pcp":{"external":"x"}})", "port_mapping.pcp.external: is not an IP address"},
  }));
  CHECK(refusal(with(members)) == detail);
}

TEST_CASE("A report cut short anywhere is refused, and a huge or deep one is not built", "[peer_report]") {
  const auto text = to_json(test::port_restricted());
  for (std::size_t length = 0; length < text.size(); ++length) {
    CAPTURE(length);
    REQUIRE_FALSE(parse_peer_report(std::string_view(text).substr(0, length)));
  }
  CHECK(refusal(std::string(most_report_bytes + 1, ' ')).find("is larger than") != std::string::npos);
  CHECK(refusal(std::string(most_report_bytes, '[')) == "the file: nests deeper than a report does");
}
