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
    return box == Box::firewall || box == Box::drop || box == Box::reject || box == Box::accept;
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
    for (const auto a : {Box::drop, Box::reject, Box::accept})
      for (const auto b : {Box::drop, Box::reject, Box::accept})
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

TEST_CASE("No run ends without a session, whatever is lost and whoever is late", "[agent][nat]") {
  std::uint64_t runs = 0;
  double worst = 0;
  for (const auto a : boxes)
    for (const auto b : boxes)
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
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
                                 .relaying = Relaying::yes};
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
        ++runs;
      }
  std::puts(fmt::format("{} runs, the last was direct after {:.0f} ms", runs, worst).c_str());
}
