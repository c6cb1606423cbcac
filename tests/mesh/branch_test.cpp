#include <algorithm>

#include "catch.hpp"
#include "world.hpp"

// Partition::fork: who is cut off goes on, and comes back.
namespace natkit::test {
namespace {
using mesh::Partition;

template <class Event>
std::size_t times_told(const World& world, unsigned member) {
  return static_cast<std::size_t>(std::ranges::count_if(
      world.told(member), [](const Told& told) { return std::holds_alternative<Event>(told.event); }));
}

/// Who acts in the session that this member has a view of.
bool is_led(World& world, unsigned member) {
  const auto& view = world.at(member).view();
  const auto host = view ? world.number_of(view->host) : member;
  return view && world.at(host).view() && world.at(host).view()->session == view->session &&
         world.at(host).acts(world.local(host));
}

bool are_together(World& world, const std::set<unsigned>& members) {
  const auto& view = world.at(*members.begin()).view();
  return view && view->members.size() == members.size() && std::ranges::all_of(members, [&](unsigned member) {
           const auto& other = world.at(member).view();
           return world.at(member).is_member() && other && other->session == view->session &&
                  other->version == view->version;
         });
}

World::Config with_policy(Partition partition, std::uint64_t seed = 3) {
  World::Config config{.seed = seed};
  config.settings.partition = partition;
  return config;
}
}  // namespace

TEST_CASE("Who is cut off goes on in a branch, and is back with the others soon after they are heard",
          "[mesh][branch]") {
  World world{with_policy(Partition::fork)};
  world.gather(5);
  const auto session = world.at(0).view()->session;
  world.part({3, 4});
  REQUIRE(world.run_until([&] { return are_together(world, {3, 4}) && is_led(world, 3); }, 15s));
  CHECK(world.at(3).view()->session != session);
  CHECK(world.at(3).view()->settings.branch_of == session);
  CHECK(world.acting_host() == 0U);
  world.run_for(20s);
  CHECK(are_together(world, {0, 1, 2}));
  world.mend();
  CHECK(world.run_until([&] { return are_together(world, {0, 1, 2, 3, 4}); }, 4s));
  CHECK(world.at(3).view()->session == session);
  world.run_for(1s);  // until they know that a majority has it
  CHECK(world.acting_host() == 0U);
  for (const unsigned member : {3U, 4U}) {
    CHECK(times_told<mesh::Forked>(world, member) == 1);
    CHECK(times_told<mesh::Merged>(world, member) == 1);
  }
  for (const unsigned member : {0U, 1U, 2U}) CHECK(times_told<mesh::Forked>(world, member) == 0);
  CHECK(world.fault().empty());
}

TEST_CASE("What was told in a branch counts for nothing where its members go", "[mesh][branch]") {
  World world{with_policy(Partition::fork)};
  world.gather(5);
  world.part({3, 4});
  REQUIRE(world.run_until([&] { return are_together(world, {3, 4}) && is_led(world, 3); }, 15s));
  world.run_for(1s);
  const auto other = world.at(3).id();
  REQUIRE(world.at(4).peers().find(other)->beat);
  world.mend();
  REQUIRE(world.run_until([&] { return !world.at(4).is_member(); }, 4s));
  CHECK_FALSE(world.at(4).peers().find(other)->beat);
}

TEST_CASE("Two halves that both went on become one again", "[mesh][branch]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{with_policy(Partition::fork, seed)};
    world.gather(4);
    world.part({0, 1});
    const auto have_gone_on = [&] {
      return are_together(world, {0, 1}) && are_together(world, {2, 3}) && is_led(world, 0) && is_led(world, 2);
    };
    const bool has_gone_on = world.run_until(have_gone_on, 15s);
    INFO("seed " << seed << '\n' << world.describe());
    REQUIRE(has_gone_on);
    REQUIRE(world.at(0).view()->session != world.at(2).view()->session);
    world.mend();
    const bool are_one = world.run_until([&] { return are_together(world, {0, 1, 2, 3}) && is_led(world, 0); }, 6s);
    INFO(world.describe());
    CHECK(are_one);
    CHECK(world.fault().empty());
  }
}

TEST_CASE("Under another policy nobody goes on by himself", "[mesh][branch]") {
  World world{with_policy(Partition::pause)};
  world.gather(5);
  world.part({3, 4});
  world.run_for(20s);
  CHECK(world.at(3).is_paused());
  CHECK(times_told<mesh::Forked>(world, 3) == 0);
}

TEST_CASE("A branch takes nobody that does not belong to it, and its own back", "[mesh][branch]") {
  World world{with_policy(Partition::fork)};
  world.gather(5);
  world.part({3, 4});
  REQUIRE(world.run_until([&] { return are_together(world, {3, 4}) && is_led(world, 3); }, 15s));
  CHECK(world.at(3).view()->settings.standing == mesh::Standing::locked);
}

TEST_CASE("Who was struck out before the others parted finds them in their branch", "[mesh][branch]") {
  World world{with_policy(Partition::fork)};
  world.gather(5);
  for (unsigned other = 0; other < 4; ++other) world.cut(4, other);  // it hears them, and they do not hear it
  REQUIRE(world.run_until([&] { return are_together(world, {0, 1, 2, 3}); }, 15s));
  for (unsigned dying = 0; dying < 3; ++dying) world.kill(dying, World::Death::power_cut);
  REQUIRE(world.run_until([&] { return world.at(3).view()->settings.branch_of && is_led(world, 3); }, 15s));
  world.mend();
  const bool are_one = world.run_until([&] { return are_together(world, {3, 4}); }, 10s);
  INFO(world.describe());
  CHECK(are_one);
  CHECK(world.fault().empty());
}

TEST_CASE("A member that says it is elsewhere moves nobody who has a host", "[mesh][branch][liars]") {
  World world{with_policy(Partition::fork)};
  world.gather(4);
  const auto before = world.at(0).view();
  mesh::Whereabouts lie{.origin = world.session(), .session = world.session(), .members = 60, .is_led = true};
  lie.session.bytes[5] = 1;
  for (int time = 0; time < 50; ++time) {
    for (unsigned other = 0; other < 3; ++other) world.say_as(3, other, lie);
    world.run_for(100ms);
  }
  for (unsigned member = 0; member < 3; ++member) CHECK(*world.at(member).view() == *before);
  CHECK(world.acting_host() == 0U);
}
}  // namespace natkit::test
