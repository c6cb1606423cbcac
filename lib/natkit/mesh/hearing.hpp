#pragma once
/// How well one member hears another, and by which kind of way.
#include <cstdint>
#include <optional>

#include "natkit/base/time.hpp"

namespace natkit::mesh {
enum class Way : std::uint8_t { unknown, direct, routed, relayed };

/// Which of a peer's rounds arrived. Rounds are the heartbeats that all others get at the same moment, and are
/// numbered: a gap is what was lost, and so is what has been due for longer than one round.
class Rounds {
 public:
  static constexpr unsigned window = 50;  ///< 10 s of heartbeats; what came before is forgotten
  static constexpr unsigned least = 10;   ///< nothing is said of fewer

  void heard(Instant now, std::uint32_t round);
  /// Of those due lately, how many were missed; empty before `least` of them were due.
  struct Count {
    unsigned missed = 0;
    unsigned due = 0;
  };
  [[nodiscard]] std::optional<Count> count(Instant now, Duration interval) const;

 private:
  std::uint64_t arrived_ = 0;  ///< bit i: the round `latest_` - i
  std::uint32_t first_ = 0;
  std::uint32_t latest_ = 0;  ///< 0: none
  Instant at_{};              ///< when that one came
};

/// What members tell each other of that, in one byte: the way in the upper two bits, below them how many of 50 rounds
/// were missed.
struct Hearing {
  Way way = Way::unknown;
  std::optional<double> loss{};  ///< 0 to 1
};
[[nodiscard]] std::uint8_t pack(const Hearing& hearing);
[[nodiscard]] Hearing unpack(std::uint8_t byte);
}  // namespace natkit::mesh
