// The checker as a weapon: what somebody can make it send, and to whom.
#include <set>

#include "service_fixture.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
Endpoint somebody(Rng& rng) {
  const auto port = static_cast<std::uint16_t>(1 + rng.below(65535));
  if (rng.chance(0.5)) return {IpAddress::v4(0xCB007100 + static_cast<std::uint32_t>(rng.below(200))), port};
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, static_cast<std::uint8_t>(rng.below(20))};
  bytes[15] = static_cast<std::uint8_t>(rng.next());
  return {IpAddress::v6(bytes), port};
}
SocketId asked_of(const Endpoint& from) { return SocketId{from.address.is_v4() ? 0U : 4U}; }
ReachQuestion any_question(Rng& rng) {
  ReachQuestion made{rng.chance(0.5) ? Protocol::udp : Protocol::tcp, static_cast<std::uint16_t>(rng.next()), {}};
  rng.fill(made.token);
  return made;
}
}  // namespace

TEST_CASE("Forged questions make nothing leave but the plain answer", "[reachability][abuse]") {
  CheckingServer server;
  SeededRng rng{GENERATE(1U, 2U, 3U)};
  const auto stolen = server.cookie_for(asker);
  for (int i = 0; i < 10000; ++i) {
    const auto victim = somebody(rng);
    if (victim.address == asker.address) continue;
    AddressCookie guessed{};
    rng.fill(guessed);
    const auto payload = write_reach_request(make_transaction_id(rng), victim.address.family(), any_question(rng),
                                             rng.chance(0.5) ? stolen : guessed);
    for (const auto& out : server.receive(payload, victim, asked_of(victim))) {
      REQUIRE(out.remote == victim);
      REQUIRE_FALSE(is_probe(out));
    }
  }
  CHECK(server.wishes.empty());
}

TEST_CASE("A flood of proven questions is bounded, and reaches nobody but who asks", "[reachability][abuse]") {
  const ReachabilityChecker::Config config{
      .checks_per_address = {.burst = 8, .per_second = 1}, .most_at_once = 40, .most_kept = 100};
  CheckingServer server{config};
  SeededRng rng{GENERATE(1U, 2U, 3U)};
  std::map<Bytes, unsigned> tried;  // by household
  std::map<Endpoint, AddressCookie> cookies;
  std::vector<Endpoint> people;
  for (int i = 0; i < 60; ++i) people.push_back(somebody(rng));
  const auto begun = server.now;
  for (int i = 0; i < 20000; ++i) {
    const auto& from = people[rng.below(people.size())];
    if (!cookies.contains(from)) cookies[from] = server.cookie_for(from);
    const auto payload =
        write_reach_request(make_transaction_id(rng), from.address.family(), any_question(rng), cookies[from]);
    const auto out = server.receive(payload, from, asked_of(from));
    std::size_t answers = 0;
    for (const auto& datagram : out) {
      REQUIRE(datagram.remote.address == from.address);
      REQUIRE(datagram.remote.port != 0);
      REQUIRE(datagram.payload.size() <= payload.size());
      if (!is_probe(datagram)) ++answers;
    }
    REQUIRE(answers <= 1);
    const auto bytes = from.address.bytes().first(from.address.is_v4() ? 4 : 8);
    tried[Bytes(bytes.begin(), bytes.end())] += static_cast<unsigned>(probes(out).size());
    REQUIRE(server.machine.checker()->running() <= config.most_at_once);
    REQUIRE(server.machine.checker()->kept() <= config.most_kept);
    if (rng.chance(0.2)) {
      for (const auto& late : server.pass(rng.below(20) * 1ms)) REQUIRE(late.payload.size() <= payload.size() + 24);
    }
  }
  const double seconds = std::chrono::duration<double>(server.now - begun).count();
  for (const auto& [household, times] : tried) CHECK(times <= 8 + seconds);
  CHECK(server.machine.checker()->counters().busy > 10000);
  server.pass(10s);
  CHECK(server.machine.checker()->running() == 0);
  CHECK(server.ended.size() == server.wishes.size());
}

TEST_CASE("The server's own endpoints, and port 0, are never tried", "[reachability][abuse]") {
  CheckingServer server;
  CHECK(last_report(server.ask(question(Protocol::udp, 0)))->state == ReachState::forbidden);
  const Endpoint own{endpoint("192.0.2.1:1").address, 40000};  // a program on the server's own machine
  CHECK(last_report(server.ask(question(Protocol::udp, 3478), own))->state == ReachState::forbidden);
  CHECK(server.wishes.empty());
  CHECK(server.machine.checker()->counters().forbidden == 2);
}

TEST_CASE("One household cannot take all checks", "[reachability][abuse]") {
  CheckingServer server{{.checks_per_address = {.burst = 4, .per_second = 1}}};
  for (std::uint16_t i = 0; i < 20; ++i) {
    const Endpoint from{
        IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(i)}), 40000};
    server.ask(question(Protocol::udp, static_cast<std::uint16_t>(5000 + i)), from);
  }
  CHECK(server.wishes.size() == 4);
  CHECK(server.machine.checker()->counters().busy == 16);
  server.ask(question(Protocol::udp, 4000), endpoint("[2001:db8:0:2::1]:40000"));
  CHECK(server.wishes.size() == 5);
}

TEST_CASE("Who asks for the port that he asks from pays for no other's", "[reachability][abuse]") {
  auto config = complete();
  config.listeners.push_back(listener(9, "192.0.2.1:3478", Protocol::tcp));
  CheckingServer server{{.checks_per_address = {.burst = 2, .per_second = 0.001}}, config};
  const auto ask = [&](std::uint16_t port, std::uint8_t token) {
    server.receive(write_reach_request(some_id(), Family::ipv4, question(Protocol::tcp, port, token), {}), asker,
                   SocketId{9}, Protocol::tcp);
  };
  for (std::uint8_t token = 1; token <= 20; ++token) ask(token % 2 == 0 ? 0 : asker.port, token);
  CHECK(server.wishes.size() == 20);
  for (std::uint16_t port = 4000; port < 4010; ++port) ask(port, 99);
  CHECK(server.wishes.size() == 22);
}

TEST_CASE("One address cannot hold all sockets", "[reachability][abuse]") {
  auto config = complete();
  config.listeners.push_back(listener(9, "192.0.2.1:3478", Protocol::tcp));
  CheckingServer server{{.most_at_once_of_one = 5}, config};
  for (std::uint8_t token = 1; token <= 20; ++token)
    server.receive(write_reach_request(some_id(), Family::ipv4, question(Protocol::tcp, 0, token), {}), asker,
                   SocketId{9}, Protocol::tcp);
  CHECK(server.wishes.size() == 5);
  CHECK(server.machine.checker()->counters().busy == 15);
  server.ask(question(Protocol::udp, 4000), endpoint("203.0.113.8:40000"));
  CHECK(server.wishes.size() == 6);
}
