// One row for each event of RakNet's NAT traversal: what happens, and what our clients are told, and when.
#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
/// Two that are about to meet: `host` listens, `guest` connects.
struct Meeting {
  explicit Meeting(const Server::Config& config = {}) : world(1, config) {}
  World world;
  World::Player& host = world.join("host");
  World::Player& guest = world.join("guest");
  PlaceId place = world.open(host, Purpose::listen, "den");

  void dial(std::optional<Duration> wait = {}) {
    world.run_for(3s);  // everybody is registered, and nobody has answered a ping just now
    dialled = world.now();
    world.open(guest, Purpose::connect, "den", wait);
  }
  AttemptId begin() {
    dial();
    world.run_for(500ms);
    REQUIRE(guest.all<FoundPeer>().size() == 1);
    REQUIRE(host.all<FoundPeer>().size() == 1);
    return guest.all<FoundPeer>()[0].attempt;
  }
  Instant dialled{};
};
}  // namespace

TEST_CASE("ID_NAT_TARGET_NOT_CONNECTED: target-not-connected, at once", "[rendezvous][reasons]") {
  World world;
  auto& guest = world.join("guest");
  world.run_for(1s);
  const auto dialled = world.now();
  const auto place = world.open(guest, Purpose::connect, "nobody");
  world.run_for(1s);
  REQUIRE(guest.all<NotPossible>().size() == 1);
  const auto refusal = guest.all<NotPossible>()[0];
  CHECK(refusal.reason == Reason::target_not_connected);
  CHECK(refusal.place == place);
  CHECK(refusal.error.code == Errc::peer);
  CHECK(refusal.error.reason == "target-not-connected");
  CHECK_FALSE(refusal.error.advice.empty());
  CHECK(*guest.when<NotPossible>() - dialled == 20ms);
}

TEST_CASE("ID_NAT_TARGET_UNRESPONSIVE: target-unresponsive after 2 s, to both sides", "[rendezvous][reasons]") {
  Meeting meeting;
  meeting.world.run_for(1s);
  meeting.world.cut(meeting.host, Cut::silent);
  meeting.dial();
  meeting.world.run_for(3s);
  REQUIRE_FALSE(meeting.guest.all<NotPossible>().empty());
  CHECK(meeting.guest.all<NotPossible>().back().reason == Reason::target_unresponsive);
  CHECK(*meeting.guest.when<NotPossible>() - meeting.dialled < 2100ms);
  CHECK(meeting.guest.all<FoundPeer>().empty());
  // The other side is told when it is there again.
  meeting.world.run_for(60s);
  REQUIRE_FALSE(meeting.host.all<Resumed>().empty());
  REQUIRE_FALSE(meeting.host.all<NotPossible>().empty());
  CHECK(meeting.host.all<NotPossible>()[0].reason == Reason::target_unresponsive);
  CHECK(meeting.host.all<NotPossible>()[0].finality == Finality::passing);
}

TEST_CASE("Who waits for an unresponsive side is told, and still found when it answers again",
          "[rendezvous][reasons]") {
  Meeting meeting;
  meeting.world.run_for(1s);
  meeting.world.cut(meeting.host, Cut::silent);
  meeting.dial(120s);
  meeting.world.run_for(100s);
  REQUIRE(meeting.guest.all<NotPossible>().size() == 1);
  CHECK(meeting.guest.all<NotPossible>()[0].reason == Reason::target_unresponsive);
  CHECK(meeting.guest.all<NotPossible>()[0].finality == Finality::passing);
  CHECK(meeting.guest.all<FoundPeer>().size() == 1);
  CHECK(meeting.host.all<FoundPeer>().size() == 1);
}

TEST_CASE("ID_NAT_CONNECTION_TO_TARGET_LOST: connection-to-target-lost, to the survivor", "[rendezvous][reasons]") {
  Meeting meeting;
  SECTION("while the target is being asked") {
    meeting.world.run_for(1s);
    meeting.world.cut(meeting.host, Cut::silent);
    meeting.dial(10s);
    meeting.world.run_for(1s);
    meeting.world.kill(meeting.host);
    meeting.world.run_for(2s);
    REQUIRE(meeting.guest.all<NotPossible>().size() == 1);
    CHECK(meeting.guest.all<NotPossible>()[0].reason == Reason::connection_to_target_lost);
  }
  SECTION("after both were told") {
    const auto attempt = meeting.begin();
    const auto killed = meeting.world.now();
    auto& victim = GENERATE(true, false) ? meeting.host : meeting.guest;
    auto& survivor = &victim == &meeting.host ? meeting.guest : meeting.host;
    meeting.world.kill(victim);
    meeting.world.run_for(5s);
    REQUIRE(survivor.all<PeerLeft>().size() == 1);
    CHECK(survivor.all<PeerLeft>()[0].reason == Reason::connection_to_target_lost);
    CHECK(survivor.all<PeerLeft>()[0].attempt == attempt);
    CHECK(*survivor.when<PeerLeft>() - killed < 2100ms);
    CHECK(meeting.world.server->attempts() == 0);
  }
}

