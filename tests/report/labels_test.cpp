#include "natkit/report/labels.hpp"

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;
using Label = std::optional<Rfc3489Label>;

TEST_CASE("Every pair of mapping and filtering behind a NAT has its RFC 3489 label", "[labels]") {
  using enum Rfc3489Label;
  const auto [mapping, filtering, label] = GENERATE(table<Behavior, Behavior, Rfc3489Label>({
      {endpoint_independent, endpoint_independent, full_cone},
      {endpoint_independent, address_dependent, restricted_cone},
      {endpoint_independent, address_and_port_dependent, port_restricted_cone},
      {address_dependent, endpoint_independent, symmetric},
      {address_dependent, address_dependent, symmetric},
      {address_dependent, address_and_port_dependent, symmetric},
      {address_and_port_dependent, endpoint_independent, symmetric},
      {address_and_port_dependent, address_dependent, symmetric},
      {address_and_port_dependent, address_and_port_dependent, symmetric},
  }));
  CAPTURE(to_text(mapping), to_text(filtering));
  CHECK(rfc3489_label(test::family(true, mapping, filtering)) == label);
}

TEST_CASE("Without a NAT the label tells an open host from one behind a firewall", "[labels]") {
  using enum Rfc3489Label;
  CHECK(rfc3489_label(test::family(false, endpoint_independent, endpoint_independent)) == open_internet);
  CHECK(rfc3489_label(test::family(false, endpoint_independent, address_dependent)) == symmetric_firewall);
  CHECK(rfc3489_label(test::family(false, endpoint_independent, address_and_port_dependent)) == symmetric_firewall);
}

TEST_CASE("No NAT and a port that changes all the same contradict each other and have no label", "[labels]") {
  const auto mapping = GENERATE(address_dependent, address_and_port_dependent);
  CHECK(rfc3489_label(test::family(false, mapping, endpoint_independent)) == Label{});
}

TEST_CASE("A set has a label only where all its members lead to the same one", "[labels]") {
  using enum Rfc3489Label;
  const BehaviorSet dependent{address_dependent, address_and_port_dependent};
  const BehaviorSet unknown;
  CHECK(rfc3489_label(test::family(true, dependent, unknown)) == symmetric);
  CHECK(rfc3489_label(test::family(std::nullopt, dependent, unknown)) == symmetric);
  CHECK(rfc3489_label(test::family(false, unknown, dependent)) == symmetric_firewall);
  CHECK(rfc3489_label(test::family(true, endpoint_independent, dependent)) == Label{});
  CHECK(rfc3489_label(test::family(true, {endpoint_independent, address_dependent}, endpoint_independent)) == Label{});
  CHECK(rfc3489_label(test::family(std::nullopt, endpoint_independent, endpoint_independent)) == Label{});
  CHECK(rfc3489_label(test::family(true, unknown, unknown)) == Label{});
}

TEST_CASE("A report's label is that of IPv4 where IPv4 answered, else of IPv6", "[labels]") {
  using enum Rfc3489Label;
  auto report = test::port_restricted();
  report.ipv6 = test::family(false, endpoint_independent, endpoint_independent);
  CHECK(rfc3489_label(report) == port_restricted_cone);
  report.ipv4 = probe::FamilyReport{};
  CHECK(rfc3489_label(report) == open_internet);
  report.ipv6 = probe::FamilyReport{};
  CHECK(leading_family(report) == Family::ipv4);
  CHECK(rfc3489_label(report) == Label{});
  CHECK_FALSE(leading_family(probe::Report{}));
  CHECK(rfc3489_label(probe::Report{}) == Label{});
}

TEST_CASE("Blocked UDP is a label of its own", "[labels]") {
  CHECK(rfc3489_label(test::blocked()) == Rfc3489Label::udp_blocked);
  CHECK(to_text(Rfc3489Label::udp_blocked) == "udp-blocked");
  CHECK(to_text(Rfc3489Label::port_restricted_cone) == "port-restricted-cone");
}
