// From a name to a session, in virtual time: the meeting place, gathering, ICE and the channel together.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "catch.hpp"
#include "environment.hpp"
#include "link/meeting.hpp"

using namespace natkit;
using namespace natkit::test;
using rendezvous::Purpose;

namespace {
constexpr Duration plenty = 20s;

bool is_over(const Meeting& meeting) { return meeting.a->over || meeting.b->over; }

/// Runs until both have a session or one has given up.
void meet(Meeting& meeting, Duration time = plenty) {
  meeting.run(time, [&] { return meeting.are_secured() || is_over(meeting); });
}
}  // namespace

TEST_CASE("Two who name the same room are connected one round trip after they are told", "[pairing][sim]") {
  Meeting meeting{{}};
  meet(meeting);
  REQUIRE(meeting.are_secured());
  CHECK(meeting.connected_after() <= 60);
  CHECK(meeting.a->sessions() == 1);
  CHECK(meeting.b->sessions() == 1);
  CHECK_FALSE(meeting.a->path->is_relayed());
  CHECK(meeting.a->troubles.empty());
}

TEST_CASE("Who listens is found by who connects", "[pairing][sim]") {
  Meeting meeting{{.b_comes_later = 300ms, .purpose_a = Purpose::listen, .purpose_b = Purpose::connect}};
  meet(meeting);
  REQUIRE(meeting.are_secured());
  CHECK(meeting.connected_after() <= 60);
}

TEST_CASE("Both that dial in the same instant get exactly one session", "[pairing][sim]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Meeting meeting{{.seed = seed, .jitter = 5ms}};
    INFO("seed " << seed);
    meet(meeting);
    meeting.run(2s);
    CHECK(meeting.a->sessions() == 1);
    CHECK(meeting.b->sessions() == 1);
    CHECK(meeting.a->found.size() == 1);
    CHECK(meeting.b->found.size() == 1);
  }
}

TEST_CASE("With the same secret two meet, with different ones neither gets a session and both are told",
          "[pairing][sim]") {
  Meeting same{{.secret_a = "whales sing", .secret_b = "whales sing"}};
  meet(same);
  CHECK(same.are_secured());

  Meeting wrong{{.secret_a = "whales sing", .secret_b = "whales dance"}};
  wrong.run(plenty, [&] { return wrong.a->over && wrong.b->over; });
  for (const auto* guest : {wrong.a.get(), wrong.b.get()}) {
    CHECK(guest->sessions() == 0);
    REQUIRE(guest->over);
    CHECK(guest->over->reason == "authentication-failed");
    CHECK(guest->over->code == Errc::refused);
  }
}

TEST_CASE("Who waits in vain is told, in the time that was given", "[pairing][sim]") {
  Meeting meeting{{.b_comes_later = 1h, .wait = 3s}};
  meeting.run(plenty, [&] { return meeting.a->over.has_value(); });
  REQUIRE(meeting.a->over);
  CHECK(meeting.a->over->code == Errc::peer);
  CHECK(*meeting.a->over_at - *meeting.a->registered_at <= 3100ms);
}

TEST_CASE("Who was refused does not make a listener wait for longer than it was told to", "[pairing][sim]") {
  Meeting meeting{{.purpose_a = Purpose::listen,
                   .purpose_b = Purpose::connect,
                   .secret_a = "whales sing",
                   .secret_b = "whales dance",
                   .wait = 3s}};
  meeting.run(plenty, [&] { return meeting.a->over.has_value(); });
  REQUIRE(meeting.a->troubles.size() == 1);
  CHECK(meeting.a->troubles.front().reason == "authentication-failed");
  REQUIRE(meeting.a->over);
  CHECK(meeting.a->over->reason == "target-not-connected");
  CHECK(*meeting.a->over_at - *meeting.a->registered_at <= 3100ms);
}

TEST_CASE("A session lives on when the server ends", "[pairing][sim]") {
  Meeting meeting{{}};
  meet(meeting);
  REQUIRE(meeting.are_secured());
  meeting.restart_server();
  meeting.run(5s);
  CHECK(meeting.a->ended.empty());
  CHECK(meeting.b->ended.empty());
  CHECK(meeting.a->pairing.find(meeting.a->secured.front()) != nullptr);
}

TEST_CASE("A server that was started anew brings together who was waiting before", "[pairing][sim]") {
  Meeting meeting{{.b_comes_later = 10s}};
  meeting.run(2s);
  REQUIRE(meeting.a->registered_at);
  meeting.restart_server();
  meet(meeting, 30s);
  CHECK(meeting.are_secured());
}

