#include "natkit/probe/classifier.hpp"

#include <algorithm>

#include "catch.hpp"
#include "probe/story.hpp"

using namespace natkit;
using namespace natkit::test;
using enum probe::Question;
using enum Behavior;

namespace {
bool has_reason(const probe::Report& report, std::string_view about, std::string_view reason) {
  return std::ranges::any_of(report.evidence,
                             [&](const auto& item) { return item.about == about && item.reason == reason; });
}
}  // namespace

TEST_CASE("Two addresses that see one endpoint prove endpoint-independent mapping", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:40000", .other = "198.51.100.2:3479"});
  story.ask_and_hear(50ms, "198.51.100.2:3478", {.mapped = "203.0.113.7:40000"});
  story.end(100ms);
  const auto report = classify(story.trace);
  REQUIRE(report.ipv4);
  CHECK(report.ipv4->mapping == BehaviorSet{endpoint_independent});
  CHECK(report.ipv4->nat == true);
  CHECK(report.ipv4->port_preserved == false);
  CHECK(report.udp == probe::UdpState::ok);
  CHECK(report.elapsed == 100ms);
  CHECK(report.packets_sent == 2);
  CHECK_FALSE(report.ipv6);
  CHECK(has_reason(report, "ipv4.mapping", "same-mapping-from-two-addresses"));
}

TEST_CASE("Mapping is told from which endpoints see the same", "[classifier]") {
  struct Row {
    const char* port2;
    const char* address2;
    const char* both2;
    BehaviorSet verdict;
  };
  const char* const a = "203.0.113.7:1";
  const char* const b = "203.0.113.7:2";
  const char* const c = "203.0.113.7:3";
  const char* const d = "203.0.113.7:4";
  const auto row = GENERATE_COPY(values<Row>({
      {a, a, a, endpoint_independent},
      {a, b, b, address_dependent},
      {b, c, d, address_and_port_dependent},
      {nullptr, b, c, address_and_port_dependent},
      {nullptr, b, b, address_dependent},
      {nullptr, b, nullptr, {address_dependent, address_and_port_dependent}},
      {a, nullptr, nullptr, {endpoint_independent, address_dependent}},
      {b, nullptr, nullptr, address_and_port_dependent},
      {nullptr, nullptr, nullptr, {}},
      {b, a, a, {}},  // contradiction
  }));
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = a, .other = "198.51.100.2:3479"});
  if (row.port2) story.ask_and_hear(50ms, "198.51.100.1:3479", {.mapped = row.port2});
  if (row.address2) story.ask_and_hear(50ms, "198.51.100.2:3478", {.mapped = row.address2});
  if (row.both2) story.ask_and_hear(50ms, "198.51.100.2:3479", {.mapped = row.both2});
  story.end(100ms);
  CHECK(classify(story.trace).ipv4->mapping == row.verdict);
}

TEST_CASE("A mapping that moves during the run gives no verdict", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479"});
  story.ask_and_hear(15ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:2"});
  story.ask_and_hear(50ms, "198.51.100.2:3478", {.mapped = "203.0.113.7:1"});
  story.end(100ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(has_reason(report, "ipv4.mapping", "mapping-changed"));
}

TEST_CASE("A public address is no NAT", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:40000", .local = "203.0.113.7:40000"});
  story.end(100ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->nat == false);
  CHECK(report.ipv4->port_preserved == true);
}

namespace {
/// Everything but the filtering questions, so that the alternates are known to live.
Story with_living_alternates() {
  Story story{"198.51.100.1:3478"};
  const Story::Reply first{.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479", .receipt = "198.51.100.1:3478"};
  for (const auto at : {0ms, 15ms, 30ms}) story.ask_and_hear(at, "198.51.100.1:3478", first);
  for (const auto at : {50ms, 65ms, 80ms}) {
    story.ask_and_hear(at, "198.51.100.1:3479", {.mapped = "203.0.113.7:1"});
    story.ask_and_hear(at, "198.51.100.2:3478", {.mapped = "203.0.113.7:1"});
    story.ask_and_hear(at, "198.51.100.2:3479", {.mapped = "203.0.113.7:1"});
  }
  return story;
}
}  // namespace

TEST_CASE("An answer from an address never sent to proves endpoint-independent filtering", "[classifier]") {
  auto story = with_living_alternates();
  const auto id = story.ask(0ms, filtering, "198.51.100.1:3478");
  story.hear(50ms, id, "198.51.100.2:3479", {.mapped = "203.0.113.7:2"});
  story.ask_in_vain(filtering_port, "198.51.100.1:3478", "198.51.100.1:3479", 1);
  story.end(200ms);
  CHECK(classify(story.trace).ipv4->filtering == BehaviorSet{endpoint_independent});
}

TEST_CASE("Receipted silence and an answer from the other port prove address-dependent filtering", "[classifier]") {
  auto story = with_living_alternates();
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 4);
  const auto id = story.ask(0ms, filtering_port, "198.51.100.1:3478");
  story.hear(50ms, id, "198.51.100.1:3479", {.mapped = "203.0.113.7:3"});
  story.end(200ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->filtering == BehaviorSet{address_dependent});
  CHECK(has_reason(report, "ipv4.filtering", "silence-after-receipts"));
}

TEST_CASE("Receipted silence to both questions proves address-and-port-dependent filtering", "[classifier]") {
  auto story = with_living_alternates();
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 4);
  story.ask_in_vain(filtering_port, "198.51.100.1:3478", "198.51.100.1:3479", 4);
  story.end(200ms);
  CHECK(classify(story.trace).ipv4->filtering == BehaviorSet{address_and_port_dependent});
}

TEST_CASE("Silence that ends before the guard is over proves nothing", "[classifier]") {
  auto story = with_living_alternates();
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 4);
  story.ask_in_vain(filtering_port, "198.51.100.1:3478", "198.51.100.1:3479", 4);
  story.end(130ms);  // the last receipt came at 95 ms
  const auto report = classify(story.trace);
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(has_reason(report, "ipv4.filtering", "loss-could-explain-it"));
}

