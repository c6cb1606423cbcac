#include "natkit/report/remembered.hpp"

#include "catch.hpp"
#include "natkit/report/probe_html.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/probe_text.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using enum Behavior;
using Rule = probe::PortAllocation::Rule;

namespace {
constexpr NetworkId home{1, 2, 3};
constexpr NetworkId cafe{4, 5, 6};
constexpr std::chrono::sys_seconds moment{std::chrono::seconds{1'795'333'374}};
const probe::MappingLifetime two_minutes{.shortest = 120s, .longest = 125s, .refresh = probe::Refresh::outbound};

/// A home router that nobody has asked for what takes long.
probe::FamilyReport quick() {
  auto facts = test::family(true, endpoint_independent, address_and_port_dependent);
  facts.port_allocation.rule = Rule::preserving;
  return facts;
}

/// … and one that was asked.
probe::FamilyReport whole() {
  auto facts = quick();
  facts.hairpin = true;
  facts.mapping_lifetime = two_minutes;
  return facts;
}

NetworkMemories remembering(const NetworkId& network, const probe::FamilyReport& facts) {
  NetworkMemories memories;
  CHECK(learn(memories, network, facts, moment) == Learned::something);
  return memories;
}

probe::Report unasked() {
  auto report = test::report_of(quick());
  report.evidence = {{"ipv4.hairpin", "not-asked", "hairpinning is only tried with --hairpin"},
                     {"ipv4.mapping_lifetime_ms", "not-asked", "only measured with --lifetime"}};
  return report;
}

std::vector<Remembered> recalled(const NetworkMemories& memories, probe::Report& report,
                                 std::chrono::sys_seconds now = moment + 3h) {
  return recall(memories, home, Family::ipv4, report, now);
}

/// What an unasked run would say behind this NAT.
std::size_t count_recalled(const NetworkMemories& memories, const probe::FamilyReport& now) {
  auto report = test::report_of(now);
  return recalled(memories, report).size();
}
}  // namespace

TEST_CASE("What took long is said again on the same network, with its age", "[remembered]") {
  const auto memories = remembering(home, whole());
  auto report = unasked();
  const auto remembered = recalled(memories, report);
  REQUIRE(remembered.size() == 2);
  CHECK(remembered[0].about == "ipv4.hairpin");
  CHECK(remembered[1].about == "ipv4.mapping_lifetime_ms");
  CHECK(remembered[0].age == 3h);
  CHECK(report.ipv4->hairpin == true);
  CHECK(report.ipv4->mapping_lifetime.estimate() == 122500ms);
  CHECK(report.ipv4->mapping_lifetime.refresh == probe::Refresh::outbound);
  REQUIRE(report.evidence.size() == 2);
  for (const auto& item : report.evidence) CHECK(item.reason == "remembered");
  CHECK(report.evidence[0].detail ==
        "measured 3 h ago on this network, whose mapping, filtering and ports are the same now; --hairpin measures it "
        "again");
}

TEST_CASE("What is remembered is shown with its age in every form", "[remembered]") {
  auto report = unasked();
  const auto remembered = recalled(remembering(home, whole()), report);
  const auto text = to_text(report, Style::plain, remembered);
  CHECK(text.find("  hairpin    yes (measured 3 h ago)\n") != std::string::npos);
  CHECK(text.find("  lifetime   120 to 125 s, prolonged by what is sent only (measured 3 h ago)\n") !=
        std::string::npos);
  const auto json = to_json(report, {.remembered = remembered});
  CHECK(json.find(R"("remembered":[{"about":"ipv4.hairpin","age_ms":10800000.0},)"
                  R"({"about":"ipv4.mapping_lifetime_ms","age_ms":10800000.0}],)") != std::string::npos);
  CHECK(json.find(R"("hairpin":true,"mapping_lifetime_ms":122500.0,"mapping_lifetime_range_ms":[120000.0,125000.0],)"
                  R"("mapping_refresh":"outbound")") != std::string::npos);
  const auto page = to_html(report);
  const auto first = page.find("measured 3 h ago");
  CHECK(first != std::string::npos);
  CHECK(page.find("measured 3 h ago", first + 1) != std::string::npos);
}

TEST_CASE("What this run has measured is not said again, whatever it was", "[remembered]") {
  const auto memories = remembering(home, whole());
  auto report = unasked();
  report.ipv4->hairpin = false;
  report.ipv4->mapping_lifetime = {.shortest = 10s, .longest = {}, .refresh = {}};
  CHECK(recalled(memories, report).empty());
  CHECK(report.ipv4->hairpin == false);
  CHECK(report.ipv4->mapping_lifetime.shortest == 10s);
}

TEST_CASE("Who asked and got no answer hears why, and what is remembered before that", "[remembered]") {
  auto report = unasked();
  report.evidence = {{"ipv4.mapping_lifetime_ms", "no-answer", "the server did not answer"}};
  static_cast<void>(recalled(remembering(home, whole()), report));
  REQUIRE(report.evidence.size() == 3);
  CHECK(report.evidence[0].reason == "remembered");
  CHECK(report.evidence[1].reason == "no-answer");
}

TEST_CASE("Nothing is said of another network, without a NAT, or of a NAT that cannot be known again", "[remembered]") {
  auto report = unasked();
  CHECK(recalled(remembering(cafe, whole()), report).empty());
  const auto memories = remembering(home, whole());
  auto facts = quick();
  facts.nat = GENERATE(std::optional<bool>{false}, std::optional<bool>{});
  CHECK(count_recalled(memories, facts) == 0);
  facts = quick();
  facts.mapping = BehaviorSet{};
  CHECK(count_recalled(memories, facts) == 0);
  CHECK(recall(memories, home, Family::ipv6, report, moment).empty());
}

TEST_CASE("A NAT that behaves otherwise now is another one: nothing is said of it, and it is forgotten",
          "[remembered]") {
  auto memories = remembering(home, whole());
  auto now = quick();
  SECTION("mapping") { now.mapping = address_and_port_dependent; }
  SECTION("filtering") { now.filtering = endpoint_independent; }
  SECTION("ports") { now.port_allocation.rule = Rule::random; }
  CHECK(count_recalled(memories, now) == 0);
  CHECK(learn(memories, home, now, moment + 1h) == Learned::something);
  CHECK(memories.empty());
}

TEST_CASE("A run that can tell less says nothing of the past, and leaves it to one that can", "[remembered]") {
  auto memories = remembering(home, whole());
  auto now = quick();
  SECTION("mapping") { now.mapping = {endpoint_independent, address_dependent}; }
  SECTION("filtering") { now.filtering = BehaviorSet{}; }
  SECTION("ports") { now.port_allocation.rule = std::nullopt; }
  CHECK(count_recalled(memories, now) == 0);
  CHECK(learn(memories, home, now, moment + 1h) == Learned::nothing);
  CHECK(count_recalled(memories, quick()) == 2);
}

TEST_CASE("A host that is behind no NAT any more forgets that it was", "[remembered]") {
  auto memories = remembering(home, whole());
  auto now = quick();
  now.nat = false;
  CHECK(learn(memories, home, now, moment) == Learned::something);
  CHECK(memories.empty());
  CHECK(learn(memories, home, now, moment) == Learned::nothing);
}

TEST_CASE("A run that measured nothing slow has nothing to keep", "[remembered]") {
  NetworkMemories memories;
  CHECK(learn(memories, home, quick(), moment) == Learned::nothing);
  auto facts = whole();
  facts.mapping = BehaviorSet{};
  CHECK(learn(memories, home, facts, moment) == Learned::nothing);
  CHECK(memories.empty());
}

TEST_CASE("Each answer is as old as its own measurement", "[remembered]") {
  auto memories = remembering(home, whole());
  auto later = quick();
  later.hairpin = false;
  CHECK(learn(memories, home, later, moment + 2h) == Learned::something);
  auto report = unasked();
  const auto remembered = recalled(memories, report);
  REQUIRE(remembered.size() == 2);
  CHECK(report.ipv4->hairpin == false);
  CHECK(remembered[0].age == 1h);
  CHECK(remembered[1].age == 3h);
}

TEST_CASE("A lifetime that was not waited for to the end replaces only what it contradicts", "[remembered]") {
  auto memories = remembering(home, whole());
  auto later = quick();
  later.mapping_lifetime.shortest = 10s;
  CHECK(learn(memories, home, later, moment + 2h) == Learned::something);
  CHECK(memories.at(0).mapping_lifetime->value.longest == 125s);
  later.mapping_lifetime.shortest = 300s;
  CHECK(learn(memories, home, later, moment + 2h) == Learned::something);
  CHECK(memories.at(0).mapping_lifetime->value.shortest == 300s);
  CHECK_FALSE(memories.at(0).mapping_lifetime->value.longest);
}

TEST_CASE("The network heard of longest ago is forgotten first", "[remembered]") {
  auto memories = remembering(home, whole());
  for (std::uint8_t i = 0; i < most_networks - 1; ++i) {
    CHECK(learn(memories, NetworkId{9, i}, whole(), moment) == Learned::something);
  }
  CHECK(memories.size() == most_networks);
  CHECK(learn(memories, home, whole(), moment) == Learned::something);  // heard of again
  CHECK(learn(memories, cafe, whole(), moment) == Learned::something);
  CHECK(memories.size() == most_networks);
  CHECK(count_recalled(memories, quick()) == 2);
  CHECK(std::ranges::find(memories, NetworkId{9, 0}, &NetworkMemory::id) == memories.end());
}

TEST_CASE("A week is remembered, and nothing from the future", "[remembered]") {
  auto memories = remembering(home, whole());
  forget_old(memories, moment + longest_memory);
  CHECK(memories.size() == 1);
  SECTION("older") { forget_old(memories, moment + longest_memory + 1s); }
  SECTION("the clock was set back") { forget_old(memories, moment - 1s); }
  CHECK(memories.empty());
}

TEST_CASE("A clock that is set back during a watch makes nothing younger than new", "[remembered]") {
  auto report = unasked();
  const auto remembered = recalled(remembering(home, whole()), report, moment - 5min);
  REQUIRE(remembered.size() == 2);
  CHECK(remembered[0].age == 0s);
}

TEST_CASE("Ages are told in the unit that a person would use", "[remembered]") {
  CHECK(age_text(59s) == "less than a minute");
  CHECK(age_text(60s) == "1 min");
  CHECK(age_text(59min + 59s) == "59 min");
  CHECK(age_text(1h) == "1 h");
  CHECK(age_text(47h) == "47 h");
  CHECK(age_text(7 * 24h) == "7 days");
}
