#pragma once
/// How good a host somebody would make, of what is known before there is a session. The room `mesh` judges members of
/// a session that stands by the same parts and weights (mesh/succession.hpp), from what it measures there.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/time.hpp"

namespace natkit::rendezvous {
/// How somebody's own network answers strangers; more is better.
enum class Reach : std::uint8_t {
  unknown,
  hard,  ///< its NAT maps each destination to another port: a peer of its kind reaches it through a third one only
  easy,  ///< a hole can be punched
  open,  ///< whoever knows the address gets in
};
[[nodiscard]] std::string_view to_text(Reach reach);  ///< "unknown", "hard", "easy", "open"

/// Nothing is guessed: what was not measured is empty.
struct Fitness {
  Reach reach = Reach::unknown;
  std::optional<std::size_t> reached{};  ///< of the others, those who should connect directly
  std::optional<Duration> mean_rtt{};    ///< to the others
  std::optional<double> failures{};      ///< sessions that it led and lost, decaying (directory.hpp)
  std::optional<std::uint8_t> strain{};  ///< of its machine, 0 to 100

  bool operator==(const Fitness&) const = default;
};

/// The parts, each from 0 (bad) to 1; what is not known counts as 0.5. `total` is their weighted mean.
struct HostScore {
  double reach = 0.5, rtt = 0.5, failures = 0.5, strain = 0.5;
  double total = 0.5;
};
/// `others`: how many would be its guests.
[[nodiscard]] HostScore score_of(const Fitness& fitness, std::size_t others);
}  // namespace natkit::rendezvous