TEST_CASE("One or two silent copies prove nothing where packets get lost", "[classifier]") {
  auto story = with_living_alternates();
  for (int i = 0; i < 6; ++i) story.ask(10ms * i, mapping, "198.51.100.1:3478");  // never answered
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 4);
  story.ask_in_vain(filtering_port, "198.51.100.1:3478", "198.51.100.1:3479", 4);
  story.end(300ms);
  CHECK(classify(story.trace).ipv4->filtering.is_unknown());
}

TEST_CASE("Copies that our server never receipted do not count as silence", "[classifier]") {
  auto story = with_living_alternates();
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 3);
  story.ask(50ms, filtering, "198.51.100.1:3478");
  story.ask(65ms, filtering, "198.51.100.1:3478");
  story.end(400ms);
  CHECK(classify(story.trace).ipv4->filtering.is_unknown());
}

TEST_CASE("A second address that answers nobody makes silence worthless", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  for (const auto at : {0ms, 15ms, 30ms})
    story.ask_and_hear(at, "198.51.100.1:3478",
                       {.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479", .receipt = "198.51.100.1:3478"});
  for (int i = 0; i < 10; ++i) story.ask(50ms + 15ms * i, mapping, "198.51.100.2:3479");
  story.ask_in_vain(filtering, "198.51.100.1:3478", "198.51.100.2:3479", 6);
  story.end(2s);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(has_reason(report, "ipv4.mapping", "second-endpoint-silent"));
  CHECK(has_reason(report, "ipv4.filtering", "second-endpoint-silent"));
  CHECK(report.servers.front().behavior_discovery == false);
}

TEST_CASE("A server that ignores CHANGE-REQUEST is found out", "[classifier]") {
  auto story = with_living_alternates();
  const auto id = story.ask(0ms, filtering, "198.51.100.1:3478");
  story.hear(50ms, id, "198.51.100.1:3478", {.mapped = "203.0.113.7:2"});
  story.end(200ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(has_reason(report, "ipv4.filtering", "server-ignores-change-request"));
  CHECK(report.servers.front().behavior_discovery == false);
}

TEST_CASE("A server whose OTHER-ADDRESS is its own address counts as one address", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = "198.51.100.1:3479"});
  story.ask_and_hear(50ms, "198.51.100.1:3479", {.mapped = "203.0.113.7:1"});
  story.end(200ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->mapping == BehaviorSet{endpoint_independent, address_dependent});
  CHECK(report.servers.front().behavior_discovery == false);
}

TEST_CASE("Servers that contradict each other give no verdict", "[classifier]") {
  Story story{"198.51.100.1:3478", "192.0.2.9:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479"});
  story.ask_and_hear(0ms, "192.0.2.9:3478", {.mapped = "10.9.9.9:9"}, 1);
  story.ask_and_hear(50ms, "198.51.100.2:3478", {.mapped = "203.0.113.7:1"});
  story.end(200ms);
  const auto report = classify(story.trace);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(has_reason(report, "ipv4.mapping", "contradictory-answers"));
}

TEST_CASE("UDP is blocked only when the server is heard over TCP", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  for (const auto at : {0ms, 15ms, 30ms, 250ms, 690ms}) story.ask(at, mapping, "198.51.100.1:3478");
  SECTION("heard") {
    const auto id = story.ask(250ms, tcp_control, "198.51.100.1:3478");
    story.hear(350ms, id, "198.51.100.1:3478", {.mapped = "203.0.113.7:4"});
    story.end(1s);
    CHECK(classify(story.trace).udp == probe::UdpState::blocked);
  }
  SECTION("not heard") {
    story.ask(250ms, tcp_control, "198.51.100.1:3478");
    story.end(3s);
    const auto report = classify(story.trace);
    CHECK(report.udp == probe::UdpState::unknown);
    CHECK(has_reason(report, "udp", "no-answer"));
    CHECK_FALSE(report.ipv4->nat);
  }
}
