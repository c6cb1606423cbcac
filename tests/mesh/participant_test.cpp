#include "natkit/mesh/participant.hpp"

#include "catch.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
template <class E>
const E* last(const std::vector<Told>& told) {
  const E* found = nullptr;
  for (const auto& each : told)
    if (const auto* event = std::get_if<E>(&each.event)) found = event;
  return found;
}
}  // namespace

TEST_CASE("A founder alone leads at once", "[mesh]") {
  World world{{}};
  world.add();
  CHECK(world.acting_host() == 0U);
  CHECK(last<mesh::Joined>(world.told(0)));
  CHECK(last<mesh::BecameHost>(world.told(0)));
}

TEST_CASE("Eight members gather, all of them vote in the end, and all agree", "[mesh]") {
  World world{{.seed = 3}};
  world.gather(8);
  INFO(world.describe() << world.fault());
  REQUIRE(world.is_of_one_mind());
  CHECK(world.acting_host() == 0U);
  CHECK(world.at(5).view()->voters() == 8);
  CHECK(world.fault().empty());
}

TEST_CASE("When the host's power is cut, one of the others leads, and only one", "[mesh]") {
  World world{{.seed = 5}};
  world.gather(5);
  const auto cut_at = world.now();
  world.kill(0, World::Death::power_cut);
  REQUIRE(world.run_until([&] { return world.acting_host().has_value(); }, 5s));
  INFO(world.describe() << to_ms(world.now() - cut_at));
  CHECK(world.acting_host() == 1U);
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  CHECK(world.fault().empty());
}
}  // namespace natkit::test
