#include "natkit/mesh/peers.hpp"

#include <algorithm>

namespace natkit::mesh {
const Peer* Peers::find(const MemberId& id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : &found->second;
}

bool Peers::is_up(const MemberId& id) const {
  const auto* peer = find(id);
  return peer && peer->link == LinkState::up;
}

bool Peers::was_heard(const MemberId& id, Instant since) const {
  const auto* peer = find(id);
  return peer && peer->heard && *peer->heard >= since;
}

bool Peers::hears(const MemberId& witness, const View& view, std::size_t index, Instant since) const {
  const auto* peer = find(witness);
  return peer && peer->beat && peer->beat_at >= since && peer->beat->version == view.version &&
         (peer->beat->heard >> index & 1U) == 1;
}

std::optional<Duration> Peers::longest_rtt() const {
  std::optional<Duration> longest;
  for (const auto& [id, peer] : peers_)
    if (peer.link == LinkState::up && peer.rtt && (!longest || *peer.rtt > *longest)) longest = peer.rtt;
  return longest;
}

void Peers::forget_words() {
  for (auto& [id, peer] : peers_) {
    peer.beat.reset();
    peer.condition.reset();
    peer.lags_since.reset();
    peer.views_sent.reset();
  }
}

void Peers::excuse(Instant now, Duration delay) {
  // What had waited for this process may have been handled already.
  for (auto& [id, peer] : peers_)
    if (peer.heard) peer.heard = std::min(*peer.heard + delay, now);
}
}  // namespace natkit::mesh
