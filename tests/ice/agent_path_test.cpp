// What happens to a pair of agents after they have met, in virtual time.
#include "catch.hpp"
#include "ice/match.hpp"

using namespace natkit;
using namespace natkit::test;
using ice::Agent;

TEST_CASE("When the direct path dies the relay takes over in 1.5 s, and gives back when it lives again",
          "[agent][path]") {
  Match match{{.relaying = Relaying::yes, .role_b = GENERATE(ice::Role::controlled, ice::Role::controlling)}};
  match.tell();
  match.run(3s);
  REQUIRE(match.agree());
  REQUIRE_FALSE(match.a.agent.path()->is_relayed());

  const auto cut_at = match.net.now();
  match.a.is_cut = match.b.is_cut = true;
  match.run(2s);
  REQUIRE(match.a.lost_at);
  REQUIRE(match.b.lost_at);
  CHECK(*match.a.lost_at - cut_at <= 1500ms);
  CHECK(*match.b.lost_at - cut_at <= 1500ms);
  REQUIRE(match.a.agent.path());
  REQUIRE(match.b.agent.path());
  CHECK(match.a.agent.path()->is_relayed());
  CHECK(match.b.agent.path()->is_relayed());
  match.run(5s);
  CHECK(match.agree());
  CHECK(match.a.agent.state() == Agent::State::completed);

  match.a.is_cut = match.b.is_cut = false;
  match.run(10s);
  CHECK(match.agree());
  CHECK_FALSE(match.a.agent.path()->is_relayed());
}

TEST_CASE("When every path dies both are told, and when one lives again they meet again", "[agent][path]") {
  Match match{{}};
  match.tell();
  match.run(1s);
  REQUIRE(match.agree());
  match.a.is_cut = match.b.is_cut = true;
  match.run(5s);
  CHECK(match.a.failed_at);
  CHECK(match.b.failed_at);
  CHECK_FALSE(match.a.agent.path());
  match.a.is_cut = match.b.is_cut = false;
  match.run(5s);
  CHECK(match.agree());
}

TEST_CASE("A path is not taken for dead for a twentieth that is lost", "[agent][path]") {
  Match match{{.jitter = 20ms, .loss = 0.05}};
  match.tell();
  match.run(3s);
  REQUIRE(match.are_connected());
  match.run(10min);
  CHECK_FALSE(match.a.lost_at);
  CHECK_FALSE(match.b.lost_at);
}

TEST_CASE("Two that both control agree on one that does", "[agent][path]") {
  Match match{{.role_a = ice::Role::controlling, .role_b = ice::Role::controlling}};
  match.tell();
  match.run(1s);
  CHECK(match.agree());
  CHECK(match.a.agent.role() != match.b.agent.role());
  CHECK(match.a.agent.state() == Agent::State::completed);
  CHECK(match.b.agent.state() == Agent::State::completed);
}

TEST_CASE("Two that both are controlled agree on one that does control", "[agent][path]") {
  Match match{{.role_a = ice::Role::controlled, .role_b = ice::Role::controlled}};
  match.tell();
  match.run(1s);
  CHECK(match.agree());
  CHECK(match.a.agent.role() != match.b.agent.role());
}

TEST_CASE("After a restart two agents meet again, and payload has a path all the while", "[agent][path]") {
  Match match{{}};
  match.tell();
  match.run(1s);
  REQUIRE(match.agree());
  const auto before_a = *match.a.agent.path();
  const auto now = match.net.now();
  match.a.agent.restart(now, ice::make_credentials(match.net.rng()));
  match.b.agent.restart(now, ice::make_credentials(match.net.rng()));
  CHECK(match.a.agent.path()->is_same_way(before_a));
  for (auto* to : {&match.a, &match.b}) {
    auto& from = to == &match.a ? match.b : match.a;
    for (const auto& candidate : from.outbox) to->agent.add_remote(now, candidate);
    to->agent.set_remote(now, from.agent.credentials(), ice::Dialect::natkit);
    to->note_events(now);
  }
  match.host_a.wake();
  match.host_b.wake();
  match.run(1s);
  CHECK(match.agree());
  CHECK(match.a.agent.state() == Agent::State::completed);
  CHECK_FALSE(match.a.lost_at);
}

TEST_CASE("Who restarts alone is answered no more than the old path needs", "[agent][path]") {
  Match match{{}};
  match.tell();
  match.run(1s);
  match.a.agent.restart(match.net.now(), ice::make_credentials(match.net.rng()));
  match.host_a.wake();
  match.run(1s);
  CHECK(match.a.agent.path());  // B still watches it, and A still answers
  CHECK(match.b.agent.path());
  CHECK_FALSE(match.b.lost_at);
}
