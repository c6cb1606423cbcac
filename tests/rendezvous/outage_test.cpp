// Connections that break at any moment, servers that are started anew, clients that are killed.
#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("A session outlives its connection: what was said meanwhile arrives, once and in order",
          "[rendezvous][outage]") {
  World world;
  auto& a = world.join("a");
  auto& b = world.join("b");
  world.open(a, Purpose::pair, "den");
  world.open(b, Purpose::pair, "den");
  world.run_for(1s);
  REQUIRE(a.all<FoundPeer>().size() == 1);
  const auto attempt = a.all<FoundPeer>()[0].attempt;
  world.cut(b, Cut::noticed);
  for (int i = 0; i < 10; ++i) a.client->send_candidate(world.now(), attempt, "a" + std::to_string(i));
  for (int i = 0; i < 10; ++i) b.client->send_candidate(world.now(), attempt, "b" + std::to_string(i));
  world.settle(a);
  world.settle(b);
  world.run_for(1s);
  CHECK(b.all<ServerLost>().size() == 1);
  REQUIRE(b.all<Resumed>().size() == 1);
  CHECK(b.all<Resumed>()[0].session == Registered::Session::resumed);
  REQUIRE(a.all<RemoteCandidate>().size() == 10);
  REQUIRE(b.all<RemoteCandidate>().size() == 10);
  CHECK(a.all<RemoteCandidate>()[9].text == "b9");
  CHECK(b.all<RemoteCandidate>()[9].text == "a9");
  CHECK(a.all<PeerLeft>().empty());
  CHECK(world.server->counters().resumed == 1);
}

TEST_CASE("Wherever the connections are cut, two in a room meet once and their candidates arrive once each",
          "[rendezvous][outage]") {
  int cuts_that_mattered = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    World world{seed};
    const auto chance = [&world](Duration below) {
      return Duration{static_cast<std::int64_t>(world.rng().below(static_cast<std::uint64_t>(below.count())))};
    };
    auto& a = world.join("a", 10ms + chance(80ms));
    auto& b = world.join("b", 10ms + chance(80ms));
    // Not before they are registered: a first connection that fails is an answer, not an outage.
    world.run_for(300ms);
    for (auto* player : {&a, &b}) {
      player->react = [&world](World::Player& self, const ClientEvent& event) {
        if (const auto* found = std::get_if<FoundPeer>(&event))
          for (int i = 0; i < 5; ++i) self.client->send_candidate(world.now(), found->attempt, std::to_string(i));
      };
    }
    const auto begin = world.now();
    world.at(begin + chance(100ms), [&] { world.open(a, Purpose::pair, "den", 30s); });
    world.at(begin + chance(100ms), [&] { world.open(b, Purpose::pair, "den", 30s); });
    for (int i = 0; i < 3; ++i)
      world.at(begin + chance(600ms), [&] { world.cut(world.rng().chance(0.5) ? a : b, Cut::noticed); });
    world.run_for(15s);
    CAPTURE(seed);
    for (auto* player : {&a, &b}) {
      REQUIRE(player->all<FoundPeer>().size() == 1);
      const auto candidates = player->all<RemoteCandidate>();
      REQUIRE(candidates.size() == 5);
      for (std::size_t i = 0; i < 5; ++i) REQUIRE(candidates[i].text == std::to_string(i));
      for (const auto& refusal : player->all<NotPossible>()) REQUIRE(refusal.finality == Finality::passing);
      cuts_that_mattered += static_cast<int>(player->all<Resumed>().size());
    }
    REQUIRE(a.all<FoundPeer>()[0].attempt == b.all<FoundPeer>()[0].attempt);
  }
  CHECK(cuts_that_mattered > 1000);
}

