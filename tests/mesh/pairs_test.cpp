// What each pair of whole members is predicted to need, and what it has in the end.
#include <algorithm>

#include "catch.hpp"
#include "mesh/town.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;
using enum Behavior;

namespace {
void measures(Town& town, Villager& member, const mesh::NatFindings& found) {
  member.node.set_reach(town.village.net.now(), mesh::reach_of(found), mesh::pack(found));
}

mesh::Node::Pair pair_of(Town& town, const Villager& by, const Villager& a, const Villager& b) {
  const auto pairs = by.node.pairs(town.village.net.now());
  const auto found = std::ranges::find_if(pairs, [&](const mesh::Node::Pair& each) {
    return (each.a == a.id() && each.b == b.id()) || (each.a == b.id() && each.b == a.id());
  });
  REQUIRE(found != pairs.end());
  return *found;
}

const mesh::NatFindings open{.mapping = endpoint_independent, .filtering = endpoint_independent};
const mesh::NatFindings hard{.mapping = address_and_port_dependent, .filtering = address_and_port_dependent};
}  // namespace

TEST_CASE("Every member sees what each pair is predicted to need beside what it has", "[mesh][pairs][sim]") {
  Town town{5};
  auto& anna = town.found("anna", Box::open, 4);
  auto& ben = town.join("ben", Box::symmetric);
  auto& carl = town.join("carl", Box::symmetric);
  REQUIRE(town.village.run(10s, [&] { return Village::are_together({&anna, &ben, &carl}); }));
  CHECK(pair_of(town, anna, ben, carl).need == mesh::Need::unknown);
  measures(town, anna, open);
  measures(town, ben, hard);
  measures(town, carl, hard);
  town.village.run(3s);
  for (const auto* by : {&anna, &ben, &carl}) {
    CHECK(by->node.pairs(town.village.net.now()).size() == 3);
    CHECK(pair_of(town, *by, anna, ben).need == mesh::Need::direct);
    CHECK(pair_of(town, *by, anna, ben).way == mesh::Way::direct);
    CHECK(pair_of(town, *by, ben, carl).need == mesh::Need::member);
    CHECK(pair_of(town, *by, ben, carl).way == mesh::Way::routed);
  }
}

TEST_CASE("A port at the router opens no other port in an invite", "[mesh][pairs][sim]") {
  Town town{5};
  auto& anna = town.found("anna", Box::drop);
  REQUIRE(town.village.run(5s, [&] { return anna.has_joined(); }));
  town.village.run(1s);
  auto mapped = hard;
  mapped.mapping = endpoint_independent;
  mapped.has_port = true;
  measures(town, anna, mapped);
  const auto before = anna.node.invite();
  REQUIRE(before);
  CHECK(before->scope == mesh::Scope::perhaps);
  anna.node.add_mapped(town.village.net.now(), {anna.outside, 50000});
  const auto after = anna.node.invite();
  REQUIRE(after);
  CHECK(after->scope == mesh::Scope::anywhere);
  CHECK(after->invite.entries.front().endpoints.front() == Endpoint{anna.outside, 50000});
}
