// Who is brought together with whom, and who hosts: in virtual time.
#include "natkit/rendezvous/matchmaker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;

namespace {
using Ticket = Matchmaker::Ticket;

std::string member(unsigned number) { return fmt::format("{:064x}", number); }
IpAddress home_of(unsigned number) { return IpAddress::v4(0xC6120000U + number); }

Seeker seeker(unsigned number, std::uint32_t players = 2) {
  return {.member = member(number), .game = "chess", .players = players, .reach = Reach::easy, .round_trip = 30ms};
}

/// A matchmaker in virtual time.
struct World {
  explicit World(const Matchmaker::Config& config = {}, std::uint64_t seed = 1) : rng(seed), maker(config, rng) {}

  void seek(const Seeker& wish, unsigned number) {
    wishes[number] = wish;
    since.try_emplace(number, now);
    REQUIRE(maker.seek(now, Ticket{number}, wish, home_of(number)));
    collect();
  }
  void seek(unsigned number) { seek(seeker(number), number); }
  /// As clients do, each says again every 5 s that it is still there.
  void run_for(Duration time) {
    const auto end = now + time;
    while (now < end) {
      auto next = std::min(end, next_words);
      if (const auto due = maker.poll_timeout()) next = std::min(next, *due);
      now = std::max(now, next);
      if (maker.poll_timeout() && *maker.poll_timeout() <= now) maker.handle_timeout(now);
      collect();
      if (now < next_words) continue;
      next_words = now + 5s;
      for (const auto& [number, wish] : std::map{wishes})
        REQUIRE(maker.seek(now, Ticket{number}, wish, home_of(number)));
      collect();
    }
  }
  void collect() {
    while (auto found = maker.poll_match()) {
      REQUIRE(found->tickets.size() == found->match.players.size());
      for (const auto ticket : found->tickets) {
        const auto number = static_cast<unsigned>(ticket);
        waited[number] = now - since.at(number);
        wishes.erase(number);
        since.erase(number);
      }
      matches.push_back(std::move(found->match));
    }
  }
  [[nodiscard]] bool has_met(unsigned a, unsigned b) const {
    return std::ranges::any_of(matches, [&](const Match& match) {
      const auto is_in = [&](unsigned number) {
        return std::ranges::count(match.players, member(number), &Player::member) > 0;
      };
      return is_in(a) && is_in(b);
    });
  }

  SeededRng rng;
  Matchmaker maker;
  Instant now{1h};
  Instant next_words = now + 5s;
  std::map<unsigned, Seeker> wishes;
  std::map<unsigned, Instant> since;
  std::map<unsigned, Duration> waited;
  std::vector<Match> matches;
};
}  // namespace

TEST_CASE("Two who want the same meet at once, under one session's id", "[matchmaker]") {
  World world;
  world.seek(1);
  CHECK(world.matches.empty());
  CHECK(world.maker.waiting_with(Ticket{1}) == 1);
  world.seek(2);
  REQUIRE(world.matches.size() == 1);
  CHECK(world.matches[0].players.size() == 2);
  CHECK(world.matches[0].game == "chess");
  CHECK(world.matches[0].session.size() == 32);
  CHECK(world.maker.waiting() == 0);
  CHECK(world.maker.bytes() == 0);
}

TEST_CASE("Game, tags and number of players keep seekers apart", "[matchmaker]") {
  World world;
  auto other_game = seeker(2);
  other_game.game = "go";
  auto tagged = seeker(3);
  tagged.tags = {{"map", "hill"}};
  auto tagged_otherwise = seeker(4);
  tagged_otherwise.tags = {{"map", "dale"}};
  world.seek(1);
  world.seek(other_game, 2);
  world.seek(tagged, 3);
  world.seek(tagged_otherwise, 4);
  world.seek(seeker(5, 3), 5);
  world.run_for(1min);
  CHECK(world.matches.empty());
  tagged.member = member(6);
  world.seek(tagged, 6);
  REQUIRE(world.matches.size() == 1);
  CHECK(world.has_met(3, 6));
}

TEST_CASE("Whom either of two has blocked, that one he never meets, whoever else waits", "[matchmaker]") {
  World world;
  auto blocker = seeker(1);
  blocker.blocked = {member(2)};
  world.seek(blocker, 1);
  world.seek(2);
  world.run_for(10min);
  CHECK(world.matches.empty());
  world.seek(3);
  REQUIRE(world.matches.size() == 1);
  CHECK_FALSE(world.has_met(1, 2));
}