TEST_CASE("A connection that falls silent is noticed and replaced, at either end", "[rendezvous][outage]") {
  World world;
  auto& a = world.join("a");
  world.open(a, Purpose::listen, "den");
  world.run_for(5s);
  world.cut(a, Cut::silent);
  const auto cut = world.now();
  SECTION("by a client that waits, when pings fail to come") {
    world.run_for(60s);
    REQUIRE(a.when<Resumed>());
    CHECK(*a.when<Resumed>() - cut < 40s);
  }
  SECTION("by a client that says something, within 5 s") {
    a.client->describe(world.now(), PlaceId{1}, "anew");
    world.settle(a);
    world.run_for(60s);
    REQUIRE(a.when<Resumed>());
    CHECK(*a.when<Resumed>() - cut < 5500ms);
  }
  CHECK(world.server->sessions() == 1);
  CHECK(world.server->connections() == 1);
  auto& b = world.join("b");
  world.open(b, Purpose::connect, "den");
  world.run_for(1s);
  CHECK(b.all<FoundPeer>().size() == 1);
}

TEST_CASE("The server forgets who does not come back, connection first and session after its grace",
          "[rendezvous][outage]") {
  World world;
  auto& a = world.join("a");
  world.open(a, Purpose::listen, "den");
  world.run_for(1s);
  a.is_killed = true;  // without a word: not even a FIN
  world.run_for(43s);  // pinged at 15, 30 and 45 s
  CHECK(world.server->connections() == 1);
  world.run_for(3s);
  CHECK(world.server->connections() == 0);
  CHECK(world.server->sessions() == 1);
  world.run_for(15s);
  CHECK(world.server->sessions() == 0);
  CHECK(world.server->kept_bytes() == 0);
  CHECK_FALSE(world.server->poll_timeout());
}

TEST_CASE("A server that was started anew is told everything again, and the two meet there", "[rendezvous][outage]") {
  World world;
  auto& a = world.join("a");
  world.open(a, Purpose::pair, "den");
  world.run_for(5s);
  world.restart_server();
  world.run_for(2s);
  REQUIRE(a.all<Resumed>().size() == 1);
  CHECK(a.all<Resumed>()[0].session == Registered::Session::fresh);
  auto& b = world.join("b");
  world.open(b, Purpose::pair, "den");
  world.run_for(1s);
  CHECK(a.all<FoundPeer>().size() == 1);
  CHECK(b.all<FoundPeer>().size() == 1);
}

TEST_CASE("A client that was killed and started anew with its token has its name back at once",
          "[rendezvous][outage]") {
  World world;
  auto& host = world.join("host", 20ms, "the same");
  world.open(host, Purpose::listen, "den");
  auto& guest = world.join("guest");
  world.open(guest, Purpose::connect, "den", 5s);
  world.run_for(1s);
  REQUIRE(guest.all<FoundPeer>().size() == 1);
  world.kill(host);
  auto& again = world.join("host", 20ms, "the same");
  world.open(again, Purpose::listen, "den");
  world.run_for(1s);
  CHECK(again.all<NotPossible>().empty());
  REQUIRE(guest.all<PeerLeft>().size() == 1);
  CHECK(guest.all<PeerLeft>()[0].reason == Reason::connection_to_target_lost);
  world.open(guest, Purpose::connect, "den");
  world.run_for(1s);
  CHECK(again.all<FoundPeer>().size() == 1);
  CHECK(world.server->sessions() == 2);
}

TEST_CASE("The same client from a second connection takes over, and the first one is told", "[rendezvous][outage]") {
  World world;
  auto& first = world.join("me", 20ms, "the same");
  world.run_for(1s);
  auto& second = world.join("me", 20ms, "the same");
  world.run_for(1s);
  CHECK(second.all<RegisteredAt>().size() == 1);
  REQUIRE(first.all<NotPossible>().size() == 1);
  CHECK(first.all<NotPossible>()[0].reason == Reason::rejected);
  CHECK(world.server->sessions() == 1);
  auto& thief = world.join("thief", 20ms, "the same");
  world.run_for(1s);
  REQUIRE(thief.all<NotPossible>().size() == 1);
  CHECK(thief.all<NotPossible>()[0].reason == Reason::authentication_failed);
  CHECK(second.client->is_registered());
}

TEST_CASE("Clients are told that the server goes down, and come back to the next one", "[rendezvous][outage]") {
  World world;
  auto& a = world.join("a");
  world.run_for(1s);
  world.server->announce_end();
  world.settle_server();
  world.run_for(100ms);
  world.stop_server();
  world.run_for(3s);
  world.start_server();
  world.run_for(10s);
  CHECK(a.all<ServerLost>().size() == 1);
  CHECK(a.all<Resumed>().size() == 1);
}
