// How fit members are to host: what is measured, who is told, and what the succession makes of it.
#include "catch.hpp"
#include "natkit/mesh/hearing.hpp"
#include "natkit/mesh/strain.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
constexpr Duration beat = 200ms;

double loss_of(World& world, unsigned member, unsigned as_seen_by) {
  const auto loss = world.at(as_seen_by).aptitude_of(world.local(as_seen_by), world.id_of(member)).loss;
  REQUIRE(loss);
  return *loss;
}

mesh::Aptitude seen(World& world, unsigned member, unsigned by) {
  return world.at(by).aptitude_of(world.local(by), world.id_of(member));
}

World::Config with(mesh::Policy policy) {
  return {.seed = 12, .settings = {.name = "den", .most = 64, .policy = policy}};
}
}  // namespace

TEST_CASE("Rounds that did not come are counted, late ones are not, and silence counts as loss", "[mesh][fitness]") {
  mesh::Rounds rounds;
  Instant now{};
  CHECK_FALSE(rounds.count(now, beat));
  for (std::uint32_t round = 7; round < 7 + 20; ++round, now += beat)
    if (round % 4 != 0) rounds.heard(now, round);
  REQUIRE(rounds.count(now, beat));
  CHECK(rounds.count(now, beat)->due == 20);
  CHECK(rounds.count(now, beat)->missed == 5);
  rounds.heard(now, 24);
  CHECK(rounds.count(now, beat)->missed == 4);
  CHECK(rounds.count(now + 6 * beat, beat)->missed > 4);
  CHECK(rounds.count(now + 60 * beat, beat)->missed == mesh::Rounds::window);
  for (std::uint32_t round = 27; round < 100; ++round) rounds.heard(now, round);
  CHECK(rounds.count(now, beat)->missed == 0);
  CHECK(rounds.count(now, beat)->due == mesh::Rounds::window);
}

TEST_CASE("Who was started anew counts from one again, and is not taken for lossy", "[mesh][fitness]") {
  mesh::Rounds rounds;
  for (std::uint32_t round = 1; round < 1000; ++round) rounds.heard({}, round);
  for (std::uint32_t round = 1; round <= 20; ++round) rounds.heard({}, round);
  REQUIRE(rounds.count({}, beat));
  CHECK(rounds.count({}, beat)->missed == 0);
  CHECK(rounds.count({}, beat)->due == 20);
}

TEST_CASE("Any byte that says how somebody is heard means something", "[mesh][fitness]") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto hearing = mesh::unpack(static_cast<std::uint8_t>(byte));
    if (hearing.loss) CHECK(mesh::pack(hearing) == byte);
    CHECK(hearing.loss.value_or(0) <= 1);
  }
  CHECK_FALSE(mesh::unpack(mesh::pack(mesh::Hearing{})).loss);
  CHECK(mesh::unpack(mesh::pack(mesh::Hearing{mesh::Way::relayed, 0.5})).loss == 0.5);
  CHECK(mesh::unpack(mesh::pack(mesh::Hearing{mesh::Way::relayed, 0.5})).way == mesh::Way::relayed);
}

TEST_CASE("A machine is strained by how late it wakes us, or by how many want its processors", "[mesh][fitness]") {
  mesh::Strain strain;
  const Instant start{};
  CHECK(strain.take(start, {}) == 0);
  strain.woken(start + 1s, start + 1100ms);
  strain.woken(start + 2s, start + 2400ms);
  CHECK(strain.take(start + 2500ms, {}) == 20);
  CHECK(strain.take(start + 5s, 1.0) == 0);
  CHECK(strain.take(start + 6s, 2.0) == 50);
  CHECK(strain.take(start + 7s, 4.0) == 75);
  strain.woken(start + 7s, start + 20s);
  CHECK(strain.take(start + 8s, 4.0) == 100);
}

TEST_CASE("A member's loss is known to all, and is what the network loses", "[mesh][fitness]") {
  World world{{.seed = 12}};
  world.gather(4);
  CHECK_FALSE(seen(world, 1, 0).strain);
  world.run_for(12s);
  for (unsigned by = 0; by < 4; ++by) CHECK(loss_of(world, 1, by) == 0);
  world.set_loss(0.2);
  world.run_for(12s);
  for (unsigned by = 0; by < 4; ++by) {
    CHECK(loss_of(world, 1, by) > 0.08);
    CHECK(loss_of(world, 1, by) < 0.35);
  }
  CHECK(world.fault().empty());
}

TEST_CASE("Of many members those that are not the host hear each other half as often, and nobody is taken for lossy",
          "[mesh][fitness]") {
  World world{with(mesh::Policy::score)};
  world.gather(13);
  world.run_for(15s);
  for (unsigned member = 0; member < 13; ++member)
    for (unsigned by = 0; by < 13; ++by)
      if (member != by) CHECK(loss_of(world, member, by) == 0);
  const auto before = world.messages_sent(5);
  world.run_for(10s);
  CHECK(world.messages_sent(5) - before <= 50 + 11 * 25 + 20);  // the host is told all 50 times
  CHECK(world.messages_sent(5) - before >= 50 + 11 * 25 - 20);
}

