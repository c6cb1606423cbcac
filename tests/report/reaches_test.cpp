#include "natkit/report/reaches.hpp"

#include <map>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;
using enum Rfc3489Label;

namespace {
std::map<Rfc3489Label, std::string_view> ways(const probe::Report& report) {
  const auto all = reaches_of(report);
  return {all.begin(), all.end()};
}
}  // namespace

TEST_CASE("A home router reaches all but those who show each peer another port", "[reaches]") {
  auto found = ways(test::port_restricted());
  CHECK(found[open_internet] == "direct");
  CHECK(found[port_restricted_cone] == "direct");
  CHECK(found[symmetric] == "direct-with-prediction");
  CHECK(found[udp_blocked] == "relay");
}

TEST_CASE("Two symmetric NATs need a relay", "[reaches]") {
  auto found = ways(test::report_of(test::family(true, address_and_port_dependent, address_and_port_dependent)));
  CHECK(found[full_cone] == "direct");
  CHECK(found[restricted_cone] == "direct");
  CHECK(found[port_restricted_cone] == "direct-with-prediction");
  CHECK(found[symmetric] == "relay");
}

TEST_CASE("Where UDP is blocked everybody needs a relay, and where nothing is known nobody can tell", "[reaches]") {
  for (const auto& [peer, way] : reaches_of(test::blocked())) CHECK(way == "relay");
  CHECK(reaches_of(test::silent()).empty());
  auto found = ways(test::report_of(test::family(true, {}, {})));
  CHECK(found[open_internet] == "direct");  // who lets everybody in is reached by everybody
  CHECK(found[symmetric] == "");
}

TEST_CASE("Behind a login page nobody can tell", "[reaches]") {
  auto report = test::blocked();
  CHECK_FALSE(reaches_of(report).empty());
  report.captive_portal = true;
  CHECK(reaches_of(report).empty());
}