TEST_CASE("Without an address family in common two do not meet", "[matchmaker]") {
  World world;
  auto old = seeker(1);
  old.families = Seeker::Families::ipv4;
  auto modern = seeker(2);
  modern.families = Seeker::Families::ipv6;
  world.seek(old, 1);
  world.seek(modern, 2);
  world.run_for(1min);
  CHECK(world.matches.empty());
  world.seek(3);  // has both
  CHECK(world.matches.size() == 1);
}

TEST_CASE("The last opponent is avoided while others may come, and met again after 5 s", "[matchmaker]") {
  World world;
  world.seek(1);
  world.seek(2);
  REQUIRE(world.matches.size() == 1);
  world.seek(1);
  world.seek(2);
  world.run_for(4s);
  CHECK(world.matches.size() == 1);
  SECTION("somebody new comes") {
    world.seek(3);
    REQUIRE(world.matches.size() == 2);
    CHECK(world.has_met(1, 3));
  }
  SECTION("nobody comes") {
    world.run_for(1s);
    REQUIRE(world.matches.size() == 2);
    CHECK(world.waited.at(1) == 5s);
  }
  SECTION("an hour later it is forgotten") {
    world.maker.cancel(Ticket{1});
    world.maker.cancel(Ticket{2});
    world.wishes.clear();
    world.since.clear();
    world.now += 2h;
    world.next_words = world.now + 5s;
    world.seek(1);
    world.seek(2);
    CHECK(world.matches.size() == 2);
    CHECK(world.maker.remembered() == 2);
  }
}

TEST_CASE("Two hard NATs wait for somebody easier, but not for ever", "[matchmaker]") {
  World world;
  for (unsigned number = 1; number <= 2; ++number) {
    auto hard = seeker(number);
    hard.reach = Reach::hard;
    world.seek(hard, number);
  }
  world.run_for(4900ms);
  CHECK(world.matches.empty());
  world.run_for(100ms);
  CHECK(world.matches.size() == 1);
}

TEST_CASE("The nearest of those who wait is chosen, by what was measured before what is estimated", "[matchmaker]") {
  World world;
  auto far = seeker(1);
  far.round_trip = 140ms;
  auto near = seeker(2);
  near.round_trip = 140ms;
  near.blocked = {member(1)};
  auto newcomer = seeker(3);
  newcomer.round_trip = 10ms;
  newcomer.round_trips = {{member(2), 4ms}};  // far from the server both, and neighbours
  world.seek(far, 1);
  world.seek(near, 2);
  world.seek(newcomer, 3);
  REQUIRE(world.matches.size() == 1);
  CHECK(world.has_met(2, 3));
  CHECK(world.matches[0].players[0].fitness.mean_rtt == Duration{4ms});
}

TEST_CASE("Behind one router two are near each other, however far the server is", "[matchmaker]") {
  auto a = seeker(1);
  auto b = seeker(2);
  a.round_trip = b.round_trip = 200ms;
  CHECK(expected_round_trip(a, home_of(1), b, home_of(1)) == Duration{1ms});
  CHECK(expected_round_trip(a, home_of(1), b, home_of(2)) == Duration{200ms});
  b.round_trip.reset();
  CHECK_FALSE(expected_round_trip(a, home_of(1), b, home_of(2)));
}

TEST_CASE("Whoever is best reached, nearest and least strained hosts, and the reasons are told", "[matchmaker]") {
  World world;
  auto behind = seeker(1, 3);
  behind.reach = Reach::hard;
  auto busy = seeker(2, 3);
  busy.reach = Reach::open;
  busy.strain = 100;
  busy.round_trip = 100ms;
  auto idle = seeker(3, 3);
  idle.reach = Reach::open;
  idle.strain = 5;
  world.seek(behind, 1);
  world.seek(busy, 2);
  world.seek(idle, 3);
  REQUIRE(world.matches.size() == 1);
  const auto& players = world.matches[0].players;
  CHECK(players[0].member == member(3));
  CHECK(players[0].fitness.reached == 2U);
  CHECK(players[0].fitness.mean_rtt == Duration{65ms});  // 30 ms to one, 100 ms to the other
  CHECK(players[2].member == member(1));
  CHECK(players[2].fitness.reached == 2U);  // an open one and an open one
  CHECK(players[0].score > players[1].score);
}

