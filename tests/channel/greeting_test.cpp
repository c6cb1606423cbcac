// SCTP's first two packets told before there is a path: what that saves, and that nothing depends on it.
#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

namespace {
/// Two channels that are prepared, as far as the client's last flight of the handshake: that is to go by a path.
struct Prepared {
  Pair pair{{.delay = 25ms}};
  Channel& client = pair.client.channel;
  Channel& server = pair.server.channel;
  Bytes last_flight;

  Prepared() {
    for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
    client.prepare(pair.now(), identity_of("server").fingerprint());
    server.prepare(pair.now(), identity_of("client").fingerprint());
    server.handle_datagram(pair.now(), client.poll_transmit().value());
    client.handle_datagram(pair.now(), server.poll_transmit().value());
    last_flight = client.poll_transmit().value();
  }
  Bytes greeting_of(Channel& channel) const { return {channel.greeting().begin(), channel.greeting().end()}; }
  void greet_client() { client.handle_greeting(pair.now(), greeting_of(server)); }
  void greet_server() { server.handle_greeting(pair.now(), greeting_of(client)); }

  struct Waits {
    Duration client{}, server{};
  };
  /// Until each has heard the first message of the other, from when there is a path and the last flight has come by it.
  Waits talk() {
    const auto path_at = pair.now();
    pair.start();
    pair.inject(pair.server, last_flight);
    bool has_client_sent = false, has_server_sent = false;
    (void)pair.run_until([&] {
      for (auto [end, has_sent] :
           {std::pair{&pair.client, &has_client_sent}, std::pair{&pair.server, &has_server_sent}})
        if (end->secured && !*has_sent) *has_sent = pair.send(*end, as_bytes("hello")).has_value();
      return pair.client.first_message && pair.server.first_message;
    });
    REQUIRE(pair.client.first_message);
    REQUIRE(pair.server.first_message);
    return {*pair.client.first_message - path_at, *pair.server.first_message - path_at};
  }
};
}  // namespace

TEST_CASE("Where SCTP has greeted before there is a path, data come with the end of the handshake", "[greeting]") {
  Prepared both;
  CHECK(both.client.greeting().empty());
  both.greet_client();
  both.greet_server();
  both.pair.run_for(30s);
  const auto waits = both.talk();
  CHECK(waits.client == 25ms);
  CHECK(waits.server == 50ms);
}

TEST_CASE("A greeting that is lost, or never answered, costs what it would have saved", "[greeting]") {
  Prepared both;
  SECTION("it is lost") {}
  SECTION("its answer is lost") { both.greet_client(); }
  const auto waits = both.talk();
  CHECK(waits.client == 75ms);
  CHECK(waits.server == 100ms);
}

TEST_CASE("A greeting that is told again and again is one greeting", "[greeting]") {
  Prepared both;
  for (int i = 0; i < 100; ++i) {
    both.greet_client();
    both.greet_server();
  }
  const auto waits = both.talk();
  CHECK(waits.client == 25ms);
  CHECK(waits.server == 50ms);
}

TEST_CASE("What is no greeting is passed over, whoever says it and when", "[greeting]") {
  Prepared both;
  const auto init = both.greeting_of(both.server);
  auto shutdown = init;
  shutdown[12] = 6;  // ABORT (RFC 9260 §3.2)
  const auto bother = [&](Channel& channel) {
    channel.handle_greeting(both.pair.now(), {});
    channel.handle_greeting(both.pair.now(), ByteView{init}.first(15));
    channel.handle_greeting(both.pair.now(), shutdown);
    channel.handle_greeting(both.pair.now(), Bytes(100'000, 1));
  };
  bother(both.client);
  bother(both.server);
  both.greet_server();                                 // the client has said nothing
  both.server.handle_greeting(both.pair.now(), init);  // its own
  both.greet_client();
  both.greet_server();
  bother(both.client);
  bother(both.server);
  const auto waits = both.talk();
  CHECK(waits.client == 25ms);
  bother(both.client);
  bother(both.server);
  both.greet_client();
  REQUIRE(both.pair.send(both.pair.client, as_bytes("still there")).has_value());
  REQUIRE(both.pair.run_until([&] { return both.pair.server.messages.size() == 2; }));
}

TEST_CASE("A peer that lies in its answer harms itself alone", "[greeting]") {
  Prepared both;
  both.greet_client();
  auto answer = both.greeting_of(both.client);
  auto& changed = answer[GENERATE(range(std::size_t{0}, std::size_t{244}, std::size_t{7}))];
  changed = static_cast<std::uint8_t>(changed ^ 0x5A);
  both.server.handle_greeting(both.pair.now(), answer);
  both.pair.start();
  both.pair.inject(both.pair.server, both.last_flight);
  REQUIRE(both.pair.run_until([&] { return both.pair.client.secured && both.pair.server.secured; }));
  static_cast<void>(both.pair.send(both.pair.server, as_bytes("hello")));
  both.pair.run_for(10s);
  both.server.close(both.pair.now());
  REQUIRE(both.pair.run_until([&] { return both.pair.server.closed && both.pair.client.closed; }, 5s));
}

TEST_CASE("A greeting from long ago counts as little as none", "[greeting]") {
  Prepared both;
  both.greet_client();
  both.greet_server();
  both.pair.run_for(30min);  // a cookie is good for a minute
  const auto waits = both.talk();
  CHECK(waits.server <= 1300ms);
}

TEST_CASE("A peer that can do without greetings is met as before", "[greeting]") {
  Pair pair{{.delay = 25ms}};
  pair.connect();
  CHECK(pair.client.channel.greeting().empty());
  CHECK(pair.server.channel.greeting().empty());
}
