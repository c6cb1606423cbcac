#include "natkit/base/behavior.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("Every behaviour is read back from its RFC 4787 name", "[behavior]") {
  const auto behavior =
      GENERATE(Behavior::endpoint_independent, Behavior::address_dependent, Behavior::address_and_port_dependent);
  CHECK(parse_behavior(to_text(behavior)) == behavior);
  CHECK_FALSE(parse_behavior("symmetric"));
}

TEST_CASE("A set of behaviours is unknown until evidence narrows it", "[behavior]") {
  CHECK(BehaviorSet{}.is_unknown());
  const BehaviorSet two{Behavior::endpoint_independent, Behavior::address_dependent};
  CHECK_FALSE(two.is_unknown());
  CHECK_FALSE(two.single());
  CHECK(two.contains(Behavior::address_dependent));
  CHECK_FALSE(two.contains(Behavior::address_and_port_dependent));
  CHECK(BehaviorSet{Behavior::address_dependent}.single() == Behavior::address_dependent);
}

TEST_CASE("Two sets of behaviours narrow each other or contradict", "[behavior]") {
  const BehaviorSet not_independent{Behavior::address_dependent, Behavior::address_and_port_dependent};
  const BehaviorSet not_by_port{Behavior::endpoint_independent, Behavior::address_dependent};
  CHECK(not_independent.intersect(not_by_port) == BehaviorSet{Behavior::address_dependent});
  CHECK(BehaviorSet{}.intersect(not_by_port) == not_by_port);
  CHECK_FALSE(not_independent.intersect(Behavior::endpoint_independent));
}

TEST_CASE("A set of behaviours is spelled out for people", "[behavior]") {
  CHECK(to_text(BehaviorSet{}) == "unknown");
  CHECK(to_text(BehaviorSet{Behavior::endpoint_independent, Behavior::address_dependent}) ==
        "endpoint-independent or address-dependent");
}
