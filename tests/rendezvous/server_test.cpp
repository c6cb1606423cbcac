// The server, message by message.
#include "catch.hpp"
#include "raw.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("A hello is welcomed with the address that it came from", "[rendezvous][server]") {
  RawServer raw;
  const auto welcome = find<Welcome>(raw.say(5000, Hello{}));
  REQUIRE(welcome);
  CHECK(welcome->version == 1);
  CHECK(welcome->address == RawServer::datagram(5000).remote);
  CHECK(welcome->ping_interval == 15s);
}

TEST_CASE("Another version is refused with the versions of both", "[rendezvous][server]") {
  RawServer raw;
  const auto goodbye = find<Goodbye>(raw.say(5000, Hello{.version = 2}));
  REQUIRE(goodbye);
  CHECK(goodbye->reason == Reason::version_mismatch);
  CHECK(goodbye->detail == "the server speaks version 1, the client version 2");
  CHECK(raw.has_ended(5000));
  CHECK(raw.server.connections() == 0);
}

TEST_CASE("Whoever does not begin with hello is told what this is", "[rendezvous][server]") {
  RawServer raw;
  for (const auto* text :
       {"GET / HTTP/1.1\r\n", "{}\n", "{\"type\":\"register\",\"id\":\"a\",\"token\":\"t\"}\n", "\n"}) {
    const auto goodbye = find<Goodbye>(raw.say(5000, std::string_view{text}));
    REQUIRE(goodbye);
    CHECK(goodbye->reason == Reason::version_mismatch);
    CHECK(raw.server.connections() == 0);
  }
}

TEST_CASE("Messages that are wrong, or out of turn, end the connection and the session", "[rendezvous][server]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  REQUIRE(raw.server.sessions() == 1);
  SECTION("no JSON") { static_cast<void>(raw.say(5000, "nonsense\n")); }
  SECTION("wrong keys") { static_cast<void>(raw.say(5000, "{\"type\":\"open\"}\n")); }
  SECTION("registered twice") { static_cast<void>(raw.say(5000, Register{.id = "a", .token = "t"})); }
  SECTION("what only a server says") { static_cast<void>(raw.say(5000, Closing{})); }
  SECTION("a place twice") {
    const Open open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den"};
    static_cast<void>(raw.say(5000, open));
    REQUIRE_FALSE(raw.has_ended(5000));
    static_cast<void>(raw.say(5000, open));
  }
  SECTION("heard of what was never said") { static_cast<void>(raw.say(5000, Pong{.number = 1, .heard = 5})); }
  SECTION("a goodbye") { static_cast<void>(raw.say(5000, Goodbye{.reason = Reason::closed})); }
  CHECK(raw.has_ended(5000));
  CHECK(raw.server.sessions() == 0);
  CHECK(raw.server.connections() == 0);
}

TEST_CASE("Unknown messages are passed over", "[rendezvous][server]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  CHECK(raw.say(5000, "{\"type\":\"dance\"}\n").empty());
  CHECK_FALSE(raw.has_ended(5000));
}

TEST_CASE("A registered client is pinged every 15 s, and left after two that it does not answer",
          "[rendezvous][server]") {
  RawServer raw;
  REQUIRE(find<Ping>(raw.enter(5000, "a", "t")));
  static_cast<void>(raw.say(5000, Pong{.number = 1}));
  auto ping = find<Ping>(raw.pass(5000, 15s));
  REQUIRE(ping);
  CHECK(ping->number == 2);
  static_cast<void>(raw.say(5000, Pong{.number = 2}));
  REQUIRE(find<Ping>(raw.pass(5000, 15s)));
  REQUIRE(find<Ping>(raw.pass(5000, 15s)));
  CHECK_FALSE(raw.has_ended(5000));
  static_cast<void>(raw.pass(5000, 15s));
  CHECK(raw.has_ended(5000));
  CHECK(raw.server.sessions() == 1);
  static_cast<void>(raw.pass(5000, 15s));
  CHECK(raw.server.sessions() == 0);
}

TEST_CASE("The server answers a client's ping with what it has heard", "[rendezvous][server]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  static_cast<void>(raw.say(5000, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den"}));
  const auto pong = find<Pong>(raw.say(5000, Ping{.number = 9}));
  REQUIRE(pong);
  CHECK(pong->number == 9);
  CHECK(pong->heard == 1);
}

