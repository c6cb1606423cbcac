// Clients that wait at a server for somebody to play with.
#include <fmt/format.h>

#include "catch.hpp"
#include "natkit/crypto/signature.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::string member(unsigned number) { return fmt::format("{:064x}", number); }

/// A meeting place that matches players.
struct Place {
  SeededRng rng{1};
  Matchmaker matchmaker{{}, rng};
  Reports reports{{}};
  crypto::Identity identity = crypto::Identity::make();
  World world{1, {.matchmaker = &matchmaker, .reports = &reports, .identity = identity}};

  World::Player& join(unsigned number, Duration round_trip = 20ms) {
    auto& player = world.join(member(number), round_trip);
    world.run_for(1s);
    return player;
  }
  QuestionId seek(World::Player& player, unsigned number, std::uint32_t players = 2) {
    const auto question = player.client->seek(world.now(), {.member = member(number), .players = players});
    world.settle(player);
    world.run_for(1s);
    return question;
  }
};
}  // namespace

TEST_CASE("Clients who seek the same are told of one match, and how many wait until then", "[rendezvous][match]") {
  Place place;
  auto& a = place.join(1);
  auto& b = place.join(2, 100ms);
  auto& c = place.join(3);
  const auto question = place.seek(a, 1, 3);
  place.seek(b, 2, 3);
  place.world.run_for(10s);
  REQUIRE(a.all<StillSeeking>().size() == 2);  // alone, then two; the repetitions between are nobody's news
  CHECK(a.all<StillSeeking>()[1].waiting == 2);
  CHECK(a.all<FoundMatch>().empty());
  place.seek(c, 3, 3);
  for (auto* each : {&a, &b, &c}) REQUIRE(each->all<FoundMatch>().size() == 1);
  CHECK(a.all<FoundMatch>()[0].question == question);
  const auto match = a.all<FoundMatch>()[0].match;
  CHECK(match.players.size() == 3);
  CHECK(b.all<FoundMatch>()[0].match.session == match.session);
  CHECK(b.all<FoundMatch>()[0].match.players[0].member == match.players[0].member);
  // Both have the same word of the server, by the key that it named.
  REQUIRE(b.all<FoundMatch>()[0].signed_match);
  CHECK(a.all<FoundMatch>()[0].signed_match == b.all<FoundMatch>()[0].signed_match);
  const auto decision = open_match(*b.all<FoundMatch>()[0].signed_match);
  REQUIRE(decision);
  CHECK(decision->match == match);
  CHECK(to_hex(decision->signer.digest) == a.all<RegisteredAt>()[0].signer);
  CHECK(decision->signer == place.identity.fingerprint());
  place.world.run_for(1min);
  CHECK(place.matchmaker.waiting() == 0);  // and nobody says it again
  CHECK(a.all<FoundMatch>().size() == 1);
}

TEST_CASE("Who stops, leaves or loses the server for good waits no more", "[rendezvous][match]") {
  Place place;
  auto& a = place.join(1);
  auto& b = place.join(2);
  auto& c = place.join(3);
  place.seek(a, 1, 9);
  place.seek(b, 2, 9);
  place.seek(c, 3, 9);
  CHECK(place.matchmaker.waiting() == 3);
  a.client->stop_seeking(place.world.now());
  b.client->leave(place.world.now());
  place.world.settle(a);
  place.world.settle(b);
  place.world.kill(c);
  place.world.run_for(1s);
  CHECK(place.matchmaker.waiting() == 0);
}

TEST_CASE("A seeker goes on through a cut connection and a server that was started anew", "[rendezvous][match]") {
  Place place;
  auto& a = place.join(1);
  auto& b = place.join(2);
  place.seek(a, 1);
  SECTION("cut") { place.world.cut(a, Cut::noticed); }
  SECTION("server anew") { place.world.restart_server(); }
  place.world.run_for(10s);
  place.seek(b, 2);
  place.world.run_for(2s);
  CHECK(a.all<FoundMatch>().size() == 1);
  CHECK(b.all<FoundMatch>().size() == 1);
  CHECK(a.all<NotAnswered>().empty());
}

TEST_CASE("A match that is made while a seeker's connection is cut is told when it is back", "[rendezvous][match]") {
  Place place;
  auto& a = place.join(1, 140ms);
  auto& b = place.join(2, 2ms);
  place.seek(a, 1);
  const auto seek = [&] { return b.client->seek(place.world.now(), {.member = member(2)}); };
  seek();
  place.world.settle(b);
  place.world.run_for(20ms);  // matched; on its way to the far one
  REQUIRE(b.all<FoundMatch>().size() == 1);
  REQUIRE(a.all<FoundMatch>().empty());
  place.world.cut(a, Cut::noticed);
  place.world.run_for(10s);
  REQUIRE(a.all<FoundMatch>().size() == 1);
  CHECK(a.all<FoundMatch>()[0].match.session == b.all<FoundMatch>()[0].match.session);
}

TEST_CASE("A server that matches nobody, and one that refuses, are told apart", "[rendezvous][match]") {
  World world;
  auto& a = world.join("a");
  world.run_for(1s);
  const auto question = a.client->seek(world.now(), {.member = member(1)});
  world.settle(a);
  world.run_for(10s);
  REQUIRE(a.all<NotAnswered>().size() == 1);
  CHECK(a.all<NotAnswered>()[0].question == question);
  CHECK(a.all<NotAnswered>()[0].refusal == DirectoryRefusal::unanswered);

  Place place;
  auto& b = place.join(2);
  place.seek(b, 2, 99);
  REQUIRE(b.all<NotAnswered>().size() == 1);
  CHECK(b.all<NotAnswered>()[0].refusal == DirectoryRefusal::malformed);
}

TEST_CASE("A signed report is taken, an unsigned one refused", "[rendezvous][match][report]") {
  Place place;
  auto& a = place.join(1);
  const auto identity = crypto::Identity::make();
  Report report{.session = std::string(32, '1'),
                .epoch = 1,
                .member = member(2),
                .reason = Report::Reason::cheating,
                .text = "sees through walls",
                .certificate = crypto::certificate_of(identity)};
  a.client->report_member(place.world.now(), report);
  place.world.settle(a);
  place.world.run_for(1s);
  REQUIRE(a.all<NotAnswered>().size() == 1);
  CHECK(a.all<NotAnswered>()[0].refusal == DirectoryRefusal::wrong_token);
  report.signature = crypto::sign(identity, report_text(report));
  a.client->report_member(place.world.now(), report);
  place.world.settle(a);
  place.world.run_for(1s);
  REQUIRE(a.all<ReportHeard>().size() == 1);
  CHECK(a.all<ReportHeard>()[0].standing == ReportStanding::one_sided);
  CHECK(place.reports.cases() == 1);
}
