#include "natkit/io/driver.hpp"

#include <csignal>
#include <set>

#include "catch.hpp"
#include "machines.hpp"
#include "natkit/io/clock.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Datagram udp(std::uint32_t socket, const Endpoint& remote, std::string_view text) {
  const auto bytes = as_bytes(text);
  return {.socket = SocketId{socket}, .remote = remote, .payload = Bytes(bytes.begin(), bytes.end())};
}

std::vector<io::Listener> on_loopback(Family family = Family::ipv4) { return {{.endpoint = {loopback(family), 0}}}; }
}  // namespace

TEST_CASE("A client's datagrams go out and the answers come in, over either family", "[driver]") {
  const auto family = GENERATE(Family::ipv4, Family::ipv6);
  Echo echo;
  Server server{echo, on_loopback(family)};
  Asker asker{{udp(1, server.endpoint(), "hello"), udp(2, server.endpoint(), "")}};

  CHECK(io::run(asker) == io::RunEnd::finished);

  REQUIRE(asker.answers.size() == 2);
  CHECK(asker.answers[0].remote == server.endpoint());
  std::set<std::string> texts;
  for (const auto& answer : asker.answers) texts.emplace(as_text(answer.payload));
  CHECK(texts == std::set<std::string>{"", "hello"});
}

TEST_CASE("Every socket id has a port of its own, and both sides are told true local addresses", "[driver]") {
  Echo echo;
  // Bound to no address in particular: only the system can tell to which one a datagram was sent.
  Server server{echo, {{.endpoint = {IpAddress::any(Family::ipv4), 0}}}};
  const auto port = server.endpoint().port;
  const Endpoint one{*parse_ip_address("127.0.0.1"), port};
  const Endpoint two{*parse_ip_address("127.0.0.2"), port};
  Asker asker{{udp(1, one, "a"), udp(2, two, "b"), udp(2, one, "c")}};

  CHECK(io::run(asker) == io::RunEnd::finished);
  static_cast<void>(server.stop());

  REQUIRE(asker.answers.size() == 3);
  REQUIRE(echo.received.size() == 3);
  std::set<std::uint16_t> ports;
  for (const auto& answer : asker.answers) {
    ports.insert(answer.local.port);
    CHECK(answer.local.address.is_loopback());
    CHECK(answer.socket == (as_text(answer.payload) == "a" ? SocketId{1} : SocketId{2}));
    // An answer leaves from the address that was asked, although the socket has none.
    CHECK(answer.remote == (as_text(answer.payload) == "b" ? two : one));
  }
  CHECK(ports.size() == 2);
  for (const auto& in : echo.received) CHECK(in.local == (as_text(in.payload) == "b" ? two : one));
}

