#include "natkit/report/verdict.hpp"

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

TEST_CASE("The verdict's grade follows from what a peer would meet", "[verdict]") {
  const BehaviorSet unknown;
  const BehaviorSet one_address_server{endpoint_independent, address_dependent};
  const BehaviorSet dependent{address_dependent, address_and_port_dependent};
  const auto [nat, mapping, filtering, grade] =
      GENERATE_COPY(table<std::optional<bool>, BehaviorSet, BehaviorSet, Grade>({
          {false, endpoint_independent, endpoint_independent, Grade::open},
          {false, endpoint_independent, address_dependent, Grade::good},
          {false, endpoint_independent, address_and_port_dependent, Grade::good},
          {false, endpoint_independent, unknown, Grade::good},
          {true, endpoint_independent, endpoint_independent, Grade::open},
          {true, endpoint_independent, address_dependent, Grade::good},
          {true, endpoint_independent, address_and_port_dependent, Grade::good},
          {true, endpoint_independent, one_address_server, Grade::good},
          {true, endpoint_independent, unknown, Grade::good},
          {true, address_dependent, address_dependent, Grade::hard},
          {true, address_and_port_dependent, address_and_port_dependent, Grade::hard},
          {true, dependent, unknown, Grade::hard},
          {true, one_address_server, unknown, Grade::unknown},
          {true, unknown, unknown, Grade::unknown},
      }));
  const auto verdict = verdict_of(test::report_of(test::family(nat, mapping, filtering)));
  CAPTURE(verdict.summary);
  CHECK(verdict.grade == grade);
  CHECK(verdict.summary.starts_with(std::string(to_text(grade)) + ": "));
}

TEST_CASE("A mapping that only a second address could settle advises such a server", "[verdict]") {
  const auto verdict =
      verdict_of(test::report_of(test::family(true, {endpoint_independent, address_dependent}, BehaviorSet{})));
  REQUIRE(verdict.advice.size() == 1);
  CHECK(verdict.advice[0].find("two addresses") != std::string::npos);
}

TEST_CASE("Silence is unknown and says what was tried; only a proof makes it blocked", "[verdict]") {
  auto silent = test::silent();
  CHECK(verdict_of(silent).summary == "Unknown: no server answered, neither over UDP nor over TCP");
  silent.evidence.push_back({"udp", "cannot-send", "udp to 198.51.100.1:3478: Network is unreachable"});
  CHECK(verdict_of(silent).summary == "Unknown: no server answered (udp to 198.51.100.1:3478: Network is unreachable)");
  CHECK(verdict_of(test::blocked()).grade == Grade::blocked);
  CHECK(verdict_of(probe::Report{}).grade == Grade::unknown);
}

TEST_CASE("The other family is mentioned where it is another matter", "[verdict]") {
  auto report = test::port_restricted();
  report.ipv6 = test::family(false, endpoint_independent, address_and_port_dependent);
  CHECK(verdict_of(report).summary.find("IPv6") == std::string::npos);
  report.ipv6 = test::family(false, endpoint_independent, endpoint_independent);
  CHECK(verdict_of(report).summary.find("; over IPv6: no NAT and no firewall") != std::string::npos);
}

TEST_CASE("Where UDP is blocked, what gets out all the same is what to use", "[verdict]") {
  auto report = test::blocked();
  report.ways_out = {{"tcp", report.servers[0].address}, {"tcp", test::endpoint("198.51.100.1:443")}};
  auto verdict = verdict_of(report);
  CHECK(verdict.summary == "Blocked: UDP does not get through; only TCP is left, for most peers through a relay");
  REQUIRE(verdict.advice.size() == 2);
  CHECK(verdict.advice[1].find("TCP port 443") != std::string::npos);
  report.ways_out->push_back({"udp", test::endpoint("198.51.100.1:53")});
  verdict = verdict_of(report);
  CHECK(verdict.summary == "Blocked: UDP does not get through at the usual port, but it does at port 53");
  CHECK(verdict.advice.at(0).find("UDP port 53") != std::string::npos);
}

TEST_CASE("What may be a login page is told with what else it may be", "[verdict]") {
  auto report = test::silent();
  CHECK_FALSE(is_perhaps_behind_a_portal(report));
  report.evidence.push_back({"captive_portal", std::string{probe::reason_of_page}, "a page answers for nobody"});
  CHECK(is_perhaps_behind_a_portal(report));
  const auto verdict = verdict_of(report);
  CHECK(verdict.grade == Grade::unknown);
  CHECK(verdict.summary.find("perhaps a login page") != std::string::npos);
  REQUIRE(verdict.advice.size() == 2);
  CHECK(verdict.advice[1].find("may be down") != std::string::npos);
  report.udp = probe::UdpState::ok;
  CHECK_FALSE(is_perhaps_behind_a_portal(report));
}

TEST_CASE("Before a login page nothing else matters", "[verdict]") {
  auto report = test::blocked();
  report.captive_portal = false;
  CHECK(verdict_of(report).summary.find("login page") == std::string::npos);
  report.captive_portal = true;
  for (const auto udp : {probe::UdpState::blocked, probe::UdpState::unknown}) {
    report.udp = udp;
    const auto verdict = verdict_of(report);
    CHECK(verdict.grade == Grade::blocked);
    CHECK(verdict.summary == "Blocked: this network shows a login page before it lets anything out (captive portal)");
    REQUIRE(verdict.advice.size() == 1);
    CHECK(verdict.advice[0].find("http://") != std::string::npos);
  }
}
