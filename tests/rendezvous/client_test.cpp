// The client against servers that are silent, foreign, many, or wrong.
#include "natkit/rendezvous/client.hpp"
#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;

namespace {
const Endpoint first = *parse_endpoint("192.0.2.1:3478");
const Endpoint second = *parse_endpoint("192.0.2.2:3478");

/// A client whose servers are the test.
struct Alone {
  explicit Alone(std::vector<Endpoint> servers = {first}, Duration preference = 400ms)
      : client{{.servers = std::move(servers), .id = "me", .token = "t", .preference = preference}, rng} {
    client.start(now);
    collect();
  }
  void collect() {
    while (auto datagram = client.poll_transmit()) {
      auto line = as_text(datagram->payload);
      line.remove_suffix(1);
      said[datagram->remote].push_back(parse_message(line).value());
      sockets[datagram->remote] = datagram->socket;
    }
    while (auto change = client.poll_socket()) ended.push_back(std::get<ConnectionEnd>(*change).remote);
    while (auto event = client.poll_event()) events.push_back(*event);
  }
  void hear(const Endpoint& server, std::string_view text) {
    const auto bytes = as_bytes(text);
    client.handle_datagram(now, {.socket = sockets.at(server),
                                 .protocol = Protocol::tcp,
                                 .remote = server,
                                 .payload = Bytes(bytes.begin(), bytes.end())});
    collect();
  }
  void hear(const Endpoint& server, const Message& message) { hear(server, write_message(message)); }
  void lose(const Endpoint& server, std::string_view why = "Connection refused") {
    client.handle_send_failure(now, {.socket = sockets.at(server), .protocol = Protocol::tcp, .remote = server}, why);
    collect();
  }
  void pass(Duration time) {
    const auto end = now + time;
    for (auto due = client.poll_timeout(); due && *due <= end; due = client.poll_timeout()) {
      now = std::max(now, *due);
      client.handle_timeout(now);
      collect();
    }
    now = end;
  }
  [[nodiscard]] NotPossible verdict() const {
    REQUIRE_FALSE(events.empty());
    REQUIRE(std::holds_alternative<NotPossible>(events.back()));
    return std::get<NotPossible>(events.back());
  }
  template <class T>
  [[nodiscard]] std::size_t count_said(const Endpoint& server) const {
    const auto found = said.find(server);
    return found == said.end() ? 0 : static_cast<std::size_t>(std::ranges::count_if(found->second, [](const auto& m) {
      return std::holds_alternative<T>(m);
    }));
  }

  SeededRng rng{1};
  Instant now{1h};
  Client client;
  std::map<Endpoint, std::vector<Message>> said;
  std::map<Endpoint, SocketId> sockets;
  std::vector<Endpoint> ended;
  std::vector<ClientEvent> events;
};
const Welcome welcome{.address = *parse_endpoint("203.0.113.7:4000"), .ping_interval = 15s};
const Registered fresh{};
}  // namespace

TEST_CASE("What is no rendezvousd is named by what it says", "[rendezvous][client]") {
  Alone alone;
  SECTION("HTTP") { alone.hear(first, "HTTP/1.1 400 Bad Request\r\n"); }
  SECTION("SSH, in pieces") { alone.hear(first, "S"); }
  SECTION("JSON of somebody else") { alone.hear(first, "{\"jsonrpc\":\"2.0\"}\n"); }
  SECTION("a message of ours out of turn") { alone.hear(first, Registered{}); }
  SECTION("an endless line") {
    alone.hear(first, "{");
    for (int i = 0; i < 10; ++i) alone.hear(first, std::string(10000, 'x'));
  }
  SECTION("another version") { alone.hear(first, Welcome{.version = 2, .address = first, .ping_interval = 15s}); }
  const auto verdict = alone.verdict();
  CHECK(verdict.reason == Reason::version_mismatch);
  CHECK(verdict.error.code == Errc::protocol);
  CHECK(verdict.error.detail.starts_with("192.0.2.1:3478: "));
  CHECK_FALSE(alone.client.poll_timeout());
  CHECK(alone.ended.size() == 1);
}

TEST_CASE("Control characters of a foreign server do not reach the terminal", "[rendezvous][client]") {
  Alone alone;
  alone.hear(first, "\x1b[2JHello\n");
  CHECK(alone.verdict().error.detail.find('\x1b') == std::string::npos);
}

TEST_CASE("A server that never answers is given up after 5 s", "[rendezvous][client]") {
  Alone alone;
  alone.pass(4900ms);
  CHECK(alone.events.empty());
  alone.pass(200ms);
  CHECK(alone.verdict().reason == Reason::server_unreachable);
  CHECK(alone.verdict().error.detail == "192.0.2.1:3478: does not answer");
}

TEST_CASE("A server that closes without a word is doubted to be rendezvousd", "[rendezvous][client]") {
  Alone alone;
  alone.client.handle_connected(alone.now, alone.sockets.at(first), first);
  alone.lose(first, "the other side closed the connection");
  CHECK(alone.verdict().reason == Reason::server_unreachable);
  CHECK(alone.verdict().error.detail.find("is it rendezvousd?") != std::string::npos);
}

