#pragma once
/// Frames on their way through a link, ordered by the instant at which they arrive; bounded, as a router's queue is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"
#include "side.hpp"

namespace natkit::lab {
class DelayQueue {
 public:
  /// More than a 1 Gbit/s flow has in flight at 100 ms; beyond it the newest is dropped.
  static constexpr std::size_t capacity = 16384;

  void push(Instant arrival, Side towards, Bytes frame) {
    if (heap_.size() >= capacity) return;
    heap_.push_back({arrival, next_order_++, towards, std::move(frame)});
    std::ranges::push_heap(heap_, later);
  }
  [[nodiscard]] std::optional<Instant> next_arrival() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().arrival;
  }
  /// Hands out what has arrived by `now`, in order of arrival; at the same instant, in order of departure.
  template <typename Deliver>
  void pop_arrived(Instant now, Deliver deliver) {
    while (!heap_.empty() && heap_.front().arrival <= now) {
      std::ranges::pop_heap(heap_, later);
      Item item = std::move(heap_.back());
      heap_.pop_back();
      deliver(item.towards, item.frame);
    }
  }

 private:
  struct Item {
    Instant arrival{};
    std::uint64_t order = 0;
    Side towards{};
    Bytes frame{};
  };
  static bool later(const Item& one, const Item& other) {
    return std::pair{one.arrival, one.order} > std::pair{other.arrival, other.order};
  }
  std::vector<Item> heap_;
  std::uint64_t next_order_ = 0;
};
}  // namespace natkit::lab
