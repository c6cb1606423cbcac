#include "natkit/report/console_labels.hpp"

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;
using Rule = probe::PortAllocation::Rule;

namespace {
probe::Report behind(BehaviorSet mapping, BehaviorSet filtering, std::optional<bool> upnp,
                     std::optional<Rule> rule = Rule::random) {
  auto report = test::report_of(test::family(true, mapping, filtering));
  report.ipv4->port_allocation.rule = rule;
  report.port_mapping.upnp.available = upnp;
  return report;
}
}  // namespace

TEST_CASE("Nintendo grades the mapping, the filter, and whether the next port can be told", "[labels]") {
  const auto label = [](BehaviorSet mapping, BehaviorSet filtering, std::optional<Rule> rule = Rule::random) {
    return console_labels(behind(mapping, filtering, std::nullopt, rule)).nintendo;
  };
  CHECK(label(endpoint_independent, endpoint_independent) == "A");
  CHECK(label(endpoint_independent, address_dependent) == "A");
  CHECK(label(endpoint_independent, {endpoint_independent, address_dependent}) == "A");
  CHECK(label(endpoint_independent, address_and_port_dependent) == "B");
  CHECK(label(endpoint_independent, {address_dependent, address_and_port_dependent}) == "");
  CHECK(label(address_and_port_dependent, endpoint_independent, Rule::sequential) == "C");
  CHECK(label({address_dependent, address_and_port_dependent}, {}, Rule::random) == "D");
  CHECK(label(address_dependent, {}, std::nullopt) == "");
  CHECK(label({}, endpoint_independent) == "");
  CHECK(console_labels(test::blocked()).nintendo == "F");
}

TEST_CASE("Xbox counts UPnP as openness", "[labels]") {
  const auto label = [](BehaviorSet mapping, BehaviorSet filtering, std::optional<bool> upnp) {
    return console_labels(behind(mapping, filtering, upnp)).xbox;
  };
  CHECK(label(endpoint_independent, endpoint_independent, std::nullopt) == "open");
  CHECK(label(address_and_port_dependent, address_and_port_dependent, true) == "open");
  CHECK(label(endpoint_independent, address_dependent, false) == "moderate");
  CHECK(label(endpoint_independent, address_dependent, std::nullopt) == "");
  CHECK(label(address_dependent, {}, false) == "strict");
  CHECK(label({}, {}, false) == "");
  CHECK(console_labels(test::blocked()).xbox == "strict");
}

TEST_CASE("PlayStation's types are guessed from what its pages say", "[labels]") {
  CHECK(console_labels(test::report_of(test::family(false, {}, {}))).playstation == "type-1");
  CHECK(console_labels(behind(endpoint_independent, {}, std::nullopt)).playstation == "type-2");
  CHECK(console_labels(behind(address_dependent, {}, true)).playstation == "type-2");
  CHECK(console_labels(behind(address_dependent, {}, false)).playstation == "type-3");
  CHECK(console_labels(behind(address_dependent, {}, std::nullopt)).playstation == "");
  CHECK(console_labels(test::silent()).playstation == "");
  CHECK(console_labels(test::blocked()).playstation == "type-3");
}

TEST_CASE("Behind a login page no console's label is known", "[labels]") {
  auto report = test::blocked();
  CHECK(console_labels(report).nintendo == "F");
  report.captive_portal = true;
  CHECK(console_labels(report).nintendo.empty());
  CHECK(console_labels(report).xbox.empty());
  CHECK(console_labels(report).playstation.empty());
}
