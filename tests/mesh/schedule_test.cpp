#include "schedule.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "environment.hpp"

namespace natkit::test {
/// NATKIT_RUNS: how many lives; seeds count from NATKIT_SEED. A single one is told as a story.
TEST_CASE("Whatever happens to a session, it never has two hosts, and one in the end", "[mesh][many]") {
  const auto first = number_from("NATKIT_SEED", 1);
  const auto runs = number_from("NATKIT_RUNS", 500);
  std::uint64_t with_quorum = 0, handovers = 0, steps = 0, faults = 0;
  for (auto seed = first; seed < first + runs; ++seed) {
    std::string story;
    const auto verdict = live_through(seed, {}, runs == 1 ? &story : nullptr);
    with_quorum += verdict.had_quorum ? 1 : 0;
    handovers += verdict.handovers;
    steps += verdict.steps;
    if (!verdict.fault.empty()) {
      UNSCOPED_INFO(verdict.fault);
      ++faults;
    }
    if (runs == 1) WARN(story);
  }
  WARN(fmt::format("{} lives from seed {}: {} with a quorum at the end, {} times a host began to act, {} steps", runs,
                   first, with_quorum, handovers, steps));
  CHECK(faults == 0);
  CHECK(with_quorum * 2 > runs);
}
}  // namespace natkit::test
