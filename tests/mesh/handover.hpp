#pragma once
// How long a session is without a host: it gathers, rests, and loses its host in one way or another.
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/time.hpp"

namespace natkit::test {
class World;

enum class Loss : std::uint8_t {
  process_killed,  ///< the kernel lives, and somebody says the last words for the process
  power_cut,       ///< nobody says anything
  leave,           ///< it says so itself, and hands over first
};

struct Handover {
  /// From that moment until all survivors have one view with one new host; empty: not within 30 s.
  std::optional<Duration> named{};
  /// … until that host acts, by the promises of a majority.
  std::optional<Duration> acting{};
  Duration longest_rtt{};  ///< among all pairs
  unsigned epochs = 0;     ///< changes of host; one is enough
  std::string fault{};     ///< the first invariant that broke
};
/// The host in the view of everybody but `gone`, if it is one and another.
[[nodiscard]] std::optional<unsigned> named_by_all(World& world, unsigned gone);
[[nodiscard]] Handover lose_host(std::uint64_t seed, unsigned members, double loss, Loss how);
}  // namespace natkit::test
