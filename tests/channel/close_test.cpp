#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

namespace {
void check_at_rest(Pair& pair) {
  pair.run_for(10s);
  CHECK_FALSE(pair.client.channel.poll_timeout());
  CHECK_FALSE(pair.server.channel.poll_timeout());
}
}  // namespace

TEST_CASE("What was sent before closing arrives, and both sides know why it ended", "[close]") {
  const auto line = GENERATE(Line{.delay = 20ms}, Line{.delay = 20ms, .jitter = 10ms, .loss = 0.05});
  Pair pair{line, 2};
  pair.connect();
  for (int i = 0; i < 20; ++i) REQUIRE(pair.send(pair.client, pattern(5000, static_cast<std::uint8_t>(i))));
  pair.client.channel.close(pair.now());
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  CHECK(pair.client.closed->reason == CloseReason::closed_here);
  CHECK(pair.server.closed->reason == CloseReason::closed_by_peer);
  CHECK(pair.server.messages.size() == 20);
  check_at_rest(pair);
}

TEST_CASE("Both sides may close at once", "[close]") {
  Pair pair{{.delay = 20ms}, 2};
  pair.connect();
  pair.run_for(200ms);
  pair.client.channel.close(pair.now());
  pair.server.channel.close(pair.now());
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  CHECK(pair.client.closed->reason == CloseReason::closed_here);
  CHECK(pair.server.closed->reason == CloseReason::closed_here);
  CHECK(pair.elapsed() < 600ms);
  check_at_rest(pair);
}

TEST_CASE("Closing right after Secured still delivers what was sent", "[close]") {
  Pair pair{{.delay = 20ms}, 2};
  pair.connect();
  REQUIRE(pair.send(pair.client, as_bytes("hello and good-bye")));
  pair.client.channel.close(pair.now());
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  CHECK(pair.server.messages.size() == 1);
  CHECK(pair.client.closed->detail.empty());
  CHECK(pair.server.closed->reason == CloseReason::closed_by_peer);
}

TEST_CASE("Aborting tells the peer at once, and throws away what was under way", "[close]") {
  Pair pair{{.delay = 20ms}};
  pair.connect();
  pair.run_for(500ms);
  REQUIRE(pair.send(pair.client, pattern(200'000)));
  pair.client.channel.abort(pair.now());
  const auto aborted = pair.now();
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  CHECK(pair.client.closed->reason == CloseReason::aborted_here);
  CHECK(pair.server.closed->reason == CloseReason::aborted_by_peer);
  CHECK(pair.now() - aborted == 20ms);
  CHECK(pair.server.messages.empty());
  check_at_rest(pair);
}

TEST_CASE("A peer that vanishes is missed after the silence agreed on", "[close]") {
  const bool is_sending = GENERATE(true, false);
  Pair pair{{.delay = 20ms}, 1, {.silence = 5s}};
  pair.connect();
  pair.run_for(20s);
  REQUIRE_FALSE(pair.client.closed);
  pair.to_client.loss = 1;
  pair.to_server.loss = 1;
  const auto vanished = pair.now();
  if (is_sending) REQUIRE(pair.send(pair.client, as_bytes("anybody?")));
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  CHECK(pair.client.closed->reason == CloseReason::peer_silent);
  CHECK(pair.now() - vanished <= 5s);
  CHECK(pair.now() - vanished >= 2s);
}

TEST_CASE("Closing towards a peer that is gone ends in time", "[close]") {
  Pair pair{{.delay = 20ms}, 1, {.close_deadline = 2s}};
  pair.connect();
  pair.run_for(1s);
  pair.to_server.loss = 1;
  REQUIRE(pair.send(pair.client, as_bytes("anybody?")));
  pair.client.channel.close(pair.now());
  const auto asked = pair.now();
  REQUIRE(pair.run_until([&] { return pair.client.closed.has_value(); }));
  CHECK(pair.client.closed->reason == CloseReason::closed_here);
  CHECK_FALSE(pair.client.closed->detail.empty());
  CHECK(pair.now() - asked == 2s);
}

TEST_CASE("Closing before or during the handshake ends without ado", "[close]") {
  const bool has_started = GENERATE(true, false);
  Pair pair{{.delay = 20ms}};
  if (has_started) pair.start();
  pair.client.channel.close(pair.now());
  REQUIRE(pair.run_until([&] { return pair.client.closed.has_value(); }, 1ms));
  CHECK(pair.client.closed->reason == CloseReason::closed_here);
  CHECK(pair.client.messages.empty());
}

TEST_CASE("Closed is the last event, and comes once", "[close]") {
  Pair pair{{.delay = 20ms}};
  pair.connect();
  pair.run_for(200ms);
  pair.client.channel.close(pair.now());
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }));
  pair.client.closed.reset();
  pair.server.closed.reset();
  pair.client.channel.abort(pair.now());
  pair.run_for(10s);
  CHECK_FALSE(pair.client.closed);
  CHECK_FALSE(pair.server.closed);
}
