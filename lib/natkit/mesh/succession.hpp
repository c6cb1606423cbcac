#pragma once
/// Who should lead next: the policies, which order the list and never touch the election.
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/time.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// What is known of one member, of its own saying and of others'. Nothing is guessed: what was not measured is empty.
struct Aptitude {
  Reach reach = Reach::unknown;
  std::optional<unsigned> reached{};     ///< members that hear it
  std::optional<Duration> mean_rtt{};    ///< to the others
  std::optional<double> loss{};          ///< of heartbeats, 0 to 1
  std::optional<Duration> age{};         ///< in the session
  std::optional<double> failures{};      ///< sessions that it led and lost, decaying; from the directory
  std::optional<std::uint8_t> strain{};  ///< of its machine, 0 to 100
};
/// The parts of `score`, each from 0 (bad) to 1; what is not known counts as 0.5. `total` is their weighted mean.
struct Score {
  double reach = 0.5, rtt = 0.5, loss = 0.5, age = 0.5, failures = 0.5, strain = 0.5;
  double total = 0.5;
};
/// What a host is for, in this order: to be reached, soon, without loss. The rest breaks ties. Weights of our own
/// judgement, printed with the score so that anybody can see and question them.
struct ScoreWeights {
  double reach = 4, rtt = 3, loss = 2, age = 1, failures = 2, strain = 2;
};
inline constexpr ScoreWeights score_weights{};
[[nodiscard]] Score score_of(const Aptitude& aptitude, std::size_t members);

/// The members without the host, the best first; who is equal stays in order of admission. `manual` keeps the order
/// that there is, and puts newcomers last.
[[nodiscard]] std::vector<MemberId> succession_of(const View& view, const std::map<MemberId, Aptitude>& known);
/// Whether somebody in the list is clearly worse than who comes after him: what is measured wavers, and each new order
/// is a new view.
[[nodiscard]] bool is_out_of_order(const View& view, const std::map<MemberId, Aptitude>& known);
}  // namespace natkit::mesh