TEST_CASE("ID_NAT_ALREADY_IN_PROGRESS: already-in-progress, with the attempt to wait for", "[rendezvous][reasons]") {
  Meeting meeting;
  const auto attempt = meeting.begin();
  meeting.host.client->describe(meeting.world.now(), meeting.place, "next");
  meeting.world.settle(meeting.host);
  SECTION("the same direction") { meeting.world.open(meeting.guest, Purpose::connect, "den"); }
  SECTION("the other direction") {
    meeting.world.open(meeting.guest, Purpose::listen, "back");
    meeting.world.run_for(100ms);
    meeting.world.open(meeting.host, Purpose::connect, "back");
  }
  meeting.world.run_for(1s);
  auto& asker = meeting.guest.all<NotPossible>().empty() ? meeting.host : meeting.guest;
  REQUIRE(asker.all<NotPossible>().size() == 1);
  CHECK(asker.all<NotPossible>()[0].reason == Reason::already_in_progress);
  CHECK(asker.all<NotPossible>()[0].attempt == attempt);
  CHECK(meeting.guest.all<FoundPeer>().size() == 1);
  // Not an end: that attempt goes on.
  meeting.guest.client->send_candidate(meeting.world.now(), attempt, "still");
  meeting.world.settle(meeting.guest);
  meeting.world.run_for(1s);
  CHECK(meeting.host.all<RemoteCandidate>().size() == 1);
}

TEST_CASE("A second attempt is free to begin when the first is over", "[rendezvous][reasons]") {
  Meeting meeting;
  const auto attempt = meeting.begin();
  const auto outcome = GENERATE(Outcome::connected, Outcome::failed);
  for (auto* player : {&meeting.host, &meeting.guest}) {
    player->client->report(meeting.world.now(), attempt, outcome);
    meeting.world.settle(*player);
  }
  meeting.world.run_for(1s);
  meeting.host.client->describe(meeting.world.now(), meeting.place, "next");
  meeting.world.settle(meeting.host);
  meeting.world.open(meeting.guest, Purpose::connect, "den");
  meeting.world.run_for(1s);
  CHECK(meeting.guest.all<FoundPeer>().size() == 2);
  CHECK(meeting.guest.all<NotPossible>().empty());
}

TEST_CASE("ID_NAT_PUNCHTHROUGH_FAILED: punch-failed, to the other side as well", "[rendezvous][reasons]") {
  Meeting meeting;
  const auto attempt = meeting.begin();
  SECTION("reported by one side") {
    meeting.guest.client->report(meeting.world.now(), attempt, Outcome::failed);
    meeting.world.settle(meeting.guest);
    meeting.world.run_for(1s);
    REQUIRE(meeting.host.all<PeerLeft>().size() == 1);
    CHECK(meeting.guest.all<PeerLeft>().empty());
  }
  SECTION("reported by nobody within a minute") {
    meeting.world.run_for(61s);
    REQUIRE(meeting.host.all<PeerLeft>().size() == 1);
    REQUIRE(meeting.guest.all<PeerLeft>().size() == 1);
  }
  CHECK(meeting.host.all<PeerLeft>()[0].reason == Reason::punch_failed);
  CHECK(meeting.world.server->counters().failed == 1);
}

TEST_CASE("Rejected by the peer, in the peer's words", "[rendezvous][reasons]") {
  Meeting meeting;
  const auto attempt = meeting.begin();
  meeting.host.client->send_bye(meeting.world.now(), attempt, Reason::rejected);
  meeting.world.settle(meeting.host);
  meeting.world.run_for(1s);
  REQUIRE(meeting.guest.all<PeerLeft>().size() == 1);
  CHECK(meeting.guest.all<PeerLeft>()[0].reason == Reason::rejected);
}

TEST_CASE("Facilitator lost during an attempt: both are told, and come back when it does", "[rendezvous][reasons]") {
  Meeting meeting;
  meeting.begin();
  meeting.world.stop_server();
  meeting.world.run_for(2s);
  for (auto* player : {&meeting.host, &meeting.guest}) {
    REQUIRE(player->all<ServerLost>().size() == 1);
    CHECK(player->all<PeerLeft>().empty());  // the two may well connect without it
  }
  meeting.world.start_server();
  meeting.world.run_for(10s);
  for (auto* player : {&meeting.host, &meeting.guest}) {
    REQUIRE(player->all<Resumed>().size() == 1);
    CHECK(player->all<Resumed>()[0].session == Registered::Session::fresh);
  }
  CHECK(meeting.world.server->sessions() == 2);
}

TEST_CASE("OpenNAT without a facilitator: server-unreachable, within the patience", "[rendezvous][reasons]") {
  World world;
  world.stop_server();
  const auto begin = world.now();
  auto& guest = world.join("guest");
  world.open(guest, Purpose::connect, "den");
  world.run_for(10s);
  REQUIRE(guest.all<NotPossible>().size() == 1);
  CHECK(guest.all<NotPossible>()[0].reason == Reason::server_unreachable);
  CHECK(guest.all<NotPossible>()[0].error.code == Errc::nobody_there);
  CHECK_FALSE(guest.all<NotPossible>()[0].place);
  CHECK(*guest.when<NotPossible>() - begin < 100ms);
  CHECK_FALSE(guest.client->poll_timeout());
}

TEST_CASE("A full server says so, and is asked again only by who was there before", "[rendezvous][reasons]") {
  World world{1, {.limits = {.sessions = 1}}};
  auto& first = world.join("first");
  world.run_for(1s);
  auto& second = world.join("second");
  world.run_for(1s);
  REQUIRE(second.all<NotPossible>().size() == 1);
  CHECK(second.all<NotPossible>()[0].reason == Reason::server_full);
  CHECK(second.all<NotPossible>()[0].error.code == Errc::refused);
  CHECK_FALSE(second.client->poll_timeout());
  CHECK(first.all<NotPossible>().empty());
}
