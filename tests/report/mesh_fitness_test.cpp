// How fit members are to host, as scripts and people read it.
#include "natkit/report/mesh_fitness.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/report/mesh_events.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using nlohmann::ordered_json;

namespace {
MeshFitness measured() {
  return {.reach = "open",
          .can_host = true,
          .heard_by = 3,
          .mean_rtt = 20100us,
          .loss = 0.02,
          .age = 12min,
          .failures = 0.5,
          .strain = 7,
          .for_reach = {1, 4},
          .for_rtt = {0.83, 3},
          .score = 0.81};
}

ordered_json shown(const MeshMember& member) {
  return ordered_json::parse(MeshEvents::status({.session = "5", .members = {member}})).at("members").at(0);
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("Every part of a score says what was measured, what it counts, and with which weight", "[mesh_fitness]") {
  const auto fitness = shown({.fitness = measured()}).at("fitness");
  CHECK(fitness.at("score") == 0.81);
  CHECK(fitness.at("can_host") == true);
  CHECK(fitness.at("heard_by") == 3);
  CHECK(fitness.at("reach") == ordered_json{{"value", "open"}, {"points", 1.0}, {"weight", 4.0}});
  CHECK(fitness.at("rtt_ms") == ordered_json{{"value", 20.1}, {"points", 0.83}, {"weight", 3.0}});
  CHECK(fitness.at("loss").at("value") == 0.02);
  CHECK(fitness.at("age_ms").at("value") == 720000);
  CHECK(fitness.at("failures").at("value") == 0.5);
  CHECK(fitness.at("strain").at("value") == 7);
}

TEST_CASE("What was not measured of a member is null for scripts and unknown for people", "[mesh_fitness]") {
  const auto fitness = shown({.fitness = MeshFitness{}}).at("fitness");
  CHECK(fitness.at("can_host").is_null());
  CHECK(fitness.at("heard_by").is_null());
  for (const auto* part : {"reach", "rtt_ms", "loss", "age_ms", "failures", "strain"}) {
    CAPTURE(part);
    CHECK(fitness.at(part).at("value").is_null());
    CHECK(fitness.at(part).at("points") == 0.5);
  }
  CHECK(shown({}).at("fitness").is_null());
  const auto table = fitness_table({"anna", "ben"}, {measured(), {}});
  INFO(table);
  CHECK(has(table, "20.1 ms 0.83"));
  CHECK(has(table, "open 1.00"));
  CHECK(has(table, "2.0 %"));
  CHECK(has(table, "unknown"));
  CHECK_FALSE(has(fitness_table({"anna"}, {measured()}), "unknown"));
}

TEST_CASE("Bytes are told by kind of path, sent apart from received", "[mesh_fitness]") {
  const MeshTraffic traffic{.direct = {1234, 5}, .routed = {0, 2'500'000}, .relayed = {999, 3'200'000'000}};
  const auto told = shown({.traffic = traffic}).at("traffic");
  CHECK(told.at("direct") == ordered_json{{"sent_bytes", 1234}, {"received_bytes", 5}});
  CHECK(told.at("routed").at("received_bytes") == 2'500'000);
  CHECK(told.at("relayed").at("received_bytes") == 3'200'000'000);
  CHECK(shown({}).at("traffic").is_null());
  CHECK(to_text(traffic) == "direct 1.2 kB out, 5 B in; routed 0 B out, 2.5 MB in; relayed 999 B out, 3.2 GB in");
  const auto all = MeshWords::status({.session = "5", .carried_bytes = 4096, .traffic = traffic});
  CHECK(has(all, "direct 1.2 kB out"));
  CHECK(has(all, "4.1 kB for others"));
}
