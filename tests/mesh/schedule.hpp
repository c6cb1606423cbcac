#pragma once
// One random life of a session: members come, go, die and come back while the network does what networks do. Everything
// follows from the seed.
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/time.hpp"
#include "natkit/mesh/timing.hpp"
#include "world.hpp"

namespace natkit::test {
struct Verdict {
  std::string fault;        ///< empty: every invariant held, and whoever could agree did in the end
  bool had_quorum = false;  ///< at the end; without one there need not be a host
  unsigned handovers = 0;   ///< epochs that began
  /// From when everything was mended and nobody stood still any more, where a quorum was left.
  std::optional<Duration> until_host{};    ///< … until somebody led
  std::optional<Duration> until_agreed{};  ///< … until all had one view, those that had been struck out as well
  std::uint64_t steps = 0;
};
/// What is tried: the machine as it is shipped, or one that was broken on purpose.
struct Trial {
  mesh::Timing timing{};
  decltype(World::Config::tamper) tamper{};
};
/// `story`: what was done, and how it ended.
[[nodiscard]] Verdict live_through(std::uint64_t seed, const Trial& trial, std::string* story = nullptr);
}  // namespace natkit::test
