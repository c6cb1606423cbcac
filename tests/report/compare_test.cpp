#include "natkit/report/compare.hpp"

#include <utility>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

namespace {
constexpr auto ei = endpoint_independent, ad = address_dependent, apd = address_and_port_dependent;

bool has(std::optional<std::string_view> text, std::string_view part) {
  return text && text->find(part) != std::string_view::npos;
}

std::vector<Comparison> compared(std::optional<bool> nat, BehaviorSet mapping, BehaviorSet filtering) {
  return compare(test::report_of(test::family(nat, mapping, filtering)));
}
}  // namespace

TEST_CASE("The tools are always all named, in one order", "[compare]") {
  for (const auto& report : {probe::Report{}, test::silent(), test::blocked(), test::port_restricted()}) {
    const auto all = compare(report);
    REQUIRE(all.size() == 3);
    CHECK(all[0].tool == "stunclient --mode full");
    CHECK(all[1].tool == "tailscale netcheck");
    CHECK(all[2].tool == "pystun3");
  }
}

TEST_CASE("Each pair of mapping and filtering is called what the tools were seen to call it", "[compare]") {
  const auto [mapping, filtering, stunclient, varies, pystun3, pystun3_agrees] =
      GENERATE(table<Behavior, Behavior, std::string_view, bool, std::string_view, bool>({
          {ei, ei, "Endpoint Independent Mapping, Endpoint Independent Filtering", false, "Full Cone", true},
          {ei, ad, "Endpoint Independent Mapping, Address Dependent Filtering", false, "Restric NAT", true},
          {ei, apd, "Endpoint Independent Mapping, Address and Port Dependent Filtering", false, "Restric Port NAT",
           false},  // sometimes symmetric, by its own doing
          {ad, ei, "Address Dependent Mapping, Endpoint Independent Filtering", true, "Full Cone", false},
          {ad, ad, "Address Dependent Mapping, Address Dependent Filtering", true, "Symmetric NAT", false},
          {ad, apd, "Address Dependent Mapping, Address and Port Dependent Filtering", true, "Symmetric NAT", false},
          {apd, ei, "Address and Port Dependent Mapping, Endpoint Independent Filtering", true, "Full Cone", false},
          {apd, ad, "Address and Port Dependent Mapping, Address Dependent Filtering", true, "Symmetric NAT", false},
          {apd, apd, "Address and Port Dependent Mapping, Address and Port Dependent Filtering", true, "Symmetric NAT",
           true},
      }));
  const auto all = compared(true, mapping, filtering);
  CHECK(all[0].says == stunclient);
  CHECK_FALSE(all[0].differs_because);
  CHECK(has(all[1].says, varies ? "MappingVariesByDestIP: true" : "MappingVariesByDestIP: false"));
  CHECK(has(all[1].differs_because, "filtering"));
  CHECK(all[2].says == pystun3);
  CHECK(all[2].differs_because.has_value() != pystun3_agrees);
}

TEST_CASE("Without a NAT stunclient overlooks the firewall and pystun3 invents a NAT", "[compare]") {
  const auto open = compared(false, endpoint_independent, endpoint_independent);
  CHECK(open[0].says == "Direct Mapping, Endpoint Independent Filtering");
  CHECK_FALSE(open[0].differs_because);
  CHECK(has(open[1].says, "MappingVariesByDestIP: false"));
  CHECK(open[2].says == "Full Cone");
  CHECK(has(open[2].differs_because, "0.0.0.0"));

  const auto firewall = compared(false, endpoint_independent, address_and_port_dependent);
  CHECK(firewall[0].says == open[0].says);
  CHECK(has(firewall[0].differs_because, "firewall"));
  CHECK(firewall[2].says == "Restric Port NAT");
}

TEST_CASE("Blocked UDP is a failure to all of them, and so is a server that is down", "[compare]") {
  const auto all = compare(test::blocked());
  CHECK(has(all[0].says, "Binding test: fail"));
  CHECK(all[1].says == "UDP: false");
  CHECK(all[2].says == "Blocked");
  for (const auto& one : all) CHECK(has(one.differs_because, "the same"));
}

TEST_CASE("Where ours is unknown theirs cannot be told", "[compare]") {
  for (const auto& report : {probe::Report{}, test::silent()}) {
    for (const auto& one : compare(report)) {
      CHECK_FALSE(one.says);
      CHECK_FALSE(one.differs_because);
    }
  }
  const auto all = compared(true, BehaviorSet{}, BehaviorSet{});
  for (const auto& one : all) CHECK_FALSE(one.says);
  auto only_ipv6 = test::port_restricted();
  only_ipv6.ipv6 = std::exchange(only_ipv6.ipv4, std::nullopt);
  for (const auto& one : compare(only_ipv6)) CHECK_FALSE(one.says);
}

TEST_CASE("What all that is still possible agrees on can be told", "[compare]") {
  const auto unfiltered = compared(true, endpoint_independent, BehaviorSet{});
  CHECK_FALSE(unfiltered[0].says);
  CHECK(has(unfiltered[1].says, "MappingVariesByDestIP: false"));
  CHECK_FALSE(unfiltered[2].says);

  const auto symmetric =
      compared(true, {address_dependent, address_and_port_dependent}, {address_dependent, address_and_port_dependent});
  CHECK_FALSE(symmetric[0].says);
  CHECK(has(symmetric[1].says, "MappingVariesByDestIP: true"));
  CHECK(symmetric[2].says == "Symmetric NAT");
  CHECK_FALSE(symmetric[2].differs_because);  // whether it does is not known

  const auto no_nat = compared(false, endpoint_independent, BehaviorSet{});
  CHECK(no_nat[0].says == "Direct Mapping, Endpoint Independent Filtering");
}

TEST_CASE("For people a tool is a line, and why it differs another", "[compare]") {
  const auto text = to_text(compared(true, address_dependent, endpoint_independent));
  CHECK(text.starts_with("\nother tools, over IPv4\n  stunclient --mode full  Address Dependent Mapping, Endpoint"));
  CHECK(text.find("\n  pystun3                 Full Cone\n                          whoever lets") !=
        std::string::npos);
  CHECK(to_text(compare(test::silent())).find("  tailscale netcheck      cannot be told") != std::string::npos);
}
