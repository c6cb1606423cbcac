// Two agents behind every pair of NATs, in virtual time.
#include <fmt/format.h>

#include <cstdio>

#include "catch.hpp"
#include "ice/match.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
/// Endpoint-dependent mapping against a filter by port cannot work without guessing.
bool needs_guessing(Box a, Box b) {
  const auto filters_by_port = [](Box box) {
    return box == Box::firewall || box == Box::drop || box == Box::reject || box == Box::accept || box == Box::cgn;
  };
  if (a == Box::symmetric) return b == Box::symmetric || filters_by_port(b);
  return b == Box::symmetric && filters_by_port(a);
}

std::string replay(const MatchConfig& config) {
  return fmt::format("{} x {}, seed {}, skew {} and {} ms", to_text(config.box_a), to_text(config.box_b), config.seed,
                     to_ms(config.skew_a), to_ms(config.skew_b));
}
}  // namespace

TEST_CASE("Two homes told at once are connected after one round trip", "[agent][nat]") {
  Match match{{.box_a = Box::drop, .box_b = Box::drop}};
  match.tell();
  match.run(1s, [&] { return match.are_connected(); });
  REQUIRE(match.are_connected());
  CHECK(match.connected_after() <= 55);
  match.run(200ms);
  CHECK(match.agree());
  CHECK(match.a.agent.state() == ice::Agent::State::completed);
  CHECK(match.b.agent.state() == ice::Agent::State::completed);
}

TEST_CASE("Every pair of NATs that needs no guessing is direct, told at once", "[agent][nat]") {
  std::string table = "ms to direct ";
  for (const auto column : boxes) table += fmt::format("{:>11}", to_text(column));
  for (const auto a : boxes) {
    table += fmt::format("\n{:<13}", to_text(a));
    for (const auto b : boxes) {
      const MatchConfig config{.box_a = a, .box_b = b};
      Match match{config};
      match.tell();
      match.run(1s, [&] { return match.are_direct(); });
      INFO(replay(config));
      CHECK(match.are_direct() == !needs_guessing(a, b));
      table += match.are_direct() ? fmt::format("{:>11.1f}", match.direct_after()) : fmt::format("{:>11}", "-");
      if (!match.are_direct()) continue;
      CHECK(match.direct_after() <= (a == Box::symmetric || b == Box::symmetric ? 92 : 60));
      match.run(300ms);
      CHECK(match.agree());
    }
  }
  std::puts(table.c_str());
}

TEST_CASE("Neighbours use the addresses of their network", "[agent][nat]") {
  const auto box = GENERATE(Box::drop, Box::accept, Box::symmetric, Box::open);
  Match match{{.box_a = box, .place = MatchConfig::Place::same_lan}};
  match.tell();
  match.run(1s, [&] { return match.are_connected(); });
  REQUIRE(match.are_connected());
  CHECK(match.connected_after() <= 5);
  match.run(300ms);
  CHECK(match.a.agent.path()->remote_kind == ice::Kind::host);
  CHECK(match.agree());
}

TEST_CASE("One side told 60 ms later than the other gets through all the same", "[agent][nat]") {
  const auto reserve = GENERATE(Reserve::eager, Reserve::lazy);
  std::string table =
      fmt::format("ms to direct, {} ", reserve == Reserve::eager ? "with a reserve" : "fresh when due ");
  for (const auto late : {"A", "B"}) {
    table += fmt::format("\n{} late:  ", late);
    for (const auto a : {Box::drop, Box::reject, Box::accept, Box::cgn})
      for (const auto b : {Box::drop, Box::reject, Box::accept, Box::cgn})
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
          const MatchConfig config{.box_a = a,
                                   .box_b = b,
                                   .seed = seed,
                                   .skew_a = late[0] == 'A' ? 60ms : 0ms,
                                   .skew_b = late[0] == 'B' ? 60ms : 0ms,
                                   .reserve = reserve};
          Match match{config};
          match.tell();
          match.run(2s, [&] { return match.are_direct(); });
          INFO(replay(config));
          REQUIRE(match.are_direct());
          if (seed == 1) table += fmt::format("{} x {} {:.0f}  ", to_text(a), to_text(b), match.direct_after());
          if (reserve == Reserve::eager) CHECK(match.direct_after() <= 92);
        }
  }
  std::puts(table.c_str());
}

