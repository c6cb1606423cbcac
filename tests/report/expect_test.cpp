#include "natkit/report/expect.hpp"

#include "catch.hpp"
#include "natkit/report/probe_json.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;

namespace {
const auto json = to_json(test::port_restricted());

std::vector<Unmet> unmet(std::string_view text, std::string_view answer = json) {
  const std::vector<Expectation> asked{parse_expectation(text).value()};
  return unmet_expectations(answer, asked).value();
}

Error refusal(std::string_view text) {
  const std::vector<Expectation> asked{parse_expectation(text).value()};
  const auto result = unmet_expectations(json, asked);
  REQUIRE_FALSE(result);
  return result.error();
}
}  // namespace

TEST_CASE("An expectation is met by the text of the value at its path", "[expect]") {
  const auto* text = GENERATE("udp=ok", "ipv4.mapping=endpoint-independent", "ipv4.nat=true", "packets_sent=14",
                              "servers.0.address=198.51.100.1:3478", "servers.0.rtt_ms=50.213", "ipv4.hairpin=null",
                              "ipv6.mapping=unknown", "port_mapping.upnp.available=unknown", "verdict.advice=");
  CAPTURE(text);
  CHECK(unmet(text).empty());
}

TEST_CASE("What is not met says key, expected value and the one got", "[expect]") {
  const auto [text, line] = GENERATE(table<std::string, std::string>({
      {"ipv4.nat=false", "expected ipv4.nat=false, got true"},
      {"ipv6.nat=false", "expected ipv6.nat=false, got unknown"},
      {"ipv4.mapping=unknown", "expected ipv4.mapping=unknown, got endpoint-independent"},
      {"udp=", "expected udp=, got ok"},
      {"udp=ok=ok", "expected udp=ok=ok, got ok"},
  }));
  const auto found = unmet(text);
  REQUIRE(found.size() == 1);
  CHECK(to_text(found[0]) == line);
}

TEST_CASE("A set is expected as its members in any order, all of them", "[expect]") {
  using enum Behavior;
  const auto answer =
      to_json(test::report_of(test::family(true, endpoint_independent, {endpoint_independent, address_dependent})));
  CHECK(unmet("ipv4.filtering=endpoint-independent,address-dependent", answer).empty());
  CHECK(unmet("ipv4.filtering=address-dependent,endpoint-independent", answer).empty());
  const auto found = unmet("ipv4.filtering=endpoint-independent", answer);
  REQUIRE(found.size() == 1);
  CHECK(found[0].got == "endpoint-independent,address-dependent");
}

TEST_CASE("A key that is not there is a usage error that names its neighbours", "[expect]") {
  const auto slip = refusal("ipv4.maping=x");
  CHECK(slip.code == Errc::usage);
  CHECK(slip.reason == "unknown-key");
  CHECK(slip.detail == "there is no key 'ipv4.maping'");
  CHECK(slip.advice.starts_with("did you mean 'ipv4.mapping'? 'ipv4' has: local, mapped, nat, mapping, "));
  CHECK(refusal("colour=x").advice.starts_with("the answer has: "));
  CHECK(refusal("servers.first.address=x").detail == "'servers' is a list, 'first' is no index");
  CHECK(refusal("servers.7.address=x").advice == "'servers' has 1 elements, counted from 0");
  CHECK(refusal("udp.state=x").detail == "'udp' has no parts, so there is no 'udp.state'");
  CHECK(refusal("ipv4.=x").reason == "unknown-key");
  CHECK(refusal(".=x").reason == "unknown-key");
}

TEST_CASE("A key that would drive the terminal comes back escaped", "[expect]") {
  CHECK(refusal("ipv4.\x1b[2J=x").detail == "there is no key 'ipv4.\\x1b[2J'");
}

TEST_CASE("Keys can be checked before anything was measured", "[expect]") {
  const auto empty = to_json(probe::Report{});
  const auto check = [&](std::string_view text) {
    const std::vector<Expectation> asked{parse_expectation(text).value()};
    return check_keys(empty, asked).has_value();
  };
  CHECK(check("ipv4.mapping=x"));
  CHECK(check("servers.3.rtt_ms=x"));
  CHECK_FALSE(check("servers.x.rtt_ms=x"));
  CHECK_FALSE(check("ipv4.maping=x"));
}

TEST_CASE("An expectation without key or equals sign is refused", "[expect]") {
  const auto* text = GENERATE("", "udp", "=ok");
  const auto result = parse_expectation(text);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::usage);
  CHECK(result.error().reason == "bad-expectation");
}
