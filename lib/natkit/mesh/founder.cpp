#include "natkit/mesh/founder.hpp"

namespace natkit::mesh {
bool is_founded_by(const MemberId& founder, const Views& views, const Signatures& signatures) {
  const auto& latest = views.latest;
  if (latest.version.epoch == 1) return latest.host == founder;
  const View* known = nullptr;
  const auto go_on = [&](const View& next) {
    const bool is_next = known != nullptr
                             ? supersedes(next, *known, {}, signatures)
                             : next.mandate && next.mandate->base.epoch == 1 && next.mandate->base_host == founder &&
                                   follows(base_of(next), next, signatures);
    if (is_next) known = &next;
  };
  for (const auto& founding : views.foundings) go_on(founding);
  go_on(latest);
  return known == &latest;
}
}  // namespace natkit::mesh