TEST_CASE("Where nothing direct works the relay does", "[agent][nat]") {
  for (const auto a : boxes)
    for (const auto b : boxes) {
      if (!needs_guessing(a, b)) continue;
      const MatchConfig config{.box_a = a, .box_b = b, .relaying = Relaying::yes};
      Match match{config};
      match.tell();
      match.run(1s, [&] { return match.are_connected(); });
      INFO(replay(config));
      REQUIRE(match.are_connected());
      CHECK(match.connected_after() <= 170);
    }
}

TEST_CASE("Without a relay a pair that cannot connect is told so in two seconds", "[agent][nat]") {
  Match match{{.box_a = Box::symmetric, .box_b = Box::symmetric}};
  match.tell();
  match.run(2s);
  REQUIRE(match.a.failed_at);
  REQUIRE(match.b.failed_at);
  CHECK(*match.a.failed_at - match.told <= 2s);
  CHECK_FALSE(match.a.connected_at);
}

namespace {
/// One run with 5 % loss on each link, 20 ms of jitter, and one side up to 7 s late. The seed decides everything.
void must_connect(Box a, Box b, std::uint64_t seed, double& worst) {
  SeededRng chance{seed * 7919 + static_cast<std::uint64_t>(a) * 31 + static_cast<std::uint64_t>(b)};
  const auto skew = from_ms(chance.unit() * 7000);
  const bool is_a_late = chance.chance(0.5);
  const MatchConfig config{.box_a = a,
                           .box_b = b,
                           .seed = seed,
                           .skew_a = is_a_late ? skew : 0ms,
                           .skew_b = is_a_late ? 0ms : skew,
                           .jitter = 20ms,
                           .loss = 0.05,
                           .reserve = chance.chance(0.5) ? Reserve::eager : Reserve::lazy,
                           .relaying = Relaying::yes,
                           .role_b = chance.chance(0.1) ? ice::Role::controlling : ice::Role::controlled};
  Match match{config};
  match.tell();
  match.run(skew + 3s, [&] { return match.are_connected(); });
  INFO(replay(config));
  REQUIRE(match.are_connected());
  if (!needs_guessing(a, b)) {
    match.run(3s, [&] { return match.are_direct(); });
    REQUIRE(match.are_direct());
    worst = std::max(worst, match.direct_after());
  }
  match.run(3s, [&] { return match.agree(); });
  REQUIRE(match.agree());
}

void must_connect_everywhere(std::uint64_t runs) {
  double worst = 0;
  for (const auto a : boxes)
    for (const auto b : boxes)
      for (std::uint64_t seed = 1; seed <= runs; ++seed) must_connect(a, b, seed, worst);
  std::puts(
      fmt::format("{} runs, the last was direct after {:.0f} ms", runs * boxes.size() * boxes.size(), worst).c_str());
}
}  // namespace

TEST_CASE("No run ends without a session, whatever is lost and whoever is late", "[agent][nat]") {
  must_connect_everywhere(3);
}

// A quarter of an hour without sanitizers: test_ice "[thousand]".
TEST_CASE("Of a thousand runs for every pair of NATs none ends without a session", "[.][thousand]") {
  must_connect_everywhere(1000);
}

TEST_CASE("Loss costs a repetition, not half a second", "[agent][nat]") {
  std::vector<double> times;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const MatchConfig config{.seed = seed, .loss = 0.03};
    Match match{config};
    match.tell();
    match.run(2s, [&] { return match.are_connected(); });
    INFO(replay(config));
    REQUIRE(match.are_connected());
    times.push_back(match.connected_after());
  }
  std::ranges::sort(times);
  std::puts(
      fmt::format("3 % loss: median {:.0f}, p90 {:.0f}, worst {:.0f} ms", times[150], times[270], times[299]).c_str());
  CHECK(times[150] <= 55);
  CHECK(times[270] <= 95);
}
