#include "natkit/sim/contacts.hpp"

#include <algorithm>

namespace natkit::sim {
void Contacts::note(Instant now, const Endpoint& remote, Instant expires) {
  for (auto& entry : entries_)
    if (entry.remote == remote) {
      entry.expires = std::max(entry.expires, expires);
      return;
    }
  if (entries_.size() >= limit) {
    std::erase_if(entries_, [now](const Entry& entry) { return entry.expires <= now; });
    if (entries_.size() >= limit) entries_.erase(std::ranges::min_element(entries_, {}, &Entry::expires));
  }
  entries_.push_back({remote, expires});
}

void Contacts::refresh(Instant now, const Endpoint& remote, Instant expires) {
  for (auto& entry : entries_)
    if (entry.remote == remote && entry.expires > now) entry.expires = std::max(entry.expires, expires);
}

bool Contacts::contains(Instant now, const Endpoint& remote) const {
  return permits(now, Behavior::address_and_port_dependent, remote);
}

bool Contacts::permits(Instant now, Behavior filtering, const Endpoint& remote) const {
  if (filtering == Behavior::endpoint_independent) return true;
  const bool any_port = filtering == Behavior::address_dependent;
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.expires > now && entry.remote.address == remote.address &&
           (any_port || entry.remote.port == remote.port);
  });
}

Instant Contacts::last_expiry() const {
  Instant last{};
  for (const auto& entry : entries_) last = std::max(last, entry.expires);
  return last;
}
}  // namespace natkit::sim
