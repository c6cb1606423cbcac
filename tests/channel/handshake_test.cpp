#include <algorithm>

#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

namespace {
/// Each end sends one message as soon as it may.
void exchange_first_messages(Pair& pair) {
  bool has_client_sent = false, has_server_sent = false;
  (void)pair.run_until([&] {
    if (pair.client.secured && !has_client_sent)
      has_client_sent = pair.send(pair.client, as_bytes("hello")).has_value();
    if (pair.server.secured && !has_server_sent) {
      has_server_sent = pair.send(pair.server, as_bytes("welcome")).has_value();
    }
    return !pair.client.messages.empty() && !pair.server.messages.empty();
  });
}

void agree_and_start(Pair& pair) {
  for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
  pair.start();
}

constexpr Instant beginning{};
// RFC 6347 §4.1: a fatal alert (2, handshake_failure 40) in clear, epoch and sequence zero.
const Bytes alert_in_clear{21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
}  // namespace

TEST_CASE("Two channels secure each other and a message goes each way", "[handshake]") {
  Pair pair;
  agree_and_start(pair);
  exchange_first_messages(pair);
  REQUIRE(pair.server.messages.size() == 1);
  REQUIRE(pair.client.messages.size() == 1);
  CHECK(as_text(pair.server.messages[0].payload) == "hello");
  CHECK(as_text(pair.client.messages[0].payload) == "welcome");
}

TEST_CASE("The server is secured in one and a half round trips, the first byte arrives in three", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  agree_and_start(pair);
  exchange_first_messages(pair);
  REQUIRE(pair.client.first_message);
  REQUIRE(pair.server.first_message);
  CHECK(*pair.client.secured - beginning == 100ms);
  CHECK(*pair.server.secured - beginning == 75ms);
  CHECK(*pair.client.first_message - beginning == 150ms);
  CHECK(*pair.server.first_message - beginning == 175ms);
}

TEST_CASE("The handshake takes two datagrams each way, and tells the round trip", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  agree_and_start(pair);
  std::size_t from_client = 0, from_server = 0;
  pair.meddle = [&](const End& to, const Bytes&) {
    auto& count = &to == &pair.server ? from_client : from_server;
    if (!pair.client.secured) ++count;
    return true;
  };
  REQUIRE(pair.run_until([&] { return pair.client.secured.has_value(); }));
  CHECK(from_client <= 2);
  CHECK(from_server <= 3);  // SCTP's INIT is on the way already
  CHECK(pair.client.round_trip == Duration{50ms});
  CHECK(pair.server.round_trip == Duration{50ms});
}

TEST_CASE("A hello that comes before the server is ready costs no repetition", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
  pair.start_one(pair.client);
  pair.run_for(60ms);  // the hello has been waiting for 35 ms
  pair.start_one(pair.server);
  REQUIRE(pair.run_until([&] { return pair.client.secured.has_value(); }));
  CHECK(*pair.client.secured - beginning == 60ms + 75ms);
}

TEST_CASE("A handshake that was prepared goes on from where it is, and no clock runs before there is a path",
          "[handshake]") {
  Pair pair{{.delay = 25ms}};
  for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
  auto& client = pair.client.channel;
  auto& server = pair.server.channel;
  client.prepare(pair.now(), identity_of("server").fingerprint());
  server.prepare(pair.now(), identity_of("client").fingerprint());
  const auto hello = client.poll_transmit();
  REQUIRE(hello);
  server.handle_datagram(pair.now(), *hello);  // by some other way
  const auto welcome = server.poll_transmit();
  REQUIRE(welcome);
  client.handle_datagram(pair.now(), *welcome);
  const auto rest = client.poll_transmit();
  REQUIRE(rest);
  CHECK_FALSE(client.poll_timeout());
  CHECK_FALSE(server.poll_timeout());
  pair.run_for(30s);  // three times as long as a handshake may take
  CHECK_FALSE(pair.client.closed);
  const auto path_at = pair.now();
  pair.start();
  pair.inject(pair.server, *rest);  // kept until there was a path; it arrives at once
  REQUIRE(pair.run_until([&] { return pair.client.secured && pair.server.secured; }));
  CHECK(*pair.server.secured == path_at);
  CHECK(*pair.client.secured - path_at == 25ms);
}

TEST_CASE("A lost hello is repeated after a tenth of a second", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  int seen = 0;
  pair.meddle = [&](const End&, const Bytes&) { return ++seen > 1; };
  agree_and_start(pair);
  REQUIRE(pair.run_until([&] { return pair.client.secured.has_value(); }));
  CHECK(*pair.client.secured - beginning == 200ms);
}

TEST_CASE("Whichever datagram of the handshake is lost, the first byte arrives within 600 ms", "[handshake]") {
  const int lost = GENERATE(range(1, 12));
  CAPTURE(lost);
  Pair pair{{.delay = 25ms}};
  int seen = 0;
  pair.meddle = [&](const End&, const Bytes&) { return ++seen != lost; };
  agree_and_start(pair);
  exchange_first_messages(pair);
  REQUIRE(pair.client.first_message);
  REQUIRE(pair.server.first_message);
  CHECK(std::max(*pair.client.first_message, *pair.server.first_message) - beginning <= 600ms);
}

TEST_CASE("A lossy, jumbled line delays the handshake but does not stop it", "[handshake]") {
  const double loss = GENERATE(0.05, 0.20);
  CAPTURE(loss);
  std::vector<double> milliseconds;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Pair pair{{.delay = 20ms, .jitter = 20ms, .loss = loss, .doubling = 0.1}, seed};
    agree_and_start(pair);
    exchange_first_messages(pair);
    REQUIRE(pair.client.first_message);
    REQUIRE(pair.server.first_message);
    milliseconds.push_back(to_ms(std::max(*pair.client.first_message, *pair.server.first_message) - beginning));
  }
  std::ranges::sort(milliseconds);
  CHECK(milliseconds[20] < (loss < 0.1 ? 350 : 900));
  CHECK(milliseconds.back() < 6000);
}

