#include "natkit/ice/gatherer.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const Endpoint first_server = "198.51.100.1:3478"_ep;
const Endpoint second_server = "198.51.100.2:3478"_ep;
const Endpoint own = "192.168.1.10:5000"_ep;
const Endpoint mapped = "203.0.113.7:40000"_ep;

struct Fixture {
  explicit Fixture(std::optional<Duration> keep_alive = {})
      : gatherer{{.servers = {first_server, second_server}, .keep_alive = keep_alive}, rng} {}

  SeededRng rng{1};
  Gatherer gatherer;
  Instant now{1h};
  LocalCandidate host{.candidate = make_candidate(Kind::host, Transport::udp, own, {.base = own}), .base = SocketId{3}};

  std::vector<Datagram> sent() {
    std::vector<Datagram> all;
    while (auto out = gatherer.poll_transmit()) all.push_back(*out);
    return all;
  }
  bool answer(const Datagram& request, const Endpoint& seen, const Endpoint& from) {
    const auto id = stun::parse_message(request.payload)->transaction_id();
    return gatherer.handle_datagram(
        now, {.socket = request.socket,
              .remote = from,
              .payload = stun::MessageWriter{stun::MessageClass::success, stun::Method::binding, id}
                             .add_endpoint(stun::AttributeType::xor_mapped_address, seen)
                             .finish()});
  }
  std::vector<Gatherer::Event> events() {
    std::vector<Gatherer::Event> all;
    while (auto event = gatherer.poll_event()) all.push_back(*event);
    return all;
  }
};
}  // namespace

TEST_CASE("Every server is asked at once, from the socket that will be the base", "[gatherer]") {
  Fixture f;
  f.gatherer.add_base(f.now, f.host);
  const auto sent = f.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].remote == first_server);
  CHECK(sent[1].remote == second_server);
  CHECK(sent[0].socket == SocketId{3});
}

TEST_CASE("An answer is a candidate at once, whoever is silent", "[gatherer]") {
  Fixture f;
  f.gatherer.add_base(f.now, f.host);
  const auto sent = f.sent();
  f.now += 50ms;
  REQUIRE(f.answer(sent[0], mapped, first_server));
  const auto events = f.events();
  REQUIRE(events.size() == 1);
  const auto& found = std::get<Gatherer::Found>(events[0]);
  CHECK(found.candidate.candidate.kind == Kind::server_reflexive);
  CHECK(found.candidate.candidate.endpoint == mapped);
  CHECK(found.candidate.candidate.related == own);
  CHECK(found.candidate.base == SocketId{3});
  CHECK(found.rtt == Duration{50ms});
  CHECK_FALSE(f.gatherer.is_done());
}

TEST_CASE("A server that is silent is asked five times and given up within two seconds", "[gatherer]") {
  Fixture f;
  f.gatherer.add_base(f.now, f.host);
  const auto began = f.now;
  std::size_t sent = f.sent().size();
  while (const auto due = f.gatherer.poll_timeout()) {
    f.now = *due;
    f.gatherer.handle_timeout(f.now);
    sent += f.sent().size();
  }
  CHECK(sent == 10);
  CHECK(f.now - began <= 2s);
  const auto events = f.events();
  REQUIRE(events.size() == 3);
  CHECK(std::holds_alternative<Gatherer::Silent>(events[0]));
  CHECK(std::holds_alternative<Gatherer::Done>(events[2]));
}

TEST_CASE("Two servers that see the same are one candidate, and no NAT is none", "[gatherer]") {
  Fixture f;
  f.gatherer.add_base(f.now, f.host);
  const auto sent = f.sent();
  const auto seen = GENERATE(mapped, own);
  f.answer(sent[0], seen, first_server);
  f.answer(sent[1], seen, second_server);
  std::size_t found = 0;
  for (const auto& event : f.events()) found += std::holds_alternative<Gatherer::Found>(event) ? 1U : 0U;
  CHECK(found == (seen == own ? 0 : 1));
  CHECK(f.gatherer.is_done());
}

TEST_CASE("An answer from elsewhere is nobody's word", "[gatherer]") {
  Fixture f;
  f.gatherer.add_base(f.now, f.host);
  const auto sent = f.sent();
  CHECK(f.answer(sent[0], mapped, "203.0.113.66:3478"_ep));
  CHECK(f.events().empty());
  CHECK(f.answer(sent[0], mapped, first_server));
  CHECK(f.events().size() == 1);
  CHECK(f.answer(sent[0], "203.0.113.99:1"_ep, first_server));  // said twice
  CHECK(f.events().empty());
}

TEST_CASE("A mapping is kept alive by asking again, and another one is found when it has changed", "[gatherer]") {
  Fixture f{15s};
  f.gatherer.add_base(f.now, f.host);
  auto sent = f.sent();
  for (const auto& question : sent) f.answer(question, mapped, question.remote);
  static_cast<void>(f.events());
  CHECK(f.gatherer.is_done());
  CHECK(f.gatherer.poll_timeout() == f.now + 15s);

  f.now += 15s;
  f.gatherer.handle_timeout(f.now);
  sent = f.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].socket == SocketId{3});
  CHECK(f.gatherer.is_done());
  REQUIRE(f.answer(sent[0], mapped, first_server));
  CHECK(f.events().empty());
  const Endpoint moved{mapped.address, static_cast<std::uint16_t>(mapped.port + 1)};
  REQUIRE(f.answer(sent[1], moved, second_server));
  const auto events = f.events();
  REQUIRE(events.size() == 1);
  CHECK(std::get<Gatherer::Found>(events[0]).candidate.candidate.endpoint == moved);

  // A server that falls silent is asked on, and said to be silent or done by nobody.
  const auto end = f.now + 60s;
  std::size_t asked = 0;
  while (f.gatherer.poll_timeout().value() < end) {
    f.now = *f.gatherer.poll_timeout();
    f.gatherer.handle_timeout(f.now);
    asked += f.sent().size();
  }
  CHECK(asked >= 2 * 5 * 3);
  CHECK(f.events().empty());
}

TEST_CASE("Over TCP one server is asked once, and what it sees is a candidate of the same direction",
          "[gatherer][tcp]") {
  Fixture f{30s};
  f.host.candidate = make_candidate(Kind::host, Transport::tcp_so, own, {.base = own});
  f.gatherer.add_base(f.now, f.host);
  const auto sent = f.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].protocol == Protocol::tcp);
  CHECK(sent[0].remote == first_server);
  SECTION("answered") {
    f.answer(sent[0], mapped, first_server);
    const auto events = f.events();
    REQUIRE(events.size() == 2);
    const auto& found = std::get<Gatherer::Found>(events[0]).candidate;
    CHECK(found.candidate.transport == Transport::tcp_so);
    CHECK(found.candidate.kind == Kind::server_reflexive);
    CHECK(found.candidate.endpoint == mapped);
    CHECK(std::holds_alternative<Gatherer::Done>(events[1]));
    f.now += 30s;
    f.gatherer.handle_timeout(f.now);
    CHECK(f.sent().size() == 1);  // the connection is kept alive
  }
  SECTION("refused") {
    f.gatherer.handle_send_failure(f.now, sent[0]);
    CHECK(f.events().size() == 2);
    CHECK(f.gatherer.is_done());
    CHECK_FALSE(f.gatherer.poll_timeout());
  }
  SECTION("silent") {
    f.now += 500ms;
    f.gatherer.handle_timeout(f.now);
    CHECK(f.gatherer.is_done());
    CHECK_FALSE(f.gatherer.poll_timeout());
  }
}
