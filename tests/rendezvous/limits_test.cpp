// Everything that a stranger can make grow is bounded.
#include "catch.hpp"
#include "natkit/rendezvous/line_splitter.hpp"
#include "raw.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("Who does not register within 10 s is disconnected, however slowly he drips", "[rendezvous][limits]") {
  RawServer raw;
  const std::string hello = write_message(Hello{});
  for (int i = 0; i < 9; ++i) {
    static_cast<void>(raw.say(5000, std::string_view{hello}.substr(static_cast<std::size_t>(i), 1)));
    static_cast<void>(raw.pass(5000, 1s));
    CHECK_FALSE(raw.has_ended(5000));
  }
  const auto goodbye = find<Goodbye>(raw.pass(5000, 2s));
  REQUIRE(goodbye);
  CHECK(raw.has_ended(5000));
  CHECK(raw.server.connections() == 0);
}

TEST_CASE("A registered client's line must end within 10 s as well", "[rendezvous][limits]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  static_cast<void>(raw.say(5000, "{"));
  static_cast<void>(raw.pass(5000, 9s));
  static_cast<void>(raw.say(5000, "\""));
  CHECK_FALSE(raw.has_ended(5000));
  static_cast<void>(raw.pass(5000, 2s));
  CHECK(raw.has_ended(5000));
}

TEST_CASE("A line without end, too many messages or too many bytes end the connection", "[rendezvous][limits]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  SECTION("a long line") { static_cast<void>(raw.say(5000, std::string(longest_line + 1, '{'))); }
  SECTION("many messages") {
    for (int i = 0; i < 500; ++i) static_cast<void>(raw.say(5000, "{\"type\":\"dance\"}\n"));
  }
  SECTION("many bytes") {
    const auto line = "{\"type\":\"dance\",\"x\":\"" + std::string(30000, 'x') + "\"}\n";
    for (int i = 0; i < 10; ++i) static_cast<void>(raw.say(5000, line));
  }
  CHECK(raw.has_ended(5000));
  CHECK(raw.server.sessions() == 0);
}

TEST_CASE("Connections and sessions are counted, in all and by address", "[rendezvous][limits]") {
  SECTION("connections") {
    RawServer raw{{.limits = {.connections = 3}}};
    for (std::uint16_t port = 5000; port < 5003; ++port) CHECK(find<Welcome>(raw.say(port, Hello{})));
    const auto goodbye = find<Goodbye>(raw.say(5003, Hello{}));
    REQUIRE(goodbye);
    CHECK(goodbye->reason == Reason::server_full);
    CHECK(raw.server.connections() == 3);
  }
  SECTION("sessions") {
    RawServer raw{{.limits = {.sessions = 3}}};
    for (std::uint16_t port = 5000; port < 5003; ++port)
      CHECK(find<Registered>(raw.enter(port, "a", std::to_string(port))));
    CHECK(find<Goodbye>(raw.enter(5003, "a", "more"))->reason == Reason::server_full);
  }
  SECTION("sessions of an address") {
    RawServer raw{{.limits = {.sessions_per_address = 3}}};
    for (std::uint16_t port = 5000; port < 5003; ++port)
      CHECK(find<Registered>(raw.enter(port, "a", std::to_string(port))));
    CHECK(find<Goodbye>(raw.enter(5003, "a", "more"))->reason == Reason::server_full);
    raw.hang_up(5000);  // away still counts; gone does not
    CHECK(find<Goodbye>(raw.enter(5004, "a", "more"))->reason == Reason::server_full);
    static_cast<void>(raw.pass(5000, 16s));
    CHECK(find<Registered>(raw.enter(5005, "a", "more")));
  }
}

TEST_CASE("Places, names, descriptions and queues have their limits", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.places = 3, .queued = 2, .gathered = 1}}};
  static_cast<void>(raw.enter(5000, "a", "t"));
  std::uint32_t number = 0;
  const auto open = [&](Open wish, std::uint16_t port = 5000) {
    wish.place = PlaceId{++number};
    const auto refused = find<Refused>(raw.say(port, wish));
    return refused ? std::optional{refused->reason} : std::nullopt;
  };
  CHECK(open({.purpose = Purpose::pair, .name = std::string(129, 'x')}) == Reason::rejected);
  CHECK(open({.purpose = Purpose::pair, .name = "a\tb"}) == Reason::rejected);
  CHECK(open({.purpose = Purpose::pair, .name = "den", .description = std::string(16385, 'x')}) == Reason::rejected);
  CHECK_FALSE(open({.purpose = Purpose::pair, .name = "den", .description = std::string(16384, 'x')}));
  CHECK_FALSE(open({.purpose = Purpose::connect, .name = "away", .wait = 60s}));
  CHECK_FALSE(open({.purpose = Purpose::connect, .name = "away", .wait = 60s}));
  CHECK(open({.purpose = Purpose::pair, .name = "another"}) == Reason::server_full);
  static_cast<void>(raw.enter(5001, "b", "u"));
  CHECK(open({.purpose = Purpose::connect, .name = "away", .wait = 60s}, 5001) == Reason::server_full);
  CHECK_FALSE(open({.purpose = Purpose::gather, .name = "newcomers"}, 5001));
  CHECK(open({.purpose = Purpose::gather, .name = "newcomers"}, 5001) == Reason::server_full);
}

