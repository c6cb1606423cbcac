#include "natkit/sim/link.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace std::chrono_literals;

namespace {
constexpr int packets = 20'000;

/// Within five standard deviations of what the probability promises: a fair link fails this once in a million seeds.
bool fits(int count, double probability) {
  const double expected = packets * probability;
  return std::abs(count - expected) < 5 * std::sqrt(packets * probability * (1 - probability));
}
}  // namespace

TEST_CASE("A plain link delivers each packet once, after its delay, and draws no lots", "[link]") {
  SeededRng used{1};
  SeededRng untouched{1};
  const auto arrivals = draw_arrivals({.delay = 25ms}, used);
  REQUIRE(arrivals.size() == 1);
  CHECK(*arrivals.begin() == 25ms);
  CHECK(used.next() == untouched.next());
}

TEST_CASE("Loss, duplication and reordering happen as often as they should", "[link]") {
  SeededRng rng{7};
  const LinkConfig link{.delay = 10ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.2, .hold_back = 30ms};
  int lost = 0, doubled = 0, held_back = 0, arrived = 0;
  for (int i = 0; i < packets; ++i) {
    const auto arrivals = draw_arrivals(link, rng);
    if (arrivals.size() == 0) ++lost;
    if (arrivals.size() == 2) ++doubled;
    for (const auto offset : arrivals) {
      ++arrived;
      CHECK((offset == 10ms || offset == 40ms));
      if (offset == 40ms) ++held_back;
    }
  }
  CHECK(arrived == packets - lost + doubled);
  CHECK(fits(lost, 0.1));
  CHECK(fits(doubled, 0.9 * 0.05));
  CHECK(fits(held_back, 0.9 * 1.05 * 0.2));
}

TEST_CASE("Jitter is added to the delay and spread evenly up to its bound", "[link]") {
  SeededRng rng{7};
  std::vector<int> quarters(4, 0);
  for (int i = 0; i < packets; ++i) {
    const auto arrivals = draw_arrivals({.delay = 20ms, .jitter = 40ms}, rng);
    REQUIRE(arrivals.size() == 1);
    const Duration offset = *arrivals.begin();
    REQUIRE((offset >= 20ms && offset <= 60ms));
    ++quarters.at(static_cast<std::size_t>(std::min<Duration>(offset - 20ms, 40ms - 1ns) / 10ms));
  }
  for (const int quarter : quarters) CHECK(fits(quarter, 0.25));
}

TEST_CASE("Certain loss loses everything", "[link]") {
  SeededRng rng{7};
  for (int i = 0; i < 100; ++i) CHECK(draw_arrivals({.loss = 1, .duplicate = 1}, rng).size() == 0);
}

TEST_CASE("A duplicate has jitter of its own, so it may come first", "[link]") {
  SeededRng rng{7};
  int copy_first = 0;
  for (int i = 0; i < packets; ++i) {
    const auto arrivals = draw_arrivals({.jitter = 40ms, .duplicate = 1}, rng);
    REQUIRE(arrivals.size() == 2);
    if (*std::next(arrivals.begin()) < *arrivals.begin()) ++copy_first;
  }
  CHECK(fits(copy_first, 0.5));
}
