#include "natkit/rendezvous/host_score.hpp"

#include <algorithm>

namespace natkit::rendezvous {
namespace {
constexpr double unknown = 0.5;

/// What a host is for, in this order: to be reached, and soon. The rest breaks ties. The weights of mesh/succession.cpp
/// (our own judgement, told with the score); loss and age are not known before there is a session.
constexpr double reach_weight = 4, rtt_weight = 3, failures_weight = 2, strain_weight = 2;

double part_of_reach(const Fitness& fitness, std::size_t others) {
  const double nat = fitness.reach == Reach::open   ? 1
                     : fitness.reach == Reach::easy ? 0.7
                     : fitness.reach == Reach::hard ? 0.2
                                                    : unknown;
  if (!fitness.reached || others == 0) return nat;
  return (nat + std::min(1.0, static_cast<double>(*fitness.reached) / static_cast<double>(others))) / 2;
}

/// 1 at 0, half at `half`, towards 0.
double falling(double value, double half) { return half / (half + std::max(0.0, value)); }
}  // namespace

std::string_view to_text(Reach reach) {
  switch (reach) {
    case Reach::unknown:
      return "unknown";
    case Reach::hard:
      return "hard";
    case Reach::easy:
      return "easy";
    case Reach::open:
      return "open";
  }
  return "";
}

HostScore score_of(const Fitness& fitness, std::size_t others) {
  HostScore score;
  score.reach = part_of_reach(fitness, others);
  if (fitness.mean_rtt) score.rtt = falling(to_ms(*fitness.mean_rtt), 100);  // players feel 100 ms
  if (fitness.failures) score.failures = falling(*fitness.failures, 1);
  if (fitness.strain) score.strain = 1 - std::min<double>(*fitness.strain, 100) / 100;
  score.total = (reach_weight * score.reach + rtt_weight * score.rtt + failures_weight * score.failures +
                 strain_weight * score.strain) /
                (reach_weight + rtt_weight + failures_weight + strain_weight);
  return score;
}
}  // namespace natkit::rendezvous