TEST_CASE("What waits for a client that hears nothing is bounded, and then it is given up", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.unheard_bytes = 10000}}};
  for (std::uint16_t port = 5000; port < 5002; ++port) {
    static_cast<void>(raw.enter(port, std::to_string(port), std::to_string(port)));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "d"}));
  }
  const auto attempt = find<PeerFound>(raw.take(5000))->attempt;
  raw.hang_up(5001);
  for (int i = 0; i < 20; ++i)
    static_cast<void>(raw.say(5000, Candidate{.attempt = attempt, .text = std::string(1000, 'x')}));
  CHECK(raw.server.sessions() == 1);
  CHECK(raw.server.attempts() == 0);
  CHECK(find<Bye>(raw.take(5000)) == std::nullopt);
  CHECK(raw.server.kept_bytes() < 10000);
}

TEST_CASE("What a client has heard of is kept no longer, also when it says so in coming back", "[rendezvous][limits]") {
  RawServer raw;
  static_cast<void>(raw.enter(5000, "a", "t"));
  static_cast<void>(raw.say(5000, Open{.place = PlaceId{1}, .purpose = Purpose::connect, .name = "nobody's"}));
  CHECK(raw.server.kept_bytes() > 0);  // the refusal
  raw.hang_up(5000);
  const auto back =
      raw.say(5001, write_message(Hello{}) + write_message(Register{.id = "a", .token = "t", .heard = 1}));
  REQUIRE(find<Registered>(back));
  CHECK(find<Registered>(back)->session == Registered::Session::resumed);
  CHECK(raw.server.kept_bytes() == 0);
}

TEST_CASE("What comes after the end, before the driver hears of it, is not another connection",
          "[rendezvous][limits]") {
  MemoryStore store;
  SeededRng rng{1};
  Server server{{}, store, rng};
  auto in = RawServer::datagram(5000);
  in.payload.assign(10000, '{');
  for (int i = 0; i < 3; ++i) {
    CHECK(server.wants(in));
    server.handle_datagram(Instant{1h}, in);
  }
  CHECK(server.poll_transmit());
  CHECK_FALSE(server.poll_transmit());
  CHECK(server.poll_socket());
  CHECK_FALSE(server.poll_socket());
}

TEST_CASE("All that is kept for all clients is bounded", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.bytes = 40000}}};
  std::optional<Reason> refused;
  for (std::uint16_t port = 5000; port < 5010 && !refused; ++port) {
    static_cast<void>(raw.enter(port, std::to_string(port), std::to_string(port)));
    const auto answer = find<Refused>(raw.say(port, Open{.place = PlaceId{1},
                                                         .purpose = Purpose::listen,
                                                         .name = std::to_string(port),
                                                         .description = std::string(16000, 'x')}));
    if (answer) refused = answer->reason;
  }
  CHECK(refused == Reason::server_full);
  CHECK(raw.server.kept_bytes() < 41000);
}

TEST_CASE("Established attempts make room for new ones", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.attempts = 2}}};
  static_cast<void>(raw.enter(5000, "host", "host"));
  static_cast<void>(raw.say(5000, Pong{.number = 1}));
  static_cast<void>(raw.say(5000, Open{.place = PlaceId{1}, .purpose = Purpose::listen, .name = "den"}));
  for (std::uint16_t port = 5001; port < 5006; ++port) {
    static_cast<void>(raw.enter(port, std::to_string(port), std::to_string(port)));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::connect, .name = "den", .description = "d"}));
    static_cast<void>(raw.say(5000, Describe{.place = PlaceId{1}, .description = "d"}));
    const auto found = find<PeerFound>(raw.take(port));
    REQUIRE(found);
    for (const std::uint16_t side : {std::uint16_t{5000}, port})
      static_cast<void>(raw.say(side, AttemptResult{.attempt = found->attempt, .outcome = Outcome::connected}));
    static_cast<void>(raw.take(5000));
  }
  CHECK(raw.server.attempts() == 2);
}