TEST_CASE("Of a crowd nobody says more than some ten heartbeats each time, however many they are", "[mesh][fitness]") {
  const auto members = GENERATE(20U, 21U, 32U);
  CAPTURE(members);
  World world{with(mesh::Policy::score)};
  world.gather(members);
  world.run_for(5s);
  const auto before = world.messages_sent(5);
  world.run_for(10s);
  const auto said = world.messages_sent(5) - before;
  CHECK(said <= 50 + 10 * 50 + 40);
  CHECK(said >= 50 + (members - 2) * 50 / ((members + 9) / 10) - 40);
}

TEST_CASE("What a member finds out of itself later is known to all within a second or so", "[mesh][fitness]") {
  World world{{.seed = 12}};
  world.gather(3);
  REQUIRE(seen(world, 1, 2).reach == mesh::Reach::unknown);
  REQUIRE_FALSE(seen(world, 1, 2).strain);
  world.at(1).set_reach(mesh::Reach::open);
  world.at(1).set_strain(70);
  world.run_for(1500ms);
  for (unsigned by = 0; by < 3; ++by) {
    CHECK(seen(world, 1, by).reach == mesh::Reach::open);
    CHECK(seen(world, 1, by).strain == 70);
  }
}

TEST_CASE("A member's age counts from when it was seen in the session", "[mesh][fitness]") {
  World world{{.seed = 12}};
  world.gather(2);
  world.run_for(60s);
  world.add();
  world.run_until([&] { return world.is_of_one_mind() && world.at(0).view()->members.size() == 3; }, 20s);
  world.run_for(10s);
  REQUIRE(seen(world, 1, 0).age);
  CHECK(*seen(world, 1, 0).age >= 69s);
  REQUIRE(seen(world, 2, 0).age);
  CHECK(*seen(world, 2, 0).age < 30s);
  CHECK(*seen(world, 2, 0).age >= 9s);
}

TEST_CASE("The kind of way between two others is what either of them tells", "[mesh][fitness]") {
  World world{{.seed = 12}};
  world.gather(3);
  const auto between = [&] { return world.at(0).way_between(world.local(0), world.id_of(1), world.id_of(2)); };
  CHECK(between() == mesh::Way::unknown);
  world.at(2).set_way(world.id_of(1), mesh::Way::routed);
  world.run_for(1500ms);
  CHECK(between() == mesh::Way::routed);
}

TEST_CASE("Who turns out to be easily reached moves up in a succession by reach, without anybody coming or going",
          "[mesh][fitness]") {
  World world{with(mesh::Policy::reach)};
  world.gather(4);
  REQUIRE(world.at(0).view()->succession.front() == world.id_of(1));
  world.at(3).set_reach(mesh::Reach::open);
  world.at(1).set_reach(mesh::Reach::hard);
  REQUIRE(world.run_until([&] { return world.at(0).view()->succession.front() == world.id_of(3); }, 8s));
  CHECK(world.at(0).view()->succession.back() == world.id_of(2));
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 3s));
}

TEST_CASE("By score a member that failed to host, or whose machine is busy, falls back", "[mesh][fitness]") {
  World world{with(mesh::Policy::score)};
  world.gather(4);
  world.run_for(12s);
  const auto first = world.number_of(world.at(0).view()->succession.front());
  const auto reason = GENERATE(0, 1);
  if (reason == 0) {
    std::map<mesh::MemberId, double> failures;
    for (unsigned member = 0; member < 4; ++member) failures[world.id_of(member)] = member == first ? 6 : 0;
    world.at(0).set_failures(std::move(failures));
  } else
    world.at(first).set_strain(100);
  CHECK(world.run_until([&] { return world.number_of(world.at(0).view()->succession.front()) != first; }, 12s));
}

TEST_CASE("A succession in order stays as it is, whatever wavers", "[mesh][fitness]") {
  auto config = with(mesh::Policy::score);
  config.loss = 0.02;
  World world{config};
  world.gather(6);
  world.run_for(20s);
  const auto sequence = world.at(0).view()->version.sequence;
  world.run_for(120s);
  CHECK(world.at(0).view()->version.sequence <= sequence + 4);
  CHECK(world.fault().empty());
}

TEST_CASE("An order that somebody wishes moves members within the succession, and nothing else", "[mesh][fitness]") {
  World world{with(mesh::Policy::oldest)};
  world.gather(4);
  const auto names = [&](std::initializer_list<unsigned> members) {
    std::vector<mesh::MemberId> ids;
    for (const auto member : members) ids.push_back(world.id_of(member));
    return ids;
  };
  const auto before = *world.at(1).view();
  REQUIRE(before.succession == names({1, 2, 3}));
  const auto follows = [&](std::initializer_list<unsigned> order) {
    return world.run_until([&] { return world.at(1).view()->succession == names(order) && world.is_of_one_mind(); },
                           5s);
  };
  world.at(0).set_order(names({3}));
  CHECK(follows({3, 1, 2}));
  // The host is in it, and somebody who is not there.
  world.at(0).set_order({world.id_of(0), member_id(77), world.id_of(2), world.id_of(1)});
  CHECK(follows({2, 1, 3}));
  auto now = *world.at(1).view();
  CHECK(now.host == before.host);
  CHECK(now.members == before.members);
  CHECK(now.version.epoch == before.version.epoch);
  world.at(1).set_order(names({3}));  // not its to say
  world.run_for(2s);
  CHECK(world.at(0).view()->succession == names({2, 1, 3}));
  world.at(0).set_order({});
  CHECK(follows({1, 2, 3}));
  CHECK(world.fault().empty());
}
}  // namespace natkit::test