TEST_CASE("Only lines that begin as ours do, and what comes on their connections, are for this server",
          "[rendezvous][server]") {
  RawServer raw;
  auto in = RawServer::datagram(5000);
  in.payload = {0x00, 0x01};
  CHECK_FALSE(raw.server.wants(in));
  in.payload = {'G'};
  CHECK_FALSE(raw.server.wants(in));
  in.payload = {'{'};
  CHECK(raw.server.wants(in));
  in.protocol = Protocol::udp;
  CHECK_FALSE(raw.server.wants(in));
  static_cast<void>(raw.say(5000, "{\"type\":"));
  in.protocol = Protocol::tcp;
  in.payload = {0x00};
  CHECK(raw.server.wants(in));
  CHECK_FALSE(raw.server.needs_connection(in.socket, in.local, in.remote));
  static_cast<void>(raw.say(5000, "\"hello\",\"version\":1}\n"));
  CHECK_FALSE(raw.server.needs_connection(in.socket, in.local, in.remote));
  static_cast<void>(raw.say(5000, Register{.id = "a", .token = "t"}));
  CHECK(raw.server.needs_connection(in.socket, in.local, in.remote));
}

TEST_CASE("Nobody can speak in an attempt that is not his", "[rendezvous][server]") {
  RawServer raw;
  for (std::uint16_t port = 5000; port < 5003; ++port) {
    static_cast<void>(raw.enter(port, std::string(1, static_cast<char>('a' + port - 5000)), std::to_string(port)));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    if (port == 5002) break;
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "d"}));
  }
  const auto found = find<PeerFound>(raw.take(5000));
  REQUIRE(found);
  static_cast<void>(raw.take(5001));
  static_cast<void>(raw.say(5002, Candidate{.attempt = found->attempt, .text = "evil"}));
  static_cast<void>(raw.say(5002, Bye{.attempt = found->attempt, .reason = Reason::closed}));
  static_cast<void>(raw.say(5002, AttemptResult{.attempt = found->attempt, .outcome = Outcome::failed}));
  CHECK(raw.take(5000).empty());
  CHECK(raw.take(5001).empty());
  CHECK(raw.server.attempts() == 1);
  static_cast<void>(raw.say(5000, Candidate{.attempt = found->attempt, .text = "fine"}));
  CHECK(find<Candidate>(raw.take(5001)));
}

TEST_CASE("Whose place ends because the other side's did is told so once, and the server goes on",
          "[rendezvous][server]") {
  constexpr std::uint16_t mute = 5001, both = 5002, third = 5003, back = 5004;
  RawServer raw;
  const auto pair_at = [](std::uint32_t place, std::string name, std::optional<std::string> description,
                          std::optional<Duration> wait = {}) {
    return Message{Open{.place = PlaceId{place},
                        .purpose = Purpose::pair,
                        .name = std::move(name),
                        .description = std::move(description),
                        .wait = wait}};
  };
  const auto answer = [&](std::uint16_t port, const std::vector<Message>& told) {
    const auto ping = find<Ping>(told);
    REQUIRE(ping);
    return raw.say(port, Pong{.number = ping->number});
  };
  const auto first_ping = raw.enter(both, "b", "token b");
  const auto other_ping = raw.enter(third, "c", "token c");
  // Two are at it already, from another room.
  static_cast<void>(raw.say(both, pair_at(1, "other", "of b")));
  static_cast<void>(raw.say(third, pair_at(1, "other", "of c")));
  static_cast<void>(answer(both, first_ping));
  REQUIRE(find<PeerFound>(answer(third, other_ping)));
  // They come into the room while its first guest is away; he comes back, and does not answer.
  static_cast<void>(raw.enter(mute, "a", "token a"));
  static_cast<void>(raw.say(mute, pair_at(1, "room", "of a", 2s)));
  raw.hang_up(mute);
  static_cast<void>(raw.say(third, pair_at(2, "room", {})));
  static_cast<void>(raw.say(both, pair_at(2, "room", {})));
  static_cast<void>(
      raw.say(back, write_message(Hello{}) + write_message(Register{.id = "a", .token = "token a", .heard = 0})));
  static_cast<void>(raw.take(both));
  static_cast<void>(raw.say(both, Describe{.place = PlaceId{2}, .description = "of b"}));
  static_cast<void>(raw.say(third, Describe{.place = PlaceId{2}, .description = "of c"}));

  const auto told = raw.pass(both, 3s);

  const auto refused = find<Refused>(told);
  REQUIRE(refused);
  CHECK(refused->reason == Reason::already_in_progress);
  CHECK(find<Refused>(raw.take(back)));
  CHECK(raw.server.sessions() == 3);
}
