#include "handover.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
void check_all(Loss how, double loss, Duration most, unsigned runs) {
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const auto found = lose_host(seed, 8, loss, how);
    INFO("seed " << seed << " loss " << loss << " " << found.fault);
    REQUIRE(found.fault.empty());
    REQUIRE(found.named);
    CHECK(to_ms(*found.named) <= to_ms(most));
    REQUIRE(found.acting);
    CHECK(to_ms(*found.acting) <= to_ms(most));
    if (loss == 0) CHECK(found.epochs == 1);
  }
}
}  // namespace

TEST_CASE("When the host's process is killed, all the others soon name one new host", "[mesh][handover]") {
  // Heartbeats of his that come after his last words delay nothing.
  check_all(Loss::process_killed, 0, 1s, 25);
  check_all(Loss::process_killed, 0.05, 3s, 10);
}

TEST_CASE("When the host's power is cut, all the others soon name one new host", "[mesh][handover]") {
  check_all(Loss::power_cut, 0, 2s, 10);
  check_all(Loss::power_cut, 0.05, 4s, 10);
}

TEST_CASE("A host that leaves is followed after one and a half round trips", "[mesh][handover]") {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    const auto found = lose_host(seed, 8, 0, Loss::leave);
    INFO("seed " << seed << " " << found.fault);
    REQUIRE(found.fault.empty());
    REQUIRE(found.named);
    CHECK(to_ms(*found.named) <= 1.5 * to_ms(found.longest_rtt));
    // And one more for the promises of a majority.
    REQUIRE(found.acting);
    CHECK(to_ms(*found.acting) <= 2.5 * to_ms(found.longest_rtt));
    CHECK(found.epochs == 1);
  }
  check_all(Loss::leave, 0.05, 3s, 10);
}

TEST_CASE("What is promised to another host of the same epoch keeps no host in office", "[mesh][handover]") {
  bool is_elsewhere = false;
  World::Config config{.seed = 4};
  // As of a member that follows one who was elected for the epoch that this one was handed.
  config.tamper = [&](World&, unsigned, unsigned to, mesh::Message& message) {
    if (auto* beat = std::get_if<mesh::Heartbeat>(&message); is_elsewhere && to == 1 && beat)
      beat->version.title = mesh::Title::elected;
  };
  World world{config};
  world.gather(3);
  REQUIRE(world.at(0).hand_over(world.local(0), world.id_of(1), {}));
  world.settle(0);
  REQUIRE(world.run_until([&] { return world.acting_host() == 1U; }, 2s));
  world.run_for(1s);
  is_elsewhere = true;
  world.run_for(1300ms);  // what was on its way, and the lease
  CHECK_FALSE(world.at(1).acts(world.local(1)));
}

TEST_CASE("A host that is started anew and asks to join again keeps nobody waiting for it", "[mesh][handover]") {
  World world{{.seed = 4}};
  world.gather(4);
  world.kill(0, World::Death::power_cut);
  world.run_for(300ms);
  world.restart(0);
  CHECK(world.run_until([&] { return world.acting_host().has_value(); }, 3s));
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 5s));
  CHECK(world.acting_host() == 1U);
  CHECK(world.fault().empty());
}

TEST_CASE("Who stood still takes nobody for alive on what it was told meanwhile", "[mesh][handover]") {
  World world{{.seed = 4}};
  world.gather(3);
  world.stop(1, 4500ms);
  world.run_for(3s);
  world.kill(0, World::Death::power_cut);
  // A majority takes the one that stands still.
  world.run_for(1500ms);
  CHECK(world.run_until([&] { return world.acting_host().has_value(); }, 3s));
  CHECK(world.fault().empty());
}

TEST_CASE("A host that hears of no heir and says farewell acts no more", "[mesh][handover]") {
  World world{{.seed = 4}};
  world.gather(3);
  // Too long for an heir, and not long enough for the promises to end.
  world.cut(1, 0);
  world.cut(2, 0);
  world.run_until([&] { return !world.at(0).peers().was_heard(member_id(1), world.local(0) - 600ms); }, 800ms);
  world.run_until([&] { return !world.at(0).peers().was_heard(member_id(2), world.local(0) - 600ms); }, 800ms);
  REQUIRE(world.acting_host() == 0U);
  world.leave(0);
  CHECK_FALSE(world.acting_host());
  CHECK(world.run_until([&] { return world.acting_host().has_value(); }, 1s));
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 5s));
  CHECK(world.fault().empty());
}

/// He had to claim another epoch, which nobody heard of, and leads on in his old one.
TEST_CASE("A host that has voted in an epoch to come leaves without looking for an heir", "[mesh][handover]") {
  bool is_deaf = false;
  World::Config config{.seed = 4};
  config.tamper = [&](World&, unsigned from, unsigned to, mesh::Message& message) {
    if (!is_deaf) return;
    if (auto* beat = std::get_if<mesh::Heartbeat>(&message); beat && to == 0) beat->echo.reset();
    if (from == 0 && std::holds_alternative<mesh::Claim>(message)) message = mesh::Granted{};
  };
  World world{config};
  world.gather(4);
  is_deaf = true;
  REQUIRE(world.run_until([&] { return !world.acting_host(); }, 2s));
  world.run_for(1400ms);
  is_deaf = false;
  REQUIRE(world.run_until([&] { return world.acting_host() == 0U; }, 300ms));
  REQUIRE(world.at(0).view()->version.epoch == 1);
  CHECK_FALSE(world.at(0).hand_over(world.local(0), {}, {}));
  world.leave(0);
  CHECK(world.run_until([&] { return world.acting_host().value_or(0) != 0; }, 1s));
  CHECK(world.fault().empty());
}

