#include "natkit/mesh/hearing.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace natkit::mesh {
namespace {
constexpr unsigned word = 64;
constexpr std::uint8_t loss_unknown = 63;
constexpr unsigned way_shift = 6;

std::uint64_t shifted(std::uint64_t bits, std::uint64_t by) { return by >= word ? 0 : bits << by; }
}  // namespace

void Rounds::heard(Instant now, std::uint32_t round) {
  if (round == 0) return;
  // Who was started anew counts from 1 again.
  const bool is_anew = latest_ == 0 || (round < latest_ && latest_ - round >= word);
  if (is_anew) *this = {};
  if (is_anew || round > latest_) {
    if (is_anew) first_ = round;
    arrived_ = shifted(arrived_, round - latest_) | 1U;
    latest_ = round;
    at_ = now;
  } else {
    arrived_ |= std::uint64_t{1} << (latest_ - round);
  }
}

std::optional<Rounds::Count> Rounds::count(Instant now, Duration interval) const {
  if (latest_ == 0) return std::nullopt;
  // The next one may be on its way for a while.
  const auto overdue = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - at_) / interval - 1));
  const auto due = static_cast<unsigned>(std::min<std::uint64_t>(window, latest_ - first_ + 1 + overdue));
  if (due < least) return std::nullopt;
  const auto lately = (std::uint64_t{1} << due) - 1;
  const auto arrived = static_cast<unsigned>(std::popcount(shifted(arrived_, overdue) & lately));
  return Count{due - arrived, due};
}

std::uint8_t pack(const Hearing& hearing) {
  const auto missed = hearing.loss ? static_cast<std::uint8_t>(std::lround(std::clamp(*hearing.loss, 0.0, 1.0) *
                                                                           static_cast<double>(Rounds::window)))
                                   : loss_unknown;
  return static_cast<std::uint8_t>(static_cast<unsigned>(hearing.way) << way_shift | missed);
}

Hearing unpack(std::uint8_t byte) {
  Hearing hearing{.way = static_cast<Way>(byte >> way_shift)};
  const auto missed = byte & ((1U << way_shift) - 1);
  if (missed <= Rounds::window) hearing.loss = static_cast<double>(missed) / Rounds::window;
  return hearing;
}
}  // namespace natkit::mesh