TEST_CASE("A listener has room again when a link has ended", "[pairing][sim]") {
  Meeting meeting{{.b_comes_later = 300ms, .purpose_a = Purpose::listen, .purpose_b = Purpose::connect}};
  meet(meeting);
  REQUIRE(meeting.are_secured());
  meeting.b->pairing.close(meeting.net.now());
  meeting.host_b.wake();
  meeting.run(5s, [&] { return !meeting.a->ended.empty(); });
  REQUIRE(meeting.a->ended.size() == 1);
  CHECK(meeting.a->ended.front().reason == link::EndReason::closed_by_peer);
  CHECK(meeting.a->pairing.links() == 0);

  meeting.restart_b();
  meeting.run(plenty, [&] { return meeting.a->sessions() == 2; });
  CHECK(meeting.a->sessions() == 2);
}

TEST_CASE("Without a relay an impossible pair is told so within two seconds of being told of each other",
          "[pairing][sim]") {
  Meeting meeting{{.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = EncounterConfig::Relaying::no}};
  meeting.run(plenty, [&] { return !meeting.a->ended.empty() && !meeting.b->ended.empty(); });
  REQUIRE(meeting.a->ended.size() == 1);
  REQUIRE(meeting.b->ended.size() == 1);
  CHECK(meeting.a->ended.front().reason == link::EndReason::punch_failed);
}

/// NATKIT_RUNS: how often each pair of boxes is tried; seeds count from NATKIT_SEED.
TEST_CASE("Every pair gets a session through loss and jitter, however much later one side comes",
          "[pairing][sim][many]") {
  const auto first = number_from("NATKIT_SEED", 1);
  const auto last = first + number_from("NATKIT_RUNS", 3);
  std::size_t runs = 0;
  std::vector<double> times;
  for (const auto box_a : boxes)
    for (const auto box_b : boxes)
      for (auto seed = first; seed < last; ++seed) {
        SeededRng chance{seed};
        const Duration skew = std::chrono::milliseconds{chance.below(7001)};
        Meeting meeting{
            {.box_a = box_a, .box_b = box_b, .seed = seed, .b_comes_later = skew, .loss = 0.05, .jitter = 20ms}};
        INFO(to_text(box_a) << " x " << to_text(box_b) << ", seed " << seed);
        meet(meeting, 30s);
        CHECK(meeting.are_secured());
        ++runs;
        if (meeting.are_secured()) times.push_back(meeting.connected_after());
      }
  std::ranges::sort(times);
  fmt::print(
      "{} runs from seed {}: {} with a session; milliseconds from being told to a path on both sides: median {:.0f}, "
      "90 of 100 within {:.0f}, longest {:.0f}\n",
      runs, first, times.size(), times[times.size() / 2], times[times.size() * 9 / 10], times.back());
}

TEST_CASE("Who has waited for longer than its NAT remembers is reached all the same", "[pairing][sim]") {
  Meeting meeting{
      {.box_a = Box::random_ports, .b_comes_later = 400s, .relaying = EncounterConfig::Relaying::no, .wait = 600s}};
  meeting.run(420s, [&] { return meeting.are_secured() || is_over(meeting); });
  REQUIRE(meeting.are_secured());
  CHECK(meeting.connected_after() <= 60);
}

TEST_CASE(
    "When the server with the relay is gone and there is no other way, both are told, and who closes then is through",
    "[pairing][sim]") {
  Meeting meeting{{.box_a = Box::symmetric, .box_b = Box::symmetric}};
  meet(meeting);
  REQUIRE(meeting.are_secured());
  for (int machine = 0; machine < 3; ++machine) meeting.server_host.detach_last();  // STUN, relay, meeting place
  meeting.run(6s, [&] { return !meeting.a->ended.empty() && !meeting.b->ended.empty(); });
  for (const auto* guest : {meeting.a.get(), meeting.b.get()}) {
    REQUIRE(guest->ended.size() == 1);
    CHECK(guest->ended.front().reason == link::EndReason::connection_lost);
  }
  for (auto* guest : {meeting.a.get(), meeting.b.get()}) guest->pairing.close(meeting.net.now());
  meeting.host_a.wake();
  meeting.host_b.wake();
  meeting.run(10s);
  CHECK_FALSE(meeting.a->poll_timeout());
  CHECK_FALSE(meeting.b->poll_timeout());
}

TEST_CASE("Who is killed when both have been told is lost, and the other side hears it from the server",
          "[pairing][sim]") {
  const auto [purpose_a, purpose_b] = GENERATE(table<Purpose, Purpose>(
      {{Purpose::pair, Purpose::pair}, {Purpose::listen, Purpose::connect}, {Purpose::connect, Purpose::listen}}));
  Meeting meeting{{.purpose_a = purpose_a, .purpose_b = purpose_b}};
  meeting.run(plenty, [&] { return meeting.b->found_at.has_value(); });
  REQUIRE(meeting.b->found_at);
  meeting.a->pairing.stop_looking(meeting.net.now());
  meeting.kill_b();
  meeting.run(plenty, [&] { return !meeting.a->ended.empty(); });
  REQUIRE(meeting.a->ended.size() == 1);
  CHECK(meeting.a->ended.front().reason == link::EndReason::connection_lost);
  CHECK(meeting.net.now() - *meeting.a->found_at <= 1500ms);
}
