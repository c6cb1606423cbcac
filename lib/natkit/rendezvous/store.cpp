#include "natkit/rendezvous/store.hpp"

namespace natkit::rendezvous {
std::span<const Seat> MemoryStore::seats(const NameKey& key) const {
  const auto found = names_.find(key);
  if (found == names_.end()) return {};
  return found->second;
}

void MemoryStore::add(const NameKey& key, const Seat& seat) { names_[key].push_back(seat); }

void MemoryStore::remove(const NameKey& key, const Seat& seat) {
  const auto found = names_.find(key);
  if (found == names_.end()) return;
  std::erase(found->second, seat);
  if (found->second.empty()) names_.erase(found);
}
}  // namespace natkit::rendezvous
