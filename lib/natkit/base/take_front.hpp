#pragma once
/// How a machine gives out what it has queued, one at a time (`poll_transmit`, `poll_event` …).
#include <deque>
#include <optional>
#include <utility>

namespace natkit {
/// The first, moved out; nullopt where there is none.
template <class T>
[[nodiscard]] std::optional<T> take_front(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  std::optional<T> first{std::move(queue.front())};
  queue.pop_front();
  return first;
}
}  // namespace natkit
