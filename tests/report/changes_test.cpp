#include "natkit/report/changes.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/report/probe_json.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using Changes = std::vector<Change>;

namespace {
constexpr std::chrono::sys_seconds moment{std::chrono::seconds{1'795'333'374}};
const Error nobody{Errc::nobody_there, "server-unreachable", "nobody answered", ""};
const Error unmet{Errc::usage, "expectation-not-met", "expected this, got that", ""};

Changes between(const probe::Report& before, const probe::Report& after) {
  return changes_between(to_json(before), to_json(after));
}
}  // namespace

TEST_CASE("Times, counts, sentences and ports of sockets are no changes", "[changes]") {
  const auto before = test::port_restricted();
  auto after = before;
  after.elapsed = 3s;
  after.packets_sent = 99;
  after.servers[0].rtt = 1ms;
  after.evidence = {{"ipv4.mapping", "other", "something else"}};
  after.ipv4->local->port = 1;
  after.ipv4->mapped->port = 2;
  after.ipv4->port_allocation.range = {{1, 2}};
  CHECK(between(before, after).empty());
}

TEST_CASE("That a remembered value has grown older is no change, that there is one now is", "[changes]") {
  const auto before = test::port_restricted();
  auto after = before;
  after.ipv4->hairpin = true;
  const auto at = [](Duration age) { return Supplement{.remembered = {{.about = "ipv4.hairpin", .age = age}}}; };
  CHECK(changes_between(to_json(after, at(1h)), to_json(after, at(2h))).empty());
  CHECK(changes_between(to_json(before), to_json(after, at(1h))) == Changes{{"ipv4.hairpin", "null", "true"}});
}

TEST_CASE("A value that is another one is a change, an address without its port", "[changes]") {
  const auto before = test::port_restricted();
  auto after = before;
  after.ipv4->mapped = test::endpoint("203.0.113.9:1");
  CHECK(between(before, after) == Changes{{"ipv4.mapped", R"("203.0.113.7")", R"("203.0.113.9")"}});
  after = before;
  after.ipv4->port_preserved = std::nullopt;
  CHECK(between(before, after) == Changes{{"ipv4.port_preserved", "true", "null"}});
  after = before;
  after.ipv4->filtering = {Behavior::address_dependent, Behavior::address_and_port_dependent};
  const auto changes = between(before, after);
  REQUIRE_FALSE(changes.empty());
  CHECK(changes[0] == Change{"ipv4.filtering", R"("address-and-port-dependent")",
                             R"(["address-dependent","address-and-port-dependent"])"});
}

TEST_CASE("A server that comes or goes changes what is at its place", "[changes]") {
  auto before = test::port_restricted();
  auto after = before;
  after.servers.push_back(
      {.name = "b", .address = test::endpoint("198.51.100.9:1"), .rtt = {}, .loss = {}, .behavior_discovery = {}});
  const auto come = between(before, after);
  REQUIRE(come.size() >= 2);
  CHECK(come[0] == Change{"servers.1.address", "null", R"("198.51.100.9:1")"});
  CHECK(between(after, before).size() == come.size());
}

TEST_CASE("What is no JSON has no values", "[changes]") {
  CHECK(changes_between("", "[]").empty());
  CHECK(changes_between("", R"({"a":1})") == Changes{{"a", "null", "1"}});
}

TEST_CASE("A run that fails is one change, and the next is held against the last that measured", "[changes]") {
  WatchedAnswers answers;
  CHECK_FALSE(answers.has_answer());
  auto report = test::port_restricted();
  CHECK(answers.enter(to_json(report), {}).empty());
  CHECK(answers.has_answer());
  CHECK(answers.enter(to_json(report), {}).empty());
  CHECK(answers.enter_failure(nobody) == Changes{{"error.reason", "null", R"("server-unreachable")"}});
  CHECK(answers.enter_failure(nobody).empty());
  report.ipv4->mapped = test::endpoint("203.0.113.9:1");
  CHECK(answers.enter(to_json(report), {}) == Changes{{"error.reason", R"("server-unreachable")", "null"},
                                                      {"ipv4.mapped", R"("203.0.113.7")", R"("203.0.113.9")"}});
  CHECK(answers.enter(to_json(report, unmet), unmet) == Changes{{"error.reason", "null", R"("expectation-not-met")"}});
}

TEST_CASE("Events begin with schema and event", "[changes]") {
  const auto report = report_event(to_json(test::port_restricted()), moment);
  CHECK(report.starts_with(
      R"({"schema":"natkit/nat-probe/1","event":"report","at":"2026-11-22T07:42:54Z","udp":"ok","servers":[)"));
  CHECK(nlohmann::json::parse(report).size() == 20);
  const Changes changes{{"ipv4.mapped", R"("203.0.113.7")", "null"}};
  CHECK(changed_event(changes, moment) ==
        R"({"schema":"natkit/nat-probe/1","event":"changed","at":"2026-11-22T07:42:54Z",)"
        R"("changes":[{"key":"ipv4.mapped","from":"203.0.113.7","to":null}]})");
}

TEST_CASE("A change in words is one line", "[changes]") {
  CHECK(to_text(Change{"ipv4.mapped", R"("203.0.113.7")", "null"}, moment) ==
        "2026-11-22T07:42:54Z ipv4.mapped: 203.0.113.7 -> unknown");
  CHECK(to_text(Change{"error.reason", "null", R"("server-unreachable")"}, moment) ==
        "2026-11-22T07:42:54Z error.reason: none -> server-unreachable");
  CHECK(to_text(Change{"ipv4.mapping", R"(["endpoint-independent","address-dependent"])", "[]"}, moment) ==
        "2026-11-22T07:42:54Z ipv4.mapping: endpoint-independent, address-dependent -> none");
  CHECK(to_text(Change{"servers.0.name", R"("a")", R"("b\nc")"}, moment).find('\n') == std::string::npos);
}
