// Clients and a server that are all right, in virtual time.
#include <set>

#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Duration apart(Instant a, Instant b) { return a < b ? b - a : a - b; }
}  // namespace

TEST_CASE("Two in one room are told of each other, and start at one instant however far each is from the server",
          "[rendezvous][pair]") {
  World world;
  auto& near = world.join("near", 10ms);
  auto& far = world.join("far", 180ms);
  world.open(near, Purpose::pair, "den");
  world.run_for(1s);
  CHECK(near.all<FoundPeer>().empty());
  world.open(far, Purpose::pair, "den");
  world.run_for(1s);
  const auto of_near = near.all<FoundPeer>();
  const auto of_far = far.all<FoundPeer>();
  REQUIRE(of_near.size() == 1);
  REQUIRE(of_far.size() == 1);
  CHECK(of_near[0].attempt == of_far[0].attempt);
  CHECK(of_near[0].peer == "far");
  CHECK(of_near[0].role == Role::controlling);  // "near" is the greater text
  CHECK(of_far[0].role == Role::controlled);
  CHECK(of_far[0].description == "of " + to_text(near.address));
  CHECK(of_far[0].peer_address.address == near.address);
  CHECK(of_far[0].peer_purpose == Purpose::pair);
  // Told 85 ms apart, since the server told both at once; starting together.
  CHECK(apart(*near.when<FoundPeer>(), *far.when<FoundPeer>()) == 85ms);
  CHECK(apart(of_near[0].start, of_far[0].start) < 1us);
  CHECK(of_far[0].start == *far.when<FoundPeer>());
}

TEST_CASE("Registering and being matched takes a client three round trips, its connection included",
          "[rendezvous][pair]") {
  World world;
  auto& early = world.join("early", 20ms);
  world.open(early, Purpose::pair, "den");
  world.run_for(1s);
  const auto begin = world.now();
  auto& late = world.join("late", 20ms);
  world.open(late, Purpose::pair, "den");
  world.run_for(1s);
  REQUIRE(late.when<RegisteredAt>());
  CHECK(*late.when<RegisteredAt>() - begin == 40ms);
  CHECK(*late.when<FoundPeer>() - begin == 60ms);
  CHECK(late.all<RegisteredAt>()[0].round_trip == 20ms);
  CHECK(late.all<RegisteredAt>()[0].seen_as.address == late.address);
}

TEST_CASE("Those who gather under a name each meet every other one, and nobody twice", "[rendezvous][gather]") {
  World world;
  std::vector<std::pair<World::Player*, std::vector<PlaceId>>> all;
  for (const auto* name : {"anna", "ben", "carl", "dora"}) {
    auto& player = world.join(name, 20ms);
    auto& [who, places] = all.emplace_back(&player, std::vector<PlaceId>{});
    for (int i = 0; i < 2; ++i) places.push_back(world.open(player, Purpose::gather, "newcomers"));
  }
  world.run_for(1s);
  // With two places each three find two others, who have no place left for the fourth before they describe theirs anew.
  std::size_t found = 0;
  for (const auto& [player, places] : all) found += player->all<FoundPeer>().size();
  CHECK(found == 6);
  for (const auto& [player, places] : all) {
    for (const auto place : places) player->client->describe(world.now(), place, "anew");
    world.settle(*player);
  }
  world.run_for(1s);
  for (const auto& [player, places] : all) {
    std::set<std::string> met;
    for (const auto& one : player->all<FoundPeer>()) {
      CHECK(one.peer_purpose == Purpose::gather);
      met.insert(one.peer);
    }
    CHECK(player->all<FoundPeer>().size() == 3);
    CHECK(met.size() == 3);
  }
}

