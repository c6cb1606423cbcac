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

TEST_CASE("Who is cut off from most others pauses, and leaves after a while where that is the policy", "[mesh]") {
  const auto policy = GENERATE(mesh::Partition::pause, mesh::Partition::leave);
  World world{{.seed = 9, .settings = {.name = "den", .most = 64, .partition = policy}}};
  world.gather(3);
  world.part({2});
  world.run_for(4s);
  CHECK(last<mesh::Paused>(world.told(2)));
  world.run_for(7s);
  CHECK(world.at(2).is_over() == (policy == mesh::Partition::leave));
  CHECK(world.acting_host() == 0U);
  CHECK_FALSE(last<mesh::Paused>(world.told(0)));
}

TEST_CASE("After a handover the old host stands in the succession again", "[mesh]") {
  World world{{.seed = 10}};
  world.gather(3);
  REQUIRE(world.at(0).hand_over(world.local(0), world.at(1).id(), {}));
  world.settle(0);
  REQUIRE(world.run_until([&] { return world.is_of_one_mind() && world.acting_host() == 1U; }, 3s));
  REQUIRE(world.run_until([&] { return world.at(1).view()->succession.size() == 2; }, 3s));
  CHECK(world.at(1).view()->succession.front() == world.at(0).id());
}

TEST_CASE("By round trips the nearest one is next in line", "[mesh]") {
  World world{{.seed = 11, .settings = {.name = "den", .most = 64, .policy = mesh::Policy::rtt}}};
  world.gather(5);
  const auto& view = *world.at(0).view();
  const auto mean = [&](const mesh::MemberId& id) { return *world.at(0).aptitude_of(world.local(0), id).mean_rtt; };
  INFO(world.describe());
  CHECK(mean(view.succession.front()) <= mean(view.succession.back()));
}

}  // namespace natkit::test