TEST_CASE("To a single server everything is said at once", "[rendezvous][client]") {
  Alone alone;
  CHECK(alone.count_said<Hello>(first) == 1);
  CHECK(alone.count_said<Register>(first) == 1);
  static_cast<void>(alone.client.open(alone.now, {.purpose = Purpose::pair, .name = "den", .description = "d"}));
  alone.collect();
  CHECK(alone.count_said<Open>(first) == 1);
}

TEST_CASE("Of several servers only the one that is used is told who we are", "[rendezvous][client]") {
  Alone alone{{first, second}};
  static_cast<void>(alone.client.open(alone.now, {.purpose = Purpose::pair, .name = "den", .description = "d"}));
  alone.collect();
  CHECK(alone.count_said<Register>(first) + alone.count_said<Register>(second) == 0);
  SECTION("the first, when it answers first") {
    alone.hear(first, welcome);
    CHECK(alone.count_said<Register>(first) == 1);
    CHECK(alone.count_said<Open>(first) == 1);
    CHECK(alone.ended == std::vector{second});
  }
  SECTION("the first, when it answers soon after the second") {
    alone.hear(second, welcome);
    CHECK(alone.count_said<Register>(second) == 0);
    alone.pass(300ms);
    alone.hear(first, welcome);
    CHECK(alone.count_said<Register>(first) == 1);
    CHECK(alone.ended == std::vector{second});
  }
  SECTION("the second, when the first refuses") {
    alone.hear(second, welcome);
    alone.lose(first);
    CHECK(alone.count_said<Register>(second) == 1);
  }
  SECTION("the second, when the first takes too long") {
    alone.hear(second, welcome);
    alone.pass(401ms);
    CHECK(alone.count_said<Register>(second) == 1);
    CHECK(alone.ended == std::vector{first});
  }
  SECTION("the second, when the first is no rendezvousd") {
    alone.hear(first, "220 mail\r\n");
    alone.hear(second, welcome);
    CHECK(alone.count_said<Register>(second) == 1);
  }
  CHECK(alone.events.empty());
}

TEST_CASE("When all servers fail, the reason that tells most is given, with what each said", "[rendezvous][client]") {
  Alone alone{{first, second}};
  alone.lose(first);
  CHECK(alone.events.empty());
  alone.hear(second, Goodbye{.reason = Reason::server_full, .detail = "full"});
  CHECK(alone.verdict().reason == Reason::server_full);
  CHECK(alone.verdict().error.detail == "192.0.2.1:3478: Connection refused; 192.0.2.2:3478: full");
}

TEST_CASE("Coming back is tried again and again, at growing and uneven intervals", "[rendezvous][client]") {
  Alone alone;
  alone.hear(first, welcome);
  alone.hear(first, fresh);
  REQUIRE(std::holds_alternative<RegisteredAt>(alone.events.back()));
  alone.lose(first);
  REQUIRE(std::holds_alternative<ServerLost>(alone.events.back()));
  std::vector<Duration> pauses;
  for (int i = 0; i < 10; ++i) {
    const auto before = alone.now;
    const auto hellos = alone.count_said<Hello>(first);
    while (alone.count_said<Hello>(first) == hellos) alone.pass(10ms);
    pauses.push_back(alone.now - before);
    alone.lose(first);
  }
  CHECK(pauses.front() <= 130ms);
  CHECK(pauses.back() >= 3s);
  CHECK(pauses.back() <= 6300ms);
  CHECK(alone.events.size() == 2);  // said once
  while (alone.count_said<Hello>(first) == 11) alone.pass(10ms);
  alone.hear(first, welcome);
  alone.hear(first, fresh);
  CHECK(std::holds_alternative<Resumed>(alone.events.back()));
}

TEST_CASE("A client that may give up does, and says for how long the server was away", "[rendezvous][client]") {
  SeededRng rng{1};
  Alone alone;
  alone.hear(first, welcome);
  alone.hear(first, fresh);
  alone.lose(first);
  alone.hear(first, welcome);  // of the connection that is gone: passed over
  CHECK(alone.events.size() == 2);
  Client impatient{{.servers = {first}, .id = "me", .give_up = 1s}, rng};
  CHECK_FALSE(impatient.poll_timeout());
}

TEST_CASE("A place that is closed while its peer is on the way says goodbye to it", "[rendezvous][client]") {
  Alone alone;
  const auto place = alone.client.open(alone.now, {.purpose = Purpose::pair, .name = "den", .description = "d"});
  alone.hear(first, welcome);
  alone.hear(first, fresh);
  alone.client.close(alone.now, place);
  alone.collect();
  alone.hear(
      first,
      PeerFound{.place = place, .attempt = AttemptId{5}, .peer = "b", .peer_address = second, .description = "theirs"});
  CHECK(alone.count_said<Bye>(first) == 1);
  CHECK(alone.events.size() == 1);
}

TEST_CASE("Leaving says goodbye, and then there is nothing left to do", "[rendezvous][client]") {
  Alone alone;
  alone.hear(first, welcome);
  alone.hear(first, fresh);
  alone.client.leave(alone.now);
  alone.collect();
  CHECK(alone.count_said<Goodbye>(first) == 1);
  CHECK(alone.ended == std::vector{first});
  CHECK_FALSE(alone.client.poll_timeout());
}
