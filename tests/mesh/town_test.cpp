// Sessions with a server: who finds the session by its name, and by whom it is let in.
#include "mesh/town.hpp"
#include "catch.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
double milliseconds_of(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }
}  // namespace

TEST_CASE("Who joins by a name dials all members at once, and is in without any of their help", "[town][sim]") {
  Town town{1};
  auto& anna = town.found("anna", Box::open);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  auto& ben = town.join("ben", Box::drop);
  REQUIRE(town.village.run(3s, [&] { return Village::are_together({&anna, &ben}); }));
  town.village.run(1s);
  auto& carl = town.join("carl", Box::drop);
  REQUIRE(town.village.run(3s, [&] { return !carl.all<mesh::Entered>().empty(); }));
  const auto entered = town.village.net.now();
  REQUIRE(town.village.run(3s, [&] { return carl.has_joined(); }));
  CAPTURE(milliseconds_of(town.village.net.now() - entered));
  CHECK(town.village.net.now() - entered <= 250ms);
  CHECK(town.village.run(1s, [&] { return Village::are_together({&anna, &ben, &carl}); }));
}

TEST_CASE("Those who join at once are linked with each other as soon as with the members", "[town][sim]") {
  Town town{1};
  auto& anna = town.found("anna", Box::open);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  const auto began = town.village.net.now();
  auto& ben = town.join("ben", Box::drop);
  town.village.run(10ms);
  auto& carl = town.join("carl", Box::drop);
  town.village.run(10ms);
  auto& dora = town.join("dora", Box::drop);
  town.village.run(10ms);
  auto& emil = town.join("emil", Box::drop);
  CHECK(town.village.run(3s, [&] { return Village::are_together({&anna, &ben, &carl, &dora, &emil}); }));
  CAPTURE(milliseconds_of(town.village.net.now() - began));
  CHECK(town.village.net.now() - began <= 560ms);
}

TEST_CASE("Who joins by a name is let in by another member when the host in the row does not answer", "[town][sim]") {
  Town town{1};
  auto& anna = town.found("anna", Box::open);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  auto& ben = town.join("ben", Box::drop);
  auto& carl = town.join("carl", Box::full_cone);
  REQUIRE(town.village.run(3s, [&] { return Village::are_together({&anna, &ben, &carl}); }));
  town.village.run(1s);
  anna.is_dead = true;
  auto& dora = town.join("dora", Box::drop);
  CHECK(town.village.run(10s, [&] { return Village::are_together({&ben, &carl, &dora}); }));
}

TEST_CASE("No byte goes by the relay where an open member is willing to carry for those behind symmetric NATs",
          "[town][sim]") {
  const auto seed = GENERATE(1U, 2U, 3U);
  CAPTURE(seed);
  Town town{seed};
  auto& anna = town.found("anna", Box::open, 30);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  auto& ben = town.join("ben", Box::symmetric);
  auto& carl = town.join("carl", Box::symmetric);
  auto& dora = town.join("dora", Box::symmetric);
  REQUIRE(town.village.run(5s, [&] { return Village::are_together({&anna, &ben, &carl, &dora}); }));
  town.village.run(5s);
  CHECK(anna.node.carried_bytes() > 0);
  CHECK(town.relayed_bytes() == 0);
}

TEST_CASE("Who can reach the host by the relay alone is let in by it, though other newcomers are met before",
          "[town][sim]") {
  Town town{1};
  auto& anna = town.found("anna", Box::drop);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  auto& ben = town.join("ben", Box::full_cone);
  auto& carl = town.join("carl", Box::symmetric);
  CHECK(town.village.run(4s, [&] { return Village::are_together({&anna, &ben, &carl}); }));
}

TEST_CASE("Without a willing member those behind symmetric NATs meet by the relay", "[town][sim]") {
  Town town{1};
  auto& anna = town.found("anna", Box::open);
  REQUIRE(town.village.run(2s, [&] { return !anna.all<mesh::AtServer>().empty(); }));
  auto& ben = town.join("ben", Box::symmetric);
  auto& carl = town.join("carl", Box::symmetric);
  CHECK(town.village.run(8s, [&] { return Village::are_together({&anna, &ben, &carl}); }));
  CHECK(town.relayed_bytes() > 0);
}