TEST_CASE("A listener is found by one connector after another, with a new description each time",
          "[rendezvous][listen]") {
  World world;
  auto& host = world.join("host");
  const auto place = world.open(host, Purpose::listen, "den");
  auto& first = world.join("first");
  auto& second = world.join("second");
  world.open(first, Purpose::connect, "den", 10s);
  world.run_for(10ms);
  world.open(second, Purpose::connect, "den", 10s);
  world.run_for(1s);
  REQUIRE(first.all<FoundPeer>().size() == 1);
  CHECK(first.all<FoundPeer>()[0].peer_purpose == Purpose::listen);
  CHECK(second.all<FoundPeer>().empty());  // the description is used up
  host.client->describe(world.now(), place, "second one");
  world.settle(host);
  world.run_for(1s);
  REQUIRE(second.all<FoundPeer>().size() == 1);
  CHECK(second.all<FoundPeer>()[0].description == "second one");
  REQUIRE(host.all<FoundPeer>().size() == 2);
  CHECK(host.all<FoundPeer>()[0].attempt != host.all<FoundPeer>()[1].attempt);
}

TEST_CASE("A listener with several places under its name is found by as many connectors at once",
          "[rendezvous][listen]") {
  World world;
  auto& host = world.join("host");
  const std::vector places{world.open(host, Purpose::listen, "den"), world.open(host, Purpose::listen, "den")};
  CHECK(host.all<NotPossible>().empty());
  std::vector<World::Player*> guests;
  for (const auto* name : {"first", "second", "third"}) {
    guests.push_back(&world.join(name));
    world.open(*guests.back(), Purpose::connect, "den", 10s);
  }
  world.run_for(1s);
  CHECK(guests[0]->all<FoundPeer>().size() == 1);
  CHECK(guests[1]->all<FoundPeer>().size() == 1);
  CHECK(guests[2]->all<FoundPeer>().empty());
  REQUIRE(host.all<FoundPeer>().size() == 2);
  CHECK(host.all<FoundPeer>()[0].place == places[0]);
  CHECK(host.all<FoundPeer>()[1].place == places[1]);
  host.client->describe(world.now(), places[1], "second one");
  world.settle(host);
  world.run_for(1s);
  REQUIRE(guests[2]->all<FoundPeer>().size() == 1);
  CHECK(guests[2]->all<FoundPeer>()[0].description == "second one");
}

TEST_CASE("A connector that came first waits for its listener, as long as it likes", "[rendezvous][listen]") {
  World world;
  auto& guest = world.join("guest");
  auto& hasty = world.join("hasty");
  auto& short_of_time = world.join("short");
  world.open(guest, Purpose::connect, "den", 60s);
  world.open(hasty, Purpose::connect, "den");
  world.open(short_of_time, Purpose::connect, "den", 10s);
  world.run_for(20s);
  REQUIRE(hasty.all<NotPossible>().size() == 1);
  CHECK(hasty.all<NotPossible>()[0].reason == Reason::target_not_connected);
  CHECK(*hasty.when<NotPossible>() - *hasty.when<RegisteredAt>() < 1ms);
  REQUIRE(short_of_time.all<NotPossible>().size() == 1);
  CHECK(short_of_time.all<NotPossible>()[0].reason == Reason::target_not_connected);
  CHECK(apart(*short_of_time.when<NotPossible>(), *short_of_time.when<RegisteredAt>() + 10s) < 100ms);
  world.open(world.join("host"), Purpose::listen, "den");
  world.run_for(1s);
  CHECK(guest.all<FoundPeer>().size() == 1);
}