namespace {
/// Whether all members kept the host, and the epoch.
bool keeps_host(World& world, unsigned host, std::uint64_t epoch) {
  for (unsigned member = 0; member < world.size(); ++member) {
    const auto& view = world.at(member).view();
    if (!view || view->version.epoch != epoch || world.number_of(view->host) != host) return false;
  }
  return world.fault().empty();
}
}  // namespace

TEST_CASE("Losing any one link, both ways or one, never changes the host", "[mesh][handover]") {
  for (unsigned members = 3; members <= 8; ++members) {
    World world{{.seed = members}};
    world.gather(members);
    const auto host = world.acting_host();
    REQUIRE(host);
    const auto epoch = world.at(*host).view()->version.epoch;
    for (unsigned a = 0; a < members; ++a) {
      for (unsigned b = 0; b < members; ++b) {
        if (a == b) continue;
        INFO(members << " members, m" << a << (a < b ? " and m" : " to m") << b << " cut off " << world.fault());
        world.cut(a, b);
        if (a < b) world.cut(b, a);
        world.run_for(30s);
        CHECK(keeps_host(world, *host, epoch));
        CHECK(world.acting_host() == host);
        world.mend();
        CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
        REQUIRE(keeps_host(world, *host, epoch));
      }
    }
  }
}

TEST_CASE("A session at rest keeps its host for five minutes at 5 % loss", "[mesh][handover]") {
  World world{{.seed = 9, .loss = 0.05, .drift = 0.01}};
  world.gather(8);
  const auto host = world.acting_host();
  REQUIRE(host);
  world.run_for(5min);
  CHECK(keeps_host(world, *host, 1));
}
/// A host whose heartbeats reach nobody, and the vote of another against him, which is held up on its way.
TEST_CASE("What a majority has is not lost to a candidate whose vote was on its way", "[mesh][handover]") {
  std::optional<mesh::Message> vote;
  unsigned voter = 0, candidate = 0;
  World::Config config{.seed = 7, .least_rtt = 30ms, .longest_rtt = 30ms};
  config.timing.claim = 1s;  // the candidate still waits for it then
  config.tamper = [&](World&, unsigned from, unsigned to, mesh::Message& message) {
    if (vote || !std::holds_alternative<mesh::Granted>(message)) return;
    vote = std::exchange(message, mesh::Claim{});
    voter = from;
    candidate = to;
  };
  World world{config};
  world.gather(3);
  world.cut(0, 1);
  world.cut(0, 2);
  REQUIRE(world.run_until([&] { return vote.has_value(); }, 5s));
  world.mend();
  world.cut(0, candidate);
  world.cut(voter, candidate);
  // If he is followed again by the one who voted, he goes on with the session.
  if (world.run_until([&] { return world.at(0).acts(world.local(0)); }, 250ms)) {
    CHECK(world.at(0).set_standing(world.local(0), mesh::Standing::locked));
    world.settle(0);
    world.run_for(40ms);
  }
  world.mend();
  world.say_as(voter, candidate, *vote);
  world.run_for(500ms);
  CHECK(world.fault() == "");
  world.mend();
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  CHECK(world.fault() == "");
}

/// One who left was struck out; another does not know that view, but that there is one. The two are most of those that
/// are left of the view before, without its host.
TEST_CASE("A dead host's vote is free only for who has the latest view", "[mesh][handover]") {
  bool are_views_lost = false;
  World::Config config{.seed = 8, .least_rtt = 30ms, .longest_rtt = 30ms};
  config.tamper = [&](World&, unsigned, unsigned to, mesh::Message& message) {
    if (are_views_lost && to >= 2 && std::holds_alternative<mesh::Views>(message)) message = mesh::Claim{};
  };
  World world{config};
  world.gather(4);
  are_views_lost = true;
  world.cut(1, 2);
  world.cut(1, 3);
  const auto before = world.at(3).view()->version;
  world.leave(2);
  REQUIRE(world.run_until([&] { return world.at(3).committed() > before; }, 2s));
  REQUIRE(world.at(3).view()->version == before);
  world.kill(0, World::Death::process_killed);
  world.run_for(500ms);
  CHECK(world.fault() == "");
  are_views_lost = false;
  world.mend();
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 20s));
  CHECK(world.fault() == "");
}

/// The third is a voter by now, and with the host a majority; the second has not heard of it, and is most of those that
/// are left of the view before, without its host.
TEST_CASE("A dead host's vote is not free for who missed its last change of voters", "[mesh][handover]") {
  bool is_deaf = true;
  World::Config config{.seed = 8, .least_rtt = 30ms, .longest_rtt = 30ms};
  config.tamper = [&](World& world, unsigned, unsigned to, mesh::Message& message) {
    if (!is_deaf || to != 1) return;
    const auto* views = std::get_if<mesh::Views>(&message);
    const auto* beat = std::get_if<mesh::Heartbeat>(&message);
    const bool is_of_it = (views && views->latest.voters() == 3) ||
                          (beat && world.at(1).view() && world.at(1).view()->members.size() == 3 &&
                           beat->version > world.at(1).view()->version);
    if (is_of_it) message = mesh::Claim{};
  };
  World world{config};
  world.gather(2);
  world.add(0);
  REQUIRE(world.run_until([&] { return world.at(2).is_member() && world.at(2).view()->voters() == 3; }, 5s));
  REQUIRE(world.run_until([&] { return world.at(2).committed() == world.at(2).view()->version; }, 2s));
  REQUIRE(world.at(1).view()->voters() == 2);
  REQUIRE(world.at(1).committed() == world.at(1).view()->version);
  world.kill(0, World::Death::process_killed);
  world.run_for(200ms);
  CHECK(world.fault() == "");
  is_deaf = false;
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 20s));
  CHECK(world.fault() == "");
}
}  // namespace natkit::test