TEST_CASE("Who has failed to host before comes after who has not", "[matchmaker]") {
  World world;
  REQUIRE(world.maker.seek(world.now, Ticket{1}, seeker(1), home_of(1), 3.0));
  REQUIRE(world.maker.seek(world.now, Ticket{2}, seeker(2), home_of(2), 0.0));
  const auto found = world.maker.poll_match();
  REQUIRE(found);
  CHECK(found->match.players[0].member == member(2));
  CHECK(found->match.players[1].fitness.failures == 3.0);
}

TEST_CASE("Who falls silent waits no more, and who cancels neither", "[matchmaker]") {
  World world;
  world.seek(1);
  world.wishes.clear();
  world.run_for(16s);
  CHECK(world.maker.waiting() == 0);
  CHECK(world.maker.counters().silent == 1);
  world.seek(2);
  CHECK(world.matches.empty());
  world.maker.cancel(Ticket{2});
  CHECK(world.maker.waiting_with(Ticket{2}) == 0);
  world.seek(3);
  CHECK(world.matches.empty());
}

TEST_CASE("A seeker that says the same again keeps its place; the way to the server may change", "[matchmaker]") {
  World world;
  world.seek(seeker(1, 3), 1);
  auto again = seeker(1, 3);
  again.round_trip = 31ms;
  world.now += 4s;
  world.seek(again, 1);
  CHECK(world.maker.counters().sought == 1);
  again.players = 2;
  world.seek(again, 1);
  CHECK(world.maker.counters().sought == 2);
  CHECK(world.maker.waiting() == 1);
}

TEST_CASE("Nonsense is refused, and so are too many", "[matchmaker]") {
  World world{{.limits = {.waiting = 3, .waiting_per_address = 2}}};
  const auto refusal = [&](const Seeker& wish, unsigned number, unsigned home) {
    const auto done = world.maker.seek(world.now, Ticket{number}, wish, home_of(home));
    REQUIRE_FALSE(done);
    return done.error();
  };
  for (const auto change : std::initializer_list<void (*)(Seeker&)>{
           [](Seeker& s) { s.member = "anna"; }, [](Seeker& s) { s.players = 1; },
           [](Seeker& s) { s.players = most_players + 1; }, [](Seeker& s) { s.game = "two\nlines"; },
           [](Seeker& s) { s.game.assign(65, 'x'); }, [](Seeker& s) { s.tags[""] = "x"; },
           [](Seeker& s) { s.blocked.insert("anna"); }, [](Seeker& s) { s.round_trips["anna"] = 1ms; },
           [](Seeker& s) {
             for (unsigned i = 0; i <= 64; ++i) s.blocked.insert(member(i));
           }}) {
    auto wish = seeker(1);
    change(wish);
    CHECK(refusal(wish, 1, 1) == SeekRefusal::malformed);
  }
  REQUIRE(world.maker.seek(world.now, Ticket{1}, seeker(1, 9), home_of(1)));
  REQUIRE(world.maker.seek(world.now, Ticket{2}, seeker(2, 9), home_of(1)));
  CHECK(refusal(seeker(3, 9), 3, 1) == SeekRefusal::full);  // from that address
  REQUIRE(world.maker.seek(world.now, Ticket{3}, seeker(3, 9), home_of(2)));
  CHECK(refusal(seeker(4, 9), 4, 3) == SeekRefusal::full);
  CHECK(world.maker.counters().refused == 11);
}

TEST_CASE("A group is found even where the first choices exclude each other", "[matchmaker]") {
  World world;
  // 1 may meet all; 2 and 3 have blocked each other, 4 and 5 too; 2, 4 and 1 would do.
  auto two = seeker(2, 3);
  two.blocked = {member(3), member(5)};
  auto three = seeker(3, 3);
  three.blocked = {member(4), member(5)};
  auto four = seeker(4, 3);
  four.blocked = {member(5)};
  world.seek(three, 3);
  world.seek(two, 2);
  world.seek(seeker(5, 3), 5);
  world.seek(four, 4);
  CHECK(world.matches.empty());
  world.seek(seeker(1, 3), 1);
  REQUIRE(world.matches.size() == 1);
  CHECK(world.has_met(1, 2));
  CHECK(world.has_met(2, 4));
}

