// What a channel gets out of a line: reliable bytes a second over lines with delay, loss and a bottleneck, in virtual
// time. Each line of JSON stands for a minute of sending. CPU plays no part here; for that there is channel_bench.
#include <chrono>
#include <cstdio>
#include <string>

#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
struct Case {
  const char* name;
  Line line;
};

void run(const Case& item, Duration duration) {
  Pair pair{item.line, 1};
  pair.to_client.loss = item.line.loss;
  pair.to_client.bytes_per_second = 0;  // acknowledgements are not what fills a line
  pair.connect();
  const auto message = pattern(16'384);
  const auto began = pair.now();
  std::size_t received = 0;
  std::size_t in_first_second = 0;
  (void)pair.run_until(
      [&] {
        while (pair.send(pair.client, message)) {
        }
        for (const auto& got : pair.server.messages) received += got.payload.size();
        pair.server.messages.clear();
        if (pair.now() - began < 1s) in_first_second = received;
        return pair.now() - began >= duration;
      },
      duration);
  const auto seconds = std::chrono::duration<double>(pair.now() - began).count();
  std::printf(R"({"line": "%s", "megabits_per_second": %.1f, "in_the_first_second": %.1f, "sent_over_received": %.3f})"
              "\n",
              item.name, 8e-6 * static_cast<double>(received) / seconds, 8e-6 * static_cast<double>(in_first_second),
              static_cast<double>(pair.client.bytes_sent) / static_cast<double>(received));
  std::fflush(stdout);
}
}  // namespace

int main(int argc, char** argv) {
  const auto duration = argc > 1 ? std::chrono::seconds{std::stoi(argv[1])} : 20s;
  for (const auto& item : {
           Case{"10 ms, nothing in the way", {.delay = 5ms}},
           Case{"50 ms, nothing in the way", {.delay = 25ms}},
           Case{"50 ms, 300 Mbit/s, queue of a round trip",
                {.delay = 25ms, .bytes_per_second = 37.5e6, .queue_bytes = 1'875'000}},
           Case{"50 ms, 50 Mbit/s, queue of a round trip",
                {.delay = 25ms, .bytes_per_second = 6.25e6, .queue_bytes = 312'500}},
           Case{"50 ms, 50 Mbit/s, queue of a quarter of that",
                {.delay = 25ms, .bytes_per_second = 6.25e6, .queue_bytes = 78'000}},
           Case{"50 ms, 0.01 % lost", {.delay = 25ms, .loss = 0.0001}},
           Case{"50 ms, 0.1 % lost", {.delay = 25ms, .loss = 0.001}},
           Case{"50 ms, 1 % lost", {.delay = 25ms, .loss = 0.01}},
           Case{"50 ms, 3 % lost", {.delay = 25ms, .loss = 0.03}},
           Case{"50 ms, 5 ms jitter", {.delay = 25ms, .jitter = 5ms}},
       }) {
    run(item, duration);
  }
}