TEST_CASE("A stranger's certificate ends it on both sides with the reason, and nothing is delivered", "[handshake]") {
  const bool is_server_wrong = GENERATE(true, false);
  CAPTURE(is_server_wrong);
  Pair pair{{.delay = 25ms}};
  for (auto* end : {&pair.client, &pair.server}) (void)end->channel.open_agreed_stream(Pair::bulk, {});
  const auto& stranger = identity_of("somebody else").fingerprint();
  auto& betrayed = is_server_wrong ? pair.client : pair.server;
  auto& refused = is_server_wrong ? pair.server : pair.client;
  pair.server.channel.start(pair.now(), is_server_wrong ? identity_of("client").fingerprint() : stranger);
  pair.client.channel.start(pair.now(), is_server_wrong ? stranger : identity_of("server").fingerprint());
  REQUIRE(pair.run_until([&] { return betrayed.closed && refused.closed; }, 2s));
  CHECK(betrayed.closed->reason == CloseReason::wrong_fingerprint);
  CHECK(refused.closed->reason == CloseReason::refused_by_peer);
  CHECK(refused.closed->detail.find("bad certificate") != std::string::npos);
  CHECK(*refused.closed_at - beginning <= 600ms);
  for (const auto* end : {&pair.client, &pair.server}) {
    CHECK_FALSE(end->secured);
    CHECK(end->messages.empty());
  }
  pair.run_for(5s);
  CHECK_FALSE(pair.client.channel.poll_timeout());
  CHECK_FALSE(pair.server.channel.poll_timeout());
}

TEST_CASE("The refused side learns of it although the first alert was lost", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  bool has_lost = false;
  pair.meddle = [&](const End&, const Bytes& datagram) {
    const bool is_first_alert = datagram[0] == 21 && !has_lost;
    has_lost |= is_first_alert;
    return !is_first_alert;
  };
  pair.server.channel.start(pair.now(), identity_of("client").fingerprint());
  pair.client.channel.start(pair.now(), identity_of("somebody else").fingerprint());
  REQUIRE(pair.run_until([&] { return pair.server.closed.has_value(); }, 2s));
  CHECK(has_lost);
  CHECK(pair.server.closed->reason == CloseReason::refused_by_peer);
}

