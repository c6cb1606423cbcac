#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

TEST_CASE("A stream that one side opens appears on the other as it was meant", "[stream]") {
  const auto options = GENERATE(
      StreamOptions{.label = "chat"},
      StreamOptions{.label = "moves", .protocol = "game", .ordering = Ordering::unordered, .delivery = MostRepeats{3}},
      StreamOptions{.label = "sound", .delivery = MostAge{std::chrono::milliseconds{150}}, .priority = 512});
  const bool is_early = GENERATE(true, false);
  Pair pair{{.delay = 5ms}};
  std::expected<StreamId, OpenError> from_client, from_server;
  const auto open = [&] {
    from_client = pair.client.channel.open_stream(pair.now(), options);
    from_server = pair.server.channel.open_stream(pair.now(), options);
  };
  if (is_early) open();
  pair.start();
  REQUIRE(pair.run_until([&] { return pair.client.secured && pair.server.secured; }));
  if (!is_early) open();
  CHECK(from_client == StreamId{0});
  CHECK(from_server == StreamId{1});
  REQUIRE(pair.run_until([&] { return !pair.client.opened.empty() && !pair.server.opened.empty(); }));
  CHECK(pair.server.opened[0].stream == from_client);
  CHECK(pair.server.opened[0].options == options);
  CHECK(pair.client.opened[0].stream == from_server);
  CHECK(pair.client.opened[0].options == options);

  REQUIRE(pair.send(pair.client, as_bytes("there"), *from_client));
  REQUIRE(pair.send(pair.server, as_bytes("and back"), *from_client));
  REQUIRE(pair.run_until([&] { return !pair.client.messages.empty() && !pair.server.messages.empty(); }));
  CHECK(pair.server.messages[0].stream == from_client);
  CHECK(pair.client.messages[0].stream == from_client);
}

TEST_CASE("A message right behind the opening of an unordered stream never overtakes it", "[stream]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Pair pair{{.delay = 5ms, .jitter = 20ms, .loss = 0.2}, seed};
    pair.connect();
    const auto stream = pair.client.channel.open_stream(pair.now(), {.ordering = Ordering::unordered});
    REQUIRE(stream);
    for (int i = 0; i < 5; ++i) REQUIRE(pair.send(pair.client, as_bytes("x"), *stream));
    REQUIRE(pair.run_until([&] { return pair.server.messages.size() == 5; }));
    CHECK(pair.server.opened.size() == 1);
  }
}

TEST_CASE("Streams end on both sides, what was sent before arrives, and their numbers come again", "[stream]") {
  const double loss = GENERATE(0.0, 0.1);
  Pair pair{{.delay = 5ms, .loss = loss}, 3};
  pair.connect();
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    const auto stream = pair.client.channel.open_stream(pair.now(), {.label = "short"});
    REQUIRE(stream == StreamId{2});
    REQUIRE(pair.send(pair.client, pattern(20'000), *stream));
    auto& closer = round == 1 ? pair.server : pair.client;
    if (round == 1) REQUIRE(pair.run_until([&] { return pair.server.messages.size() == 1; }));
    closer.channel.close_stream(pair.now(), *stream);
    CHECK(pair.send(closer, as_bytes("late"), *stream).error() == SendError::no_such_stream);
    REQUIRE(pair.run_until(
        [&] { return pair.client.closed_streams.size() == 1 && pair.server.closed_streams.size() == 1; }));
    REQUIRE(pair.server.messages.size() == 1);
    CHECK(pair.server.messages[0].payload == pattern(20'000));
    for (auto* end : {&pair.client, &pair.server}) {
      end->messages.clear();
      end->closed_streams.clear();
    }
  }
}

TEST_CASE("A number comes again though the peer has not yet heard that its own end arrived", "[stream]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Pair pair{{.delay = 5ms, .jitter = 5ms, .loss = 0.1}, seed};
    pair.connect();
    for (std::size_t round = 1; round <= 20; ++round) {
      CAPTURE(round);
      const auto stream = pair.client.channel.open_stream(pair.now(), {.label = "short"});
      REQUIRE(stream == StreamId{2});
      REQUIRE(pair.send(pair.client, as_bytes("question"), *stream));
      REQUIRE(pair.run_until([&] { return pair.server.messages.size() == round || pair.server.closed; }));
      REQUIRE_FALSE(pair.server.closed);
      REQUIRE(pair.run_until([&] { return pair.send(pair.server, pattern(20'000), *stream).has_value(); }));
      pair.server.channel.close_stream(pair.now(), *stream);
      pair.client.channel.close_stream(pair.now(), *stream);
      REQUIRE(pair.run_until([&] { return pair.client.closed_streams.size() == round || pair.server.closed; }));
      REQUIRE_FALSE(pair.server.closed);
    }
    CHECK(pair.server.opened.size() == 20);
    REQUIRE(pair.run_until([&] { return pair.server.closed_streams.size() == 20; }));
  }
}

TEST_CASE("There are only so many streams", "[stream]") {
  Pair pair{{.delay = 5ms}, 1, {.streams = 8}};
  pair.connect();  // takes number 0
  for (int i = 0; i < 3; ++i) CHECK(pair.client.channel.open_stream(pair.now(), {}));
  CHECK(pair.client.channel.open_stream(pair.now(), {}).error() == OpenError::too_many);
  for (int i = 0; i < 4; ++i) CHECK(pair.server.channel.open_stream(pair.now(), {}));
  CHECK(pair.server.channel.open_stream(pair.now(), {}).error() == OpenError::too_many);
  CHECK(pair.client.channel.open_agreed_stream(StreamId{8}, {}).error() == OpenError::too_many);
  CHECK(pair.client.channel.open_agreed_stream(StreamId{0}, {}).error() == OpenError::taken);
  REQUIRE(pair.run_until([&] { return pair.server.opened.size() == 3 && pair.client.opened.size() == 4; }));
}

TEST_CASE("The side that allows fewer streams decides", "[stream]") {
  Pair pair{{.delay = 5ms}, 1, {.streams = 64}, Pair::Config{.streams = 4}};
  pair.connect();
  pair.run_for(1s);
  CHECK(pair.client.channel.open_stream(pair.now(), {}));
  CHECK(pair.client.channel.open_stream(pair.now(), {}).error() == OpenError::too_many);
  pair.run_for(1s);
  CHECK_FALSE(pair.client.closed);
}

TEST_CASE("Nothing can be sent too early, on no stream, or too late", "[stream]") {
  Pair pair{{.delay = 5ms}};
  CHECK(pair.client.channel.send(pair.now(), StreamId{0}, MessageKind::text, {}).error() == SendError::not_secured);
  pair.connect();
  CHECK(pair.send(pair.client, as_bytes("x"), StreamId{6}).error() == SendError::no_such_stream);
  CHECK(pair.client.channel.open_stream(pair.now(), {.label = std::string(65'536, 'x')}).error() ==
        OpenError::too_long);
  pair.client.channel.close(pair.now());
  CHECK(pair.send(pair.client, as_bytes("x")).error() == SendError::closed);
  CHECK(pair.client.channel.open_stream(pair.now(), {}).error() == OpenError::closed);
}