TEST_CASE("Candidates, restarts and the end pass from one peer to the other, in order", "[rendezvous][relay]") {
  World world;
  auto& a = world.join("a");
  auto& b = world.join("b");
  world.open(a, Purpose::pair, "den");
  world.open(b, Purpose::pair, "den");
  world.run_for(1s);
  REQUIRE(a.all<FoundPeer>().size() == 1);
  const auto attempt = a.all<FoundPeer>()[0].attempt;
  for (int i = 0; i < 100; ++i) a.client->send_candidate(world.now(), attempt, std::to_string(i));
  b.client->send_restart(world.now(), attempt, "again");
  world.settle(a);
  world.settle(b);
  world.run_for(1s);
  const auto candidates = b.all<RemoteCandidate>();
  REQUIRE(candidates.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(candidates[i].text == std::to_string(i));
  REQUIRE(a.all<RemoteRestart>().size() == 1);
  CHECK(a.all<RemoteRestart>()[0].description == "again");

  for (auto* player : {&a, &b}) {
    player->client->report(world.now(), attempt, Outcome::connected, "host");
    world.settle(*player);
  }
  world.run_for(120s);
  CHECK(world.server->counters().connected == 1);
  CHECK(world.server->attempts() == 1);  // restarts may come much later
  b.client->send_bye(world.now(), attempt, Reason::closed);
  world.settle(b);
  world.run_for(1s);
  REQUIRE(a.all<PeerLeft>().size() == 1);
  CHECK(a.all<PeerLeft>()[0].reason == Reason::closed);
  CHECK(world.server->attempts() == 0);
}

TEST_CASE("Both sides dialling each other in the same millisecond make exactly one attempt", "[rendezvous][glare]") {
  int matched_by_a = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    World world{seed};
    auto& a = world.join("a", 1ms + Duration{static_cast<std::int64_t>(world.rng().below(100'000'000))});
    auto& b = world.join("b", 1ms + Duration{static_cast<std::int64_t>(world.rng().below(100'000'000))});
    world.open(a, Purpose::listen, "of a");
    world.open(b, Purpose::listen, "of b");
    world.run_for(2s);
    const auto dial = [&world](World::Player& player, const char* name) {
      return [&world, &player, name] { world.open(player, Purpose::connect, name, 5s); };
    };
    const auto chance = [&world] { return Duration{static_cast<std::int64_t>(world.rng().below(1'000'000))}; };
    world.at(world.now() + chance(), dial(a, "of b"));
    world.at(world.now() + chance(), dial(b, "of a"));
    world.run_for(4s);
    CAPTURE(seed);
    REQUIRE(a.all<FoundPeer>().size() == 1);
    REQUIRE(b.all<FoundPeer>().size() == 1);
    REQUIRE(a.all<FoundPeer>()[0].attempt == b.all<FoundPeer>()[0].attempt);
    const auto refused_a = a.all<NotPossible>();
    const auto refused_b = b.all<NotPossible>();
    REQUIRE(refused_a.size() + refused_b.size() == 1);
    const auto& refusal = refused_a.empty() ? refused_b[0] : refused_a[0];
    REQUIRE(refusal.reason == Reason::already_in_progress);
    REQUIRE(refusal.attempt == a.all<FoundPeer>()[0].attempt);
    matched_by_a += a.all<FoundPeer>()[0].peer_purpose == Purpose::listen;
  }
  CHECK(matched_by_a > 100);
  CHECK(matched_by_a < 1900);
}

TEST_CASE("Both coming into one room in the same millisecond make exactly one attempt", "[rendezvous][glare]") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    World world{seed};
    const auto chance = [&world](std::uint64_t below) {
      return Duration{static_cast<std::int64_t>(world.rng().below(below))};
    };
    auto& a = world.join("a", 1ms + chance(100'000'000));
    world.run_for(chance(1'000'000));
    auto& b = world.join("b", 1ms + chance(100'000'000));
    world.open(a, Purpose::pair, "den");
    world.open(b, Purpose::pair, "den");
    world.run_for(4s);
    CAPTURE(seed);
    REQUIRE(a.all<FoundPeer>().size() == 1);
    REQUIRE(b.all<FoundPeer>().size() == 1);
    REQUIRE(apart(a.all<FoundPeer>()[0].start, b.all<FoundPeer>()[0].start) < 1us);
    REQUIRE(world.server->counters().matched == 1);
  }
}

TEST_CASE("Nobody is matched with himself", "[rendezvous][self]") {
  World world;
  auto& one = world.join("me");
  auto& other = world.join("me");
  world.open(one, Purpose::pair, "den");
  world.run_for(1s);
  world.open(other, Purpose::pair, "den");
  world.open(one, Purpose::listen, "mine");
  world.run_for(1s);
  world.open(other, Purpose::connect, "mine", 5s);
  world.run_for(10s);
  CHECK(one.all<FoundPeer>().empty());
  REQUIRE(other.all<NotPossible>().size() == 2);
  for (const auto& refusal : other.all<NotPossible>()) CHECK(refusal.reason == Reason::rejected);
}

