// An agent whose process was stopped, or had to wait for a processor, while the peer's packets lay unread.
#include "catch.hpp"
#include "ice/solo.hpp"

using namespace natkit;
using namespace natkit::test;
using ice::Agent;

namespace {
const Endpoint there = "203.0.113.9:7000"_ep;

/// Runs, with every check answered at once, as one does whose peer is near.
void run_answered(Solo& solo, Duration time) {
  const auto end = solo.now + time;
  while (solo.now < end) {
    for (const auto& check : solo.checks()) solo.answer(check);
    const auto due = solo.agent.poll_timeout();
    if (!due || *due > end) break;
    solo.now = std::max(solo.now, *due);
    solo.agent.handle_timeout(solo.now);
  }
  for (const auto& check : solo.checks()) solo.answer(check);
  solo.now = end;
}

/// On a path that has stood for three seconds.
void connect(Solo& solo, ice::Dialect dialect = ice::Dialect::natkit) {
  solo.add_remote(there);
  solo.begin(dialect);
  run_answered(solo, 3s);
  REQUIRE(solo.agent.path());
}
}  // namespace

TEST_CASE("An agent that stood still keeps its path, whatever it does first afterwards", "[agent][standstill]") {
  const auto time = GENERATE(1500ms, 2s, 10s, 3600s);
  const auto does_read_first = GENERATE(true, false);
  Solo solo;
  connect(solo);
  const auto before = *solo.agent.path();

  solo.now += time;
  if (does_read_first) solo.receive(there, solo.check());
  solo.agent.handle_timeout(solo.now);
  run_answered(solo, 3s);

  CHECK(solo.count<Agent::PathLost>() == 0);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->is_same_way(before));
}

TEST_CASE("A path that died while an agent stood still is noticed as soon afterwards as ever", "[agent][standstill]") {
  Solo solo;
  connect(solo);
  solo.now += 5s;
  solo.agent.handle_timeout(solo.now);
  CHECK_FALSE(solo.checks().empty());  // asked at once
  solo.pass(900ms);                    // of the 1.4 s up to 0.5 s were over before the next check was due
  CHECK(solo.count<Agent::PathLost>() == 0);
  solo.pass(600ms);
  CHECK(solo.count<Agent::PathLost>() == 1);
}

TEST_CASE("The time that an agent stood still is no part of a round trip", "[agent][standstill]") {
  Solo solo;
  solo.add_remote(there);
  solo.begin();
  const auto checks = solo.checks();
  REQUIRE_FALSE(checks.empty());
  solo.now += 8s;
  solo.answer(checks.front());
  REQUIRE(solo.agent.path());
  CHECK(*solo.agent.path()->rtt <= 100ms);
}

TEST_CASE("An agent that stood still while it checked goes on checking before it gives up", "[agent][standstill]") {
  Solo solo;
  solo.add_remote(there);
  solo.begin();
  solo.pass(100ms);
  solo.now += 3s;
  solo.agent.handle_timeout(solo.now);
  CHECK(solo.count<Agent::Failed>() == 0);
  const auto checks = solo.checks();
  REQUIRE_FALSE(checks.empty());
  solo.now += 50ms;
  solo.answer(checks.front());
  CHECK(solo.agent.path());
}

TEST_CASE("One whose peer never answers gives up after its patience, of which it stood still no part",
          "[agent][standstill]") {
  Solo solo;
  solo.add_remote(there);
  solo.begin();
  solo.pass(1s);
  solo.now += 2s;    // its next check was due after 325 ms: these count
  solo.pass(450ms);  // 1.775 s
  CHECK(solo.count<Agent::Failed>() == 0);
  solo.pass(50ms);
  CHECK(solo.count<Agent::Failed>() == 1);
}

TEST_CASE("A foreign agent's consent ends by the clock, even for one that stood still", "[agent][standstill]") {
  Solo solo;
  connect(solo, ice::Dialect::rfc);
  solo.now += 31s;
  solo.agent.handle_timeout(solo.now);
  CHECK(solo.count<Agent::PathLost>() == 1);
}
