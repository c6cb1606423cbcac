#pragma once
// Private to the room: many deadlines, one for each key, the earliest first.
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "natkit/base/time.hpp"

namespace natkit::rendezvous {
template <class Key>
class Alarms {
 public:
  /// In place of the one that this key had.
  void set(const Key& key, Instant when) {
    cancel(key);
    by_time_.emplace(when, key);
    by_key_.emplace(key, when);
  }
  void cancel(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    by_time_.erase({found->second, key});
    by_key_.erase(found);
  }
  [[nodiscard]] std::optional<Instant> next() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first;
  }
  /// The earliest one that is due, which is thereby gone.
  [[nodiscard]] std::optional<Key> pop(Instant now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    const auto key = by_time_.begin()->second;
    cancel(key);
    return key;
  }

 private:
  std::set<std::pair<Instant, Key>> by_time_;
  std::map<Key, Instant> by_key_;
};
}  // namespace natkit::rendezvous
