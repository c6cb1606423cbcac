#pragma once
// As many as a session may have, in virtual time: how long each takes to get in, what all of them say when there is
// nothing to say, and how long they are without a host when theirs dies.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/time.hpp"

namespace natkit::test {
struct Crowd {
  std::vector<Duration> joins{};     ///< of each but the founder, from its first word
  std::optional<Duration> voting{};  ///< from the last one's entry until all may vote
  double messages_per_second = 0;    ///< of one member to all others, idle
  double bytes_per_second = 0;       ///< … without what DTLS, SCTP and UDP add
  Duration longest_rtt{};            ///< of any pair
  std::optional<Duration> named{};   ///< from the host's death until all others name one and the same
  std::optional<Duration> acting{};  ///< … until it acts
  std::string fault{};               ///< an invariant that broke; empty: none
};

/// Round trips of 30 to 150 ms, no loss; so many join at once, again and again, until there are enough. The host's
/// process is killed in the end.
[[nodiscard]] Crowd make_crowd(std::uint64_t seed, unsigned members, unsigned at_once);
}  // namespace natkit::test
