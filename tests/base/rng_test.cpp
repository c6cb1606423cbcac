#include "natkit/base/rng.hpp"

#include <array>

#include "catch.hpp"

using namespace natkit;

TEST_CASE("The same seed gives the same draws, another seed others", "[rng]") {
  SeededRng one{42};
  SeededRng same{42};
  SeededRng other{43};
  const auto first = one.next();
  CHECK(first == same.next());
  CHECK(first != other.next());
}

TEST_CASE("below() reaches every value under its bound and no other", "[rng]") {
  SeededRng rng{7};
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) ++seen.at(rng.below(6));
  for (const int count : seen) CHECK(count > 800);
}

TEST_CASE("Certain chances are certain", "[rng]") {
  SeededRng rng{7};
  for (int i = 0; i < 1000; ++i) {
    REQUIRE_FALSE(rng.chance(0.0));
    REQUIRE(rng.chance(1.0));
  }
}

TEST_CASE("fill() reaches the last odd byte", "[rng]") {
  SeededRng rng{1};
  std::array<std::uint8_t, 11> buffer{};
  bool last_changed = false;
  for (int i = 0; i < 16; ++i) {
    rng.fill(buffer);
    last_changed = last_changed || buffer.back() != 0;
  }
  CHECK(last_changed);
}
