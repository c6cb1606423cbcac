// What the host's program exports goes to who leads after the host has died.
#include <algorithm>

#include "catch.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
Bytes state(std::string_view text) { return {text.begin(), text.end()}; }

std::string inherited(World& world, unsigned member) {
  std::string found;
  for (const auto& told : world.told(member))
    if (const auto* it = std::get_if<mesh::StateInherited>(&told.event)) found = as_text(it->state);
  return found;
}

/// Members whose programs take a state in.
void gather(World& world, unsigned members) {
  for (unsigned member = 0; member < members; ++member) {
    world.add({.takeover = mesh::Participant::Hook::asked});
    REQUIRE(world.run_until([&] { return world.is_of_one_mind() && world.at(0).view()->members.size() == member + 1; },
                            20s));
  }
  // All of them voters.
  world.run_for(3s);
}

void keep(World& world, unsigned host, std::string_view text) {
  world.at(host).keep_state(world.local(host), state(text));
  world.settle(host);
}

unsigned lose_host(World& world, unsigned host, World::Death death) {
  world.kill(host, death);
  REQUIRE(world.run_until([&] { return world.acting_host().value_or(host) != host; }, 10s));
  return *world.acting_host();
}
}  // namespace

TEST_CASE("Who leads after the host has died is given what the host exported last, before it is told that it leads",
          "[mesh][state]") {
  const auto death = GENERATE(World::Death::power_cut, World::Death::process_killed);
  World world{{.seed = 21}};
  gather(world, 4);
  keep(world, 0, "first");
  world.run_for(5s);
  keep(world, 0, "second");
  world.run_for(1s);
  const auto heir = lose_host(world, 0, death);
  CHECK(inherited(world, heir) == "second");
  const auto& told = world.told(heir);
  const auto place = [&](const auto& is_it) { return std::ranges::find_if(told, is_it) - told.begin(); };
  CHECK(place([](const Told& one) { return std::holds_alternative<mesh::StateInherited>(one.event); }) <
        place([](const Told& one) { return std::holds_alternative<mesh::BecameHost>(one.event); }));
  CHECK(world.fault().empty());
}

TEST_CASE("A state outlives two hosts in a row, though only the first has exported it", "[mesh][state]") {
  World world{{.seed = 22}};
  gather(world, 5);
  keep(world, 0, "once");
  world.run_for(1s);
  const auto second = lose_host(world, 0, World::Death::process_killed);
  CHECK(inherited(world, second) == "once");
  REQUIRE(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  world.run_for(2s);
  const auto third = lose_host(world, second, World::Death::process_killed);
  CHECK(inherited(world, third) == "once");
}

TEST_CASE("What was handed over outlives the new host as well", "[mesh][state]") {
  World world{{.seed = 23}};
  gather(world, 4);
  REQUIRE(world.at(0).hand_over(world.local(0), world.id_of(1), state("handed over")));
  world.settle(0);
  const auto is_asked = [&] {
    return std::ranges::any_of(world.told(1),
                               [](const Told& one) { return std::holds_alternative<mesh::StateOffered>(one.event); });
  };
  REQUIRE(world.run_until(is_asked, 3s));
  world.at(1).take_over(world.local(1));
  world.settle(1);
  REQUIRE(world.run_until([&] { return world.acting_host() == 1U && world.is_of_one_mind(); }, 5s));
  world.run_for(2s);
  const auto heir = lose_host(world, 1, World::Death::process_killed);
  CHECK(inherited(world, heir) == "handed over");
}

TEST_CASE("Who becomes next in line is given the state then", "[mesh][state]") {
  World world{{.seed = 24}};
  gather(world, 5);
  keep(world, 0, "kept");
  world.run_for(1s);
  world.kill(1, World::Death::process_killed);
  world.kill(2, World::Death::process_killed);
  REQUIRE(world.run_until([&] { return world.at(0).view()->members.size() == 3; }, 20s));
  world.run_for(2s);
  const auto heir = lose_host(world, 0, World::Death::process_killed);
  CHECK(heir == 3U);
  CHECK(inherited(world, heir) == "kept");
}

TEST_CASE("The state goes to two members, and again only when it has changed", "[mesh][state]") {
  unsigned copies = 0;
  std::set<unsigned> heirs;
  World world{{.seed = 25, .tamper = [&](World&, unsigned, unsigned to, mesh::Message& message) {
                 if (!std::holds_alternative<mesh::StateCopy>(message)) return;
                 ++copies;
                 heirs.insert(to);
               }}};
  gather(world, 5);
  keep(world, 0, "same");
  world.run_for(3s);
  CHECK(copies == 2);
  for (int again = 0; again < 5; ++again) {
    keep(world, 0, "same");
    world.run_for(1s);
  }
  CHECK(copies == 2);
  keep(world, 0, "another");
  world.run_for(1s);
  CHECK(copies == 4);
  CHECK(heirs == std::set<unsigned>{1, 2});
  keep(world, 0, std::string(mesh::most_state_bytes + 1, 'x'));
  world.run_for(1s);
  CHECK(copies == 4);
}

TEST_CASE("A state of an epoch that is over, or of who does not lead, is not taken", "[mesh][state]") {
  World world{{.seed = 26}};
  gather(world, 4);
  keep(world, 0, "true");
  world.run_for(1s);
  const auto epoch = world.at(0).view()->version.epoch;
  world.say_as(2, 1, mesh::StateCopy{epoch, 100, state("a member's")});
  world.say_as(0, 1, mesh::StateCopy{epoch - 1, 100, state("of before")});
  world.say_as(0, 1, mesh::StateCopy{epoch + 1, 100, state("of later")});
  world.say_as(0, 1, mesh::StateCopy{epoch, 1, state("said again")});
  world.run_for(1s);
  const auto heir = lose_host(world, 0, World::Death::process_killed);
  REQUIRE(heir == 1U);
  CHECK(inherited(world, heir) == "true");
}
}  // namespace natkit::test
