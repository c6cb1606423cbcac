#include "natkit/crypto/secure_rng.hpp"

#include <set>

#include "catch.hpp"

using namespace natkit;

TEST_CASE("SecureRng never repeats itself, within a block, across blocks, or in another generator", "[secure_rng]") {
  crypto::SecureRng first;
  crypto::SecureRng second;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {  // many blocks; 2000 draws of 64 bits collide with a probability of 1e-13
    seen.insert(first.next());
    seen.insert(second.next());
  }
  CHECK(seen.size() == 2000);
  CHECK_FALSE(seen.contains(0));
}

TEST_CASE("SecureRng sets every bit about half of the time", "[secure_rng]") {
  crypto::SecureRng rng;
  std::array<int, 64> ones{};
  constexpr int draws = 4096;
  for (int i = 0; i < draws; ++i) {
    const auto value = rng.next();
    for (std::size_t bit = 0; bit < ones.size(); ++bit) ones[bit] += static_cast<int>(value >> bit & 1U);
  }
  for (const int count : ones) CHECK(std::abs(count - draws / 2) < 8 * 32);  // eight standard deviations
}