TEST_CASE("A room is for two: a third one is rejected, and let in when one has left", "[rendezvous][pair]") {
  World world;
  auto& a = world.join("a");
  auto& b = world.join("b");
  auto& c = world.join("c");
  world.open(a, Purpose::pair, "den");
  world.open(b, Purpose::pair, "den");
  world.run_for(1s);
  world.open(c, Purpose::pair, "den");
  world.run_for(1s);
  REQUIRE(c.all<NotPossible>().size() == 1);
  CHECK(c.all<NotPossible>()[0].reason == Reason::rejected);
  CHECK(c.all<NotPossible>()[0].finality == Finality::final);
  a.client->leave(world.now());
  world.settle(a);
  world.run_for(1s);
  REQUIRE(b.all<PeerLeft>().size() == 1);
  const auto place = b.all<FoundPeer>()[0].place;
  b.client->describe(world.now(), place, "anew");
  world.settle(b);
  world.open(c, Purpose::pair, "den");
  world.run_for(1s);
  REQUIRE(c.all<FoundPeer>().size() == 1);
  CHECK(c.all<FoundPeer>()[0].description == "anew");
}

TEST_CASE("A name belongs to who listens under it", "[rendezvous][listen]") {
  World world;
  auto& owner = world.join("owner");
  auto& thief = world.join("thief");
  world.open(owner, Purpose::listen, "den");
  world.run_for(1s);
  world.open(thief, Purpose::listen, "den");
  world.run_for(1s);
  REQUIRE(thief.all<NotPossible>().size() == 1);
  CHECK(thief.all<NotPossible>()[0].reason == Reason::authentication_failed);
  world.kill(owner);
  world.run_for(10s);
  world.open(thief, Purpose::listen, "den");  // within the 15 s of grace
  world.run_for(1s);
  CHECK(thief.all<NotPossible>().size() == 2);
  world.run_for(10s);
  world.open(thief, Purpose::listen, "den");
  world.run_for(1s);
  CHECK(thief.all<NotPossible>().size() == 2);
}

TEST_CASE("A connector that describes itself later waits for its listener just as long", "[rendezvous][listen]") {
  World world;
  auto& guest = world.join("guest");
  const auto place =
      guest.client->open(world.now(), {.purpose = Purpose::connect, .name = "den", .wait = Duration{10s}});
  world.settle(guest);
  world.run_for(300ms);
  guest.client->describe(world.now(), place, "gathered since");
  world.settle(guest);
  world.run_for(7s);  // much longer than the server waits for an answer
  REQUIRE(guest.all<NotPossible>().empty());
  SECTION("the listener comes") {
    world.open(world.join("host"), Purpose::listen, "den");
    world.run_for(1s);
    CHECK(guest.all<FoundPeer>().size() == 1);
  }
  SECTION("nobody comes") {
    world.run_for(10s);
    REQUIRE(guest.all<NotPossible>().size() == 1);
    CHECK(apart(*guest.when<NotPossible>(), *guest.when<RegisteredAt>() + 10s) < 100ms);
  }
}

TEST_CASE("A place that is opened without a description holds its name until it is described", "[rendezvous]") {
  World world;
  auto& a = world.join("a");
  const auto place = a.client->open(world.now(), {.purpose = Purpose::pair, .name = "den"});
  world.settle(a);
  auto& b = world.join("b");
  world.open(b, Purpose::pair, "den");
  world.run_for(5s);
  CHECK(b.all<FoundPeer>().empty());
  a.client->describe(world.now(), place, "now");
  world.settle(a);
  world.run_for(1s);
  REQUIRE(b.all<FoundPeer>().size() == 1);
  CHECK(b.all<FoundPeer>()[0].description == "now");
}
