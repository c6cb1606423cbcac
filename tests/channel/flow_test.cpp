#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

TEST_CASE("A full buffer refuses, and says when there is room again", "[flow]") {
  Pair pair{{.delay = 20ms}, 1, {.send_buffer = 100'000, .low_water = 30'000}};
  pair.connect();
  std::size_t sent = 0;
  while (pair.send(pair.client, pattern(5000))) sent += 5000;
  CHECK(sent <= 100'000);
  CHECK(sent >= 90'000);
  CHECK(pair.send(pair.client, pattern(5000)).error() == SendError::buffer_full);
  CHECK(pair.client.channel.buffered_bytes() == sent);
  REQUIRE(pair.run_until([&] { return pair.client.writable_again == 1; }));
  CHECK(pair.client.channel.buffered_bytes() <= 30'000);
  pair.run_for(5s);
  CHECK(pair.client.writable_again == 1);
  CHECK(pair.client.channel.buffered_bytes() == 0);
  CHECK(pair.server.messages.size() * 5000 == sent);
}

TEST_CASE("Who was never refused is not told that there is room", "[flow]") {
  Pair pair{{.delay = 20ms}, 1, {.send_buffer = 100'000, .low_water = 30'000}};
  pair.connect();
  for (int i = 0; i < 10; ++i) REQUIRE(pair.send(pair.client, pattern(5000)));
  pair.run_for(5s);
  CHECK(pair.client.writable_again == 0);
}

TEST_CASE("A reader that rests stops the writer, and gets everything afterwards", "[flow]") {
  constexpr std::size_t buffer = 200'000;
  Pair pair{{.delay = 5ms}, 1, {.send_buffer = buffer, .receive_buffer = buffer, .low_water = buffer / 2}};
  pair.connect();
  pair.run_for(100ms);
  pair.server.is_reading = false;
  std::size_t sent = 0;
  const auto go_on = [&] {
    while (sent < 3000 && pair.send(pair.client, pattern(1000, static_cast<std::uint8_t>(sent)))) ++sent;
  };
  for (int i = 0; i < 600; ++i) {
    go_on();
    pair.run_for(100ms);
  }
  CHECK(sent < 2 * buffer / 1000 + 50);  // both buffers are full, and nothing else grew
  CHECK_FALSE(pair.client.closed);
  CHECK(pair.server.messages.empty());

  pair.server.is_reading = true;
  REQUIRE(pair.run_until([&] {
    go_on();
    return pair.server.messages.size() == 3000;
  }));
  for (std::size_t i = 0; i < 3000; ++i) {
    REQUIRE(pair.server.messages[i].payload == pattern(1000, static_cast<std::uint8_t>(i)));
  }
}

TEST_CASE("A channel at rest asks for little attention", "[flow]") {
  Pair pair{{.delay = 20ms}};
  pair.connect();
  REQUIRE(pair.send(pair.client, as_bytes("hello")));
  pair.run_for(2s);
  int calls = 0;
  for (const auto end = pair.now() + 10s; pair.now() < end; ++calls) {
    pair.run_for(*pair.client.channel.poll_timeout() - pair.now());
  }
  CHECK(calls <= 40);
  CHECK_FALSE(pair.client.closed);
}

TEST_CASE("A channel that says nothing stays up, by a few heartbeats", "[flow]") {
  Pair pair{{.delay = 20ms}};
  pair.connect();
  pair.run_for(1s);
  const auto before = pair.client.datagrams_sent + pair.server.datagrams_sent;
  pair.run_for(600s);
  CHECK_FALSE(pair.client.closed);
  CHECK_FALSE(pair.server.closed);
  CHECK(pair.client.datagrams_sent + pair.server.datagrams_sent - before < 4 * 600 / 5);
  REQUIRE(pair.send(pair.client, as_bytes("still there?")));
  const auto asked = pair.now();
  REQUIRE(pair.run_until([&] { return pair.server.messages.size() == 1; }));
  CHECK(pair.now() - asked == 20ms);
}

TEST_CASE("Hundreds of channels in one process do not disturb each other", "[flow]") {
  constexpr std::size_t count = 200;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back(std::make_unique<Pair>(Line{.delay = 1ms}, i));
  for (auto& pair : pairs) pair->connect();  // each at its own time: SCTP's clock must bear that too
  std::size_t right = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto& pair = *pairs[i];
    (void)pair.send(pair.client, pattern(3000, static_cast<std::uint8_t>(i)));
    (void)pair.run_until([&] { return pair.server.messages.size() == 1; });
    right += pair.server.messages.size() == 1 &&
             pair.server.messages[0].payload == pattern(3000, static_cast<std::uint8_t>(i));
  }
  CHECK(right == count);
}
