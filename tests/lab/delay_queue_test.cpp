#include "router/delay_queue.hpp"

#include <string>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::lab;
using namespace std::chrono_literals;

namespace {
std::string popped(DelayQueue& queue, Instant now) {
  std::string order;
  queue.pop_arrived(now, [&](Side, const Bytes& frame) { order += static_cast<char>(frame.at(0)); });
  return order;
}
}  // namespace

TEST_CASE("Frames come out when they arrive, and in the order sent where they arrive together", "[delay_queue]") {
  DelayQueue queue;
  const Instant start{};
  queue.push(start + 2ms, Side::inside, {'c'});
  queue.push(start + 1ms, Side::inside, {'a'});
  queue.push(start + 1ms, Side::outside, {'b'});
  CHECK(queue.next_arrival() == start + 1ms);
  CHECK(popped(queue, start + 999us).empty());
  CHECK(popped(queue, start + 1ms) == "ab");
  CHECK(popped(queue, start + 5ms) == "c");
  CHECK_FALSE(queue.next_arrival());
}

TEST_CASE("A full queue drops what comes last", "[delay_queue]") {
  DelayQueue queue;
  for (std::size_t i = 0; i < DelayQueue::capacity; ++i) queue.push(Instant{}, Side::inside, {'x'});
  queue.push(Instant{}, Side::inside, {'y'});
  CHECK(popped(queue, Instant{}) == std::string(DelayQueue::capacity, 'x'));
}
