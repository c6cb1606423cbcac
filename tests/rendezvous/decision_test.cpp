// What the matchmaker decides is the server's word and nobody else's.
#include "natkit/rendezvous/decision.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "natkit/crypto/signature.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::string member(unsigned number) { return fmt::format("{:064x}", number); }
std::string id_of(const crypto::Identity& identity) { return to_hex(identity.fingerprint().digest); }

Match some_match() {
  return {.session = std::string(32, 'a'),
          .game = "chess",
          .tags = {{"map", "hill"}},
          .players = {{.member = member(1),
                       .fitness = {.reach = Reach::open, .reached = 1, .mean_rtt = 12ms, .failures = 0.25, .strain = 7},
                       .score = 0.875},
                      {.member = member(2), .fitness = {}, .score = 0.5}}};
}
constexpr turn::UnixTime noon{std::chrono::seconds{1'800'000'000}};

/// A client of a server that says this of a match, having named that key.
std::vector<ClientEvent> heard_by_client(const crypto::Identity& named, const Matched& told) {
  SeededRng rng{1};
  Client client{{.servers = {server_place}, .id = "me", .token = "t"}, rng};
  const Instant now{1h};
  client.start(now);
  SocketId socket{};
  std::vector<ClientEvent> events;
  const auto drain = [&] {
    while (const auto out = client.poll_transmit()) socket = out->socket;
    while (const auto event = client.poll_event()) events.push_back(*event);
  };
  const auto hear = [&](const Message& message) {
    const auto line = write_message(message);
    client.handle_datagram(
        now,
        {.socket = socket, .protocol = Protocol::tcp, .remote = server_place, .payload = {line.begin(), line.end()}});
    drain();
  };
  drain();
  hear(Welcome{.address = endpoint("203.0.113.7:4000"), .ping_interval = 15s});
  hear(Registered{.signer = id_of(named)});
  auto message = told;
  message.question = static_cast<std::uint32_t>(client.seek(now, {.member = member(1)}));
  hear(message);
  return events;
}
}  // namespace

TEST_CASE("A decision says what was decided, when, and who has signed it", "[rendezvous][decision]") {
  const auto server = crypto::Identity::make();
  const auto opened = open_match(sign_match(some_match(), noon, server));
  REQUIRE(opened);
  CHECK(opened->match == some_match());
  CHECK(opened->decided == noon);
  CHECK(opened->signer == server.fingerprint());
  CHECK_FALSE(open_match(sign_match(some_match(), {}, server))->decided);
}

TEST_CASE("Of a decision that was changed on its way nothing is believed", "[rendezvous][decision]") {
  const auto server = crypto::Identity::make();
  const auto whole = sign_match(some_match(), noon, server);
  auto changed = whole;
  SECTION("another host") { std::swap(changed.text[changed.text.find(member(1))], changed.text.back()); }
  SECTION("somebody else's certificate") { changed.certificate = crypto::certificate_of(crypto::Identity::make()); }
  SECTION("no signature") { changed.signature.clear(); }
  SECTION("garbage for a certificate") { changed.certificate = Bytes(3000, 1); }
  REQUIRE_FALSE(open_match(changed));
  CHECK(open_match(changed).error() == DecisionError::not_signed);
}

TEST_CASE("What a member signs, be it the host, is never the server's decision", "[rendezvous][decision]") {
  const auto server = crypto::Identity::make();
  const auto host = crypto::Identity::make();
  const auto refused = [](const std::vector<ClientEvent>& events) {
    const auto* answer = std::get_if<NotAnswered>(&events.back());
    return answer != nullptr && answer->refusal == DirectoryRefusal::not_signed;
  };
  // The control: the server's own word is taken.
  const auto right =
      heard_by_client(server, {.match = some_match(), .decision = sign_match(some_match(), noon, server)});
  REQUIRE(std::holds_alternative<FoundMatch>(right.back()));
  CHECK(std::get<FoundMatch>(right.back()).match == some_match());
  // The same, signed by the host of the match.
  CHECK(refused(heard_by_client(server, {.match = some_match(), .decision = sign_match(some_match(), noon, host)})));
  // Left away: who has a key does not say less than it can.
  CHECK(refused(heard_by_client(server, {.match = some_match()})));
  // Something else that the server's key could have signed: a report.
  Report report{.session = std::string(32, 'a'), .member = member(2), .text = "x"};
  auto dressed = sign_match(some_match(), noon, server);
  dressed.signature = crypto::sign(server, report_text(report));
  CHECK(refused(heard_by_client(server, {.match = some_match(), .decision = dressed})));
}

TEST_CASE("What is signed counts, and not what stands beside it", "[rendezvous][decision]") {
  const auto server = crypto::Identity::make();
  auto other = some_match();
  std::swap(other.players[0], other.players[1]);
  const auto events = heard_by_client(server, {.match = other, .decision = sign_match(some_match(), noon, server)});
  REQUIRE(std::holds_alternative<FoundMatch>(events.back()));
  CHECK(std::get<FoundMatch>(events.back()).match.players[0].member == member(1));
}
