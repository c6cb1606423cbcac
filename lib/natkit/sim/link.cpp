#include "natkit/sim/link.hpp"

namespace natkit::sim {
namespace {
bool drawn(double probability, Rng& rng) { return probability > 0 && rng.chance(probability); }

Duration draw_offset(const LinkConfig& link, Rng& rng) {
  Duration offset = link.delay;
  if (link.jitter > Duration::zero())
    offset += Duration{rng.below(static_cast<std::uint64_t>(link.jitter.count()) + 1)};
  if (drawn(link.reorder, rng)) offset += link.hold_back;
  return offset;
}
}  // namespace

Arrivals draw_arrivals(const LinkConfig& link, Rng& rng) {
  Arrivals arrivals;
  if (drawn(link.loss, rng)) return arrivals;
  arrivals.add(draw_offset(link, rng));
  if (drawn(link.duplicate, rng)) arrivals.add(draw_offset(link, rng));
  return arrivals;
}
}  // namespace natkit::sim