TEST_CASE("A client sends from the local address it was given", "[driver]") {
  Echo echo;
  Server server{echo, on_loopback()};
  Asker asker{{udp(1, server.endpoint(), "x")}};
  CHECK(io::run(asker, {.local_addresses = {*parse_ip_address("127.0.0.9")}}) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  REQUIRE(echo.received.size() == 1);
  CHECK(to_text(echo.received[0].remote.address) == "127.0.0.9");
}

TEST_CASE("A local address that is not here ends the run before it begins", "[driver]") {
  Asker asker{{}};
  const auto end = io::run(asker, {.local_addresses = {*parse_ip_address("192.0.2.1")}});
  REQUIRE_FALSE(end);
  CHECK(end.error().reason == "address-not-here");
  CHECK(end.error().code == Errc::usage);
}

TEST_CASE("What the system refuses to send is told to the machine and stops nothing else", "[driver]") {
  Echo echo;
  Server server{echo, on_loopback()};
  const Endpoint broadcast{*parse_ip_address("255.255.255.255"), 9};  // forbidden without SO_BROADCAST
  Asker asker{{udp(1, broadcast, "no"), udp(1, server.endpoint(), "yes"), udp(1, broadcast, "nor this")}};

  CHECK(io::run(asker) == io::RunEnd::finished);

  REQUIRE(asker.refusals.size() == 2);
  CHECK(asker.refusals[0].remote == broadcast);
  CHECK(as_text(asker.refusals[0].payload) == "no");
  CHECK_FALSE(asker.reasons[0].empty());
  REQUIRE(asker.answers.size() == 1);
  CHECK(as_text(asker.answers[0].payload) == "yes");
}

TEST_CASE("More sockets than a client may have are refused", "[driver]") {
  Echo echo;
  Server server{echo, on_loopback()};
  Asker asker{{udp(1, server.endpoint(), "a"), udp(2, server.endpoint(), "b"), udp(3, server.endpoint(), "c")}};
  CHECK(io::run(asker, {.most_sockets = 2}) == io::RunEnd::finished);
  CHECK(asker.answers.size() == 2);
  REQUIRE(asker.refusals.size() == 1);
  CHECK(asker.refusals[0].socket == SocketId{3});
}

TEST_CASE("A burst of more datagrams than one batch arrives whole", "[driver]") {
  Echo echo;
  Server server{echo, on_loopback()};
  std::vector<Datagram> burst;
  for (int i = 0; i < 100; ++i) burst.push_back(udp(1, server.endpoint(), std::to_string(i)));
  Asker asker{burst};
  CHECK(io::run(asker) == io::RunEnd::finished);
  std::set<std::string> texts;
  for (const auto& answer : asker.answers) texts.emplace(as_text(answer.payload));
  CHECK(texts.size() == 100);
}

TEST_CASE("The largest datagram there is arrives whole", "[driver]") {
  Echo echo;
  Server server{echo, on_loopback()};
  const std::string large(65507, 'x');  // 65535 less the headers of IPv4 and UDP
  Asker asker{{udp(1, server.endpoint(), large)}};
  CHECK(io::run(asker) == io::RunEnd::finished);
  REQUIRE(asker.answers.size() == 1);
  CHECK(as_text(asker.answers[0].payload) == large);
}

TEST_CASE("A timeout is handed in when it is due, not before", "[driver]") {
  Asker asker{{udp(1, {loopback(), 9}, "to nobody")}, 30ms};
  const auto begin = io::now();
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK(asker.is_late);
  CHECK(io::now() - begin >= 30ms);
}

TEST_CASE("What came while a machine was held up is handed in before the timeout that fell due meanwhile", "[driver]") {
  HeldUp machine;
  REQUIRE(io::run(machine) == io::RunEnd::finished);
  CHECK(machine.order == std::vector<std::string>{"first", "second", "timeout"});
}

TEST_CASE("A signal ends a run in order and says which it was", "[driver]") {
  const auto [number, expected] =
      GENERATE(table<int, io::RunEnd>({{SIGINT, io::RunEnd::interrupted}, {SIGTERM, io::RunEnd::terminated}}));
  struct Waiting {
    int number;
    void start(Instant now) {
      due = now + 1h;
      std::raise(number);
    }
    void handle_datagram(Instant, const Datagram&) {}
    void handle_timeout(Instant) {}
    std::optional<Datagram> poll_transmit() { return std::nullopt; }
    std::optional<Instant> poll_timeout() const { return due; }
    Instant due;
  } waiting{.number = number, .due = {}};
  CHECK(io::run(waiting) == expected);
}

TEST_CASE("A server answers what came before the signal, and reloads on SIGHUP", "[driver]") {
  Echo echo;
  int hangups = 0;
  {
    Server server{echo, on_loopback(), {.on_hangup = [&] { ++hangups; }}};
    std::raise(SIGHUP);
    Asker asker{{udp(1, server.endpoint(), "x")}};
    CHECK(io::run(asker) == io::RunEnd::finished);
    CHECK(server.stop() == io::RunEnd::terminated);
  }
  CHECK(hangups == 1);
}