TEST_CASE("A candidate or restart that is too long is not carried", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.description_bytes = 100, .candidate_bytes = 50}}};
  for (std::uint16_t port = 5000; port < 5002; ++port) {
    static_cast<void>(raw.enter(port, std::to_string(port), std::to_string(port)));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "d"}));
  }
  const auto attempt = find<PeerFound>(raw.take(5000))->attempt;
  static_cast<void>(raw.say(5000, Candidate{.attempt = attempt, .text = std::string(51, 'x')}));
  static_cast<void>(raw.say(5000, Restart{.attempt = attempt, .description = std::string(101, 'x')}));
  CHECK(raw.take(5001).empty());
  static_cast<void>(raw.say(5000, Candidate{.attempt = attempt, .text = std::string(50, 'x')}));
  CHECK(find<Candidate>(raw.take(5001)));
  static_cast<void>(raw.say(5000, Restart{.attempt = attempt, .description = std::string(100, 'x')}));
  CHECK(find<Restart>(raw.take(5001)));
  CHECK(raw.server.counters().relayed == 2);
}

TEST_CASE("An attempt that does not come to an end is ended, for both sides", "[rendezvous][limits]") {
  RawServer raw{{.ping_interval = 1h, .attempt_lifetime = 60s}};
  for (std::uint16_t port = 5000; port < 5002; ++port) {
    static_cast<void>(raw.enter(port, std::to_string(port), std::to_string(port)));
    static_cast<void>(raw.say(port, Pong{.number = 1}));
    static_cast<void>(
        raw.say(port, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "d"}));
  }
  CHECK(find<Bye>(raw.pass(5000, 59s)) == std::nullopt);
  CHECK(find<Bye>(raw.pass(5000, 2s))->reason == Reason::punch_failed);
  CHECK(find<Bye>(raw.take(5001))->reason == Reason::punch_failed);
  CHECK(raw.server.attempts() == 0);
}

TEST_CASE("Nobody waits for longer than the server allows", "[rendezvous][limits]") {
  RawServer raw{{.ping_interval = 1h, .longest_wait = 10s}};
  static_cast<void>(raw.enter(5000, "a", "t"));
  static_cast<void>(raw.say(
      5000, Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den", .description = "d", .wait = 1h}));
  const auto refused = find<Refused>(raw.pass(5000, 11s));
  REQUIRE(refused);
  CHECK(refused->reason == Reason::target_not_connected);
}

TEST_CASE("Whoever has one address of an IPv6 /64 has them all", "[rendezvous][limits]") {
  MemoryStore store;
  SeededRng rng{1};
  Server server{{.limits = {.sessions_per_address = 2}}, store, rng};
  const auto enter = [&](std::string_view address, const std::string& token) {
    const auto text = write_message(Hello{}) + write_message(Register{.id = "a", .token = token});
    auto in = RawServer::datagram(5000);
    in.remote.address = parse_ip_address(address).value();
    in.payload.assign(text.begin(), text.end());
    server.handle_datagram(Instant{1h}, in);
  };
  enter("2001:db8::1", "1");
  enter("2001:db8::2", "2");
  enter("2001:db8::3", "3");
  CHECK(server.sessions() == 2);
  enter("2001:db8:0:1::1", "4");
  CHECK(server.sessions() == 3);
}

TEST_CASE("Before registration lines are short, and all unfinished ones count as kept", "[rendezvous][limits]") {
  RawServer raw{{.limits = {.bytes = 20000}}};
  CHECK(find<Goodbye>(raw.say(5000, "{" + std::string(4096, ' ')))->reason == Reason::rejected);
  CHECK(raw.server.kept_bytes() == 0);
  for (std::uint16_t port = 5001; port < 5003; ++port) {
    static_cast<void>(raw.enter(port, "a", std::to_string(port)));
    const auto goodbye = find<Goodbye>(raw.say(port, "{" + std::string(15000, ' ')));
    CHECK(goodbye.has_value() == (port == 5002));
    CHECK(raw.server.kept_bytes() == 15001);
  }
  raw.hang_up(5001);
  CHECK(raw.server.kept_bytes() == 0);
}