TEST_CASE("A forged alert in clear does not end a handshake that goes on", "[handshake]") {
  Pair pair{{.delay = 25ms}};
  agree_and_start(pair);
  pair.run_for(30ms);
  for (auto* end : {&pair.client, &pair.server}) pair.inject(*end, alert_in_clear);
  exchange_first_messages(pair);
  CHECK(pair.client.messages.size() == 1);
  CHECK(pair.server.messages.size() == 1);
}

TEST_CASE("Noise on the line changes nothing, before, during and after the handshake", "[handshake]") {
  Pair pair{{.delay = 10ms}};
  const auto make_noise = [&] {
    for (int i = 0; i < 200; ++i) {
      Bytes noise(pair.rng().below(300));
      pair.rng().fill(noise);
      if (noise.size() > 13 && i % 2 == 0) {  // looks like a record
        noise[0] = static_cast<std::uint8_t>(20 + pair.rng().below(4));
        noise[1] = 0xFE;
        noise[2] = 0xFD;
        noise[3] = 0;
        noise[4] = 1;  // not of the first epoch: what is in clear nobody could tell from the peer's
      }
      pair.inject(i % 4 < 2 ? pair.client : pair.server, std::move(noise));
    }
  };
  make_noise();
  agree_and_start(pair);
  make_noise();
  pair.run_for(15ms);
  make_noise();
  exchange_first_messages(pair);
  make_noise();
  pair.run_for(1s);
  CHECK(pair.client.messages.size() == 1);
  CHECK(pair.server.messages.size() == 1);
  CHECK_FALSE(pair.client.closed);
  CHECK_FALSE(pair.server.closed);
}

TEST_CASE("A sealed record that is too short to be one ends nothing", "[handshake]") {
  Pair pair{{.delay = 10ms}};
  agree_and_start(pair);
  exchange_first_messages(pair);
  for (std::uint8_t type = 20; type < 24; ++type)
    for (std::uint8_t length = 0; length < 32; ++length) {
      Bytes record(13U + length, 0x5A);
      record[0] = type;
      record[1] = 0xFE;
      record[2] = 0xFD;
      record[3] = 0;
      record[4] = 1;  // sealed
      record[11] = 0;
      record[12] = length;
      pair.inject(pair.client, record);
      pair.inject(pair.server, std::move(record));
    }
  pair.run_for(1s);
  CHECK_FALSE(pair.client.closed);
  CHECK_FALSE(pair.server.closed);
}

TEST_CASE("Nobody there is noticed at the deadline", "[handshake]") {
  const auto deadline = GENERATE(2s, 10s);
  Pair pair{{.loss = 1}, 1, {.handshake_deadline = deadline}};
  agree_and_start(pair);
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }, 20s));
  for (const auto* end : {&pair.client, &pair.server}) {
    CHECK(end->closed->reason == CloseReason::handshake_timed_out);
    CHECK(*end->closed_at - beginning <= deadline);
  }
  CHECK(pair.client.datagrams_sent <= 15);
}

TEST_CASE("No datagram is larger than the MTU", "[handshake]") {
  const auto mtu = GENERATE(std::size_t{576}, std::size_t{1200}, std::size_t{1452});
  Pair pair{{.delay = 5ms}, 1, {.mtu = mtu}};
  agree_and_start(pair);
  exchange_first_messages(pair);
  REQUIRE(pair.send(pair.client, pattern(100'000)));
  REQUIRE(pair.run_until([&] { return pair.server.messages.size() == 2; }));
  CHECK(pair.client.largest_datagram <= mtu);
  CHECK(pair.client.largest_datagram > mtu - 8);
  CHECK(pair.server.largest_datagram <= mtu);
}
