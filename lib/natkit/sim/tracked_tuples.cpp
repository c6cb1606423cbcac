#include "natkit/sim/tracked_tuples.hpp"

namespace natkit::sim {
void TrackedTuples::note(Instant now, Protocol protocol, const Endpoint& external, const Endpoint& remote,
                         Instant expires, std::size_t limit) {
  const Tuple tuple{protocol, external, remote};
  if (const auto kept = expiries_.find(tuple); kept != expiries_.end()) {
    kept->second = expires;
    return;
  }
  if (expiries_.size() >= limit) std::erase_if(expiries_, [now](const auto& item) { return item.second <= now; });
  if (expiries_.size() < limit) expiries_.emplace(tuple, expires);
}

bool TrackedTuples::contains(Instant now, Protocol protocol, const Endpoint& external, const Endpoint& remote) const {
  if (expiries_.empty()) return false;
  const auto kept = expiries_.find({protocol, external, remote});
  return kept != expiries_.end() && kept->second > now;
}
}  // namespace natkit::sim
