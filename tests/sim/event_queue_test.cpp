#include "natkit/sim/event_queue.hpp"

#include <vector>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace std::chrono_literals;

TEST_CASE("Packets leave the queue by time, and those of one instant in the order they were put in", "[event_queue]") {
  EventQueue queue;
  CHECK_FALSE(queue.next_time());
  const auto push = [&](Duration at, std::uint8_t mark) { queue.push(Instant{at}, {.packet = {.payload = {mark}}}); };
  push(20ms, 20);
  for (std::uint8_t i = 0; i < 10; ++i) push(10ms, i);
  push(5ms, 5);
  CHECK(queue.next_time() == Instant{5ms});
  CHECK(queue.pop().packet.payload == Bytes{5});
  push(10ms, 10);  // into a place that was used before
  for (std::uint8_t i = 0; i <= 10; ++i) CHECK(queue.pop().packet.payload == Bytes{i});
  CHECK(queue.next_time() == Instant{20ms});
  CHECK(queue.pop().packet.payload == Bytes{20});
  CHECK_FALSE(queue.next_time());
}