TEST_CASE("Among hundreds nobody waits long, blocked ones never meet, and few meet again", "[matchmaker]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  CAPTURE(seed);
  constexpr unsigned people = 400;
  World world{{}, seed};
  SeededRng dice{seed * 1000};
  std::map<unsigned, Seeker> all;
  for (unsigned number = 1; number <= people; ++number) {
    auto& wish = all[number] = seeker(number, number % 2 == 0 ? 2 : 4);
    wish.reach = static_cast<Reach>(dice.below(4));
    wish.families = static_cast<Seeker::Families>(1 + dice.below(3));
    wish.round_trip = from_ms(10 + 140 * dice.unit());
    for (unsigned i = 0; i < 8; ++i) wish.blocked.insert(member(1 + static_cast<unsigned>(dice.below(people))));
    wish.blocked.erase(member(number));
  }
  // An evening: whoever has played for some minutes comes back for another game.
  std::multimap<Instant, unsigned> coming;
  for (unsigned number = 1; number <= people; ++number)
    coming.emplace(world.now + from_ms(dice.unit() * 120'000), number);
  Duration longest{};
  std::map<unsigned, std::size_t> games;
  std::size_t seen = 0;
  const auto evening = world.now + 20min;
  while (!coming.empty() && coming.begin()->first < evening) {
    const auto [when, number] = *coming.begin();
    coming.erase(coming.begin());
    world.run_for(when - world.now);
    world.seek(all.at(number), number);
    for (; seen < world.matches.size(); ++seen)
      for (const auto& player : world.matches[seen].players) {
        const auto who = static_cast<unsigned>(std::stoul(player.member, nullptr, 16));
        longest = std::max(longest, world.waited.at(who));
        ++games[who];
        coming.emplace(world.now + from_ms(60'000 + dice.unit() * 120'000), who);
      }
  }
  CHECK(world.matches.size() > 500);
  CHECK(games.size() > people - 8);  // the last of an odd number may still wait
  CHECK(longest < 60s);
  std::size_t again = 0;
  std::size_t pairs = 0;
  std::map<std::string, std::string> last;
  for (const auto& match : world.matches) {
    for (const auto& one : match.players)
      for (const auto& other : match.players) {
        if (one.member == other.member) continue;
        const auto a = static_cast<unsigned>(std::stoul(one.member, nullptr, 16));
        REQUIRE_FALSE(all.at(a).blocked.contains(other.member));
        ++pairs;
        if (last[one.member] == other.member) ++again;
      }
    for (const auto& one : match.players) last[one.member] = match.players.back().member;
  }
  CHECK(again * 50 < pairs);  // less than 2 %
  CHECK(world.maker.remembered() <= people);
}

TEST_CASE("Who wants no long way and no busy machine waits for others", "[match]") {
  World world;
  auto near_only = seeker(1), far = seeker(2), busy = seeker(3), fine = seeker(4);
  near_only.longest_trip = 60ms;
  near_only.most_strain = 50;
  far.round_trip = 80ms;
  busy.strain = 90;
  fine.strain = 10;
  // Neither wants to meet anybody else, so that only the wish of the first decides.
  far.blocked = busy.blocked = {member(2), member(3), member(4)};
  world.seek(near_only, 1);
  world.seek(far, 2);
  world.seek(busy, 3);
  world.run_for(2min);
  CHECK(world.matches.empty());
  world.seek(fine, 4);
  world.run_for(1s);
  CHECK(world.has_met(1, 4));
}

TEST_CASE("To whom the way is unknown it may be long, and a machine that says nothing may be idle", "[match]") {
  World world;
  auto wishes = seeker(1), silent = seeker(2);
  SECTION("way") {
    wishes.longest_trip = 60ms;
    silent.round_trip.reset();
    world.seek(wishes, 1);
    world.seek(silent, 2);
    world.run_for(1min);
    CHECK(world.matches.empty());
  }
  SECTION("machine") {
    wishes.most_strain = 10;
    world.seek(wishes, 1);
    world.seek(silent, 2);
    world.run_for(1s);
    CHECK(world.has_met(1, 2));
  }
}
