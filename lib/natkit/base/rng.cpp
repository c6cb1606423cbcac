#include "natkit/base/rng.hpp"

#include <bit>
#include <cassert>

namespace natkit {
std::uint64_t Rng::below(std::uint64_t bound) {
  assert(bound != 0);
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound: draws below it would favour the small results
  for (;;) {
    const std::uint64_t draw = next();
    if (draw >= unfair) return draw % bound;
  }
}

double Rng::unit() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

bool Rng::chance(double probability) { return unit() < probability; }

void Rng::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    std::uint64_t bits = next();
    const std::size_t count = out.size() < sizeof bits ? out.size() : sizeof bits;
    for (auto& byte : out.first(count)) {
      byte = static_cast<std::uint8_t>(bits);
      bits >>= 8U;
    }
    out = out.subspan(count);
  }
}

SeededRng::SeededRng(std::uint64_t seed) {
  for (auto& word : state_) {  // splitmix64, as the authors of xoshiro advise for seeding
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31U);
  }
}

std::uint64_t SeededRng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}
}  // namespace natkit
