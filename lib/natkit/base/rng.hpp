#pragma once
/// Chance as an argument. Every machine that draws lots takes an `Rng&`, so the same seed gives the same bytes.
#include <array>
#include <cstdint>
#include <span>

namespace natkit {
class Rng {
 public:
  Rng() = default;
  Rng(const Rng&) = delete;
  Rng& operator=(const Rng&) = delete;
  virtual ~Rng() = default;

  /// 64 uniform bits.
  [[nodiscard]] virtual std::uint64_t next() = 0;
  /// Uniform in [0, bound), without modulo bias. `bound` must not be 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  [[nodiscard]] double unit();
  /// True with this probability; 0 and 1 are certain.
  [[nodiscard]] bool chance(double probability);
  void fill(std::span<std::uint8_t> out);
};

/// xoshiro256** seeded through splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
/// 2021). Replayable on every platform; for simulators and tests, never for secrets (those come from
/// `crypto::SecureRng`).
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed);
  [[nodiscard]] std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 4> state_{};
};
}  // namespace natkit
