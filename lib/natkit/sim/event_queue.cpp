#include "natkit/sim/event_queue.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace natkit::sim {
void EventQueue::push(Instant at, Arrival arrival) {
  auto slot = static_cast<std::uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.push_back(std::move(arrival));
  } else {
    slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(arrival);
  }
  heap_.push_back({at, order_++, slot});
  std::ranges::push_heap(heap_, std::greater<>{});
}

std::optional<Instant> EventQueue::next_time() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

Arrival EventQueue::pop() {
  assert(!heap_.empty());
  std::ranges::pop_heap(heap_, std::greater<>{});
  const auto slot = heap_.back().slot;
  heap_.pop_back();
  free_.push_back(slot);
  return std::move(slots_[slot]);
}
}  // namespace natkit::sim
