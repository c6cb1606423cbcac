#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

TEST_CASE("Two channels secure each other and a message goes each way", "[handshake]") {
  Pair pair;
  pair.connect();
  REQUIRE(pair.client.secured);
  REQUIRE(pair.server.secured);

  REQUIRE(pair.send(pair.client, as_bytes("hello")));
  REQUIRE(pair.send(pair.server, as_bytes("welcome")));
  REQUIRE(pair.run_until([&] { return !pair.client.messages.empty() && !pair.server.messages.empty(); }));

  CHECK(as_text(pair.server.messages[0].payload) == "hello");
  CHECK(as_text(pair.client.messages[0].payload) == "welcome");
}

TEST_CASE("At a round trip of 50 ms the first encrypted byte arrives within 175 ms", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
  pair.start();
  bool has_client_sent = false, has_server_sent = false;
  REQUIRE(pair.run_until([&] {
    if (pair.client.secured && !has_client_sent) has_client_sent = pair.send(pair.client, as_bytes("a")).has_value();
    if (pair.server.secured && !has_server_sent) has_server_sent = pair.send(pair.server, as_bytes("b")).has_value();
    return !pair.client.messages.empty() && !pair.server.messages.empty();
  }));
  // Two flights each way, and then SCTP's: no datagram is spent on what fits into another.
  CHECK(*pair.client.secured - Instant{} == 100ms);
  CHECK(*pair.server.secured - Instant{} == 75ms);
  CHECK(*pair.client.first_message - Instant{} == 150ms);
  CHECK(*pair.server.first_message - Instant{} == 175ms);
}
