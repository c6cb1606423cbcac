#include <set>

#include "catch.hpp"
#include "schedule.hpp"

// The lives of schedule_test.cpp are worth something only if they find a machine that is broken.
namespace natkit::test {
namespace {
using namespace std::chrono_literals;

/// The first of so many lives in which an invariant broke; none: nobody noticed.
std::optional<std::uint64_t> first_caught(const Trial& trial, std::uint64_t lives) {
  for (std::uint64_t seed = 1; seed <= lives; ++seed)
    if (const auto fault = live_through(seed, trial).fault;
        fault.find("act") != fault.npos || fault.find("version") != fault.npos)
      return seed;
  return std::nullopt;
}

/// Says in every voter's name what one says that knows no epochs: yes to every candidate, and that it follows whoever
/// leads.
class VoterForAll {
 public:
  void operator()(World& world, unsigned from, unsigned to, mesh::Message& message) {
    if (const auto* claim = std::get_if<mesh::Claim>(&message)) {
      const auto text = vote_text(world.session(), claim->epoch, world.id_of(from), claim->base);
      world.say_as(to, from, mesh::Granted{claim->epoch, claim->base, world.signatures(to).sign(text)});
    }
    const auto* beat = std::get_if<mesh::Heartbeat>(&message);
    if (!beat || !world.at(from).is_host()) return;
    auto answer = *beat;
    answer.number += 1'000'000;  // later than what it really says
    answer.echo = {beat->version.epoch, beat->number};
    answer.asks = false;
    world.say_as(to, from, answer);
  }
};
}  // namespace

TEST_CASE("A host that ignores the end of its lease is caught", "[mesh][broken]") {
  CHECK_FALSE(first_caught({}, 20));
  CHECK(first_caught({.timing = {.lease = 10s}}, 100));
}

TEST_CASE("Voters that vote while they are bound by a promise are caught", "[mesh][broken]") {
  CHECK(first_caught({.timing = {.promise = 300ms}}, 100));
}

TEST_CASE("Voters that vote for every candidate of an epoch are caught", "[mesh][broken]") {
  CHECK(first_caught({.tamper = VoterForAll{}}, 100));
}
}  // namespace natkit::test
