// What strangers, thieves and greedy users get from a relay.
#include "relay_bench.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
const Bytes hello{'h', 'i'};
/// Signed by hand, with one thing wrong.
Bytes signed_with(RelayBench& bench, const turn::Credentials& who, std::string_view nonce, ByteView key) {
  return bench.allocate_request()
      .add_text(AttributeType::username, who.username)
      .add_text(AttributeType::realm, "natkit")
      .add_text(AttributeType::nonce, nonce)
      .add_message_integrity(key)
      .finish();
}
}  // namespace

TEST_CASE("A stranger gets a short 401 and costs no memory", "[relay][abuse]") {
  RelayBench bench;
  const auto request = bench.allocate_request().finish();
  bench.receive(somebody, request);
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].payload.size() <= 60);  // header 20, ERROR-CODE 8, REALM 12, NONCE 20
  const auto answer = bench.answer_in(bench.out[0]);
  CHECK(answer.error_code() == 401);
  CHECK(answer.text(AttributeType::realm) == "natkit");
  CHECK(answer.text(AttributeType::nonce));
  CHECK(bench.relay.allocations() == 0);
  CHECK_FALSE(bench.relay.poll_timeout());
}

TEST_CASE("Forged requests cannot make the relay flood somebody", "[relay][abuse]") {
  RelayBench bench;
  std::size_t in = 0;
  std::size_t sent = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto request = bench.allocate_request().finish();
    in += request.size();
    bench.receive(somebody, request);
    for (const auto& datagram : bench.out) sent += datagram.payload.size();
  }
  CHECK(in > 2'000'000);
  CHECK(sent < 20'000);  // the allowance of one address, and what the requests that it lasted for paid themselves
}

TEST_CASE("Forged requests from everywhere are held by the allowance for all", "[relay][abuse]") {
  RelayBench bench;
  std::size_t sent = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    bench.receive({IpAddress::v4(0x0B000000U + i), 53}, bench.allocate_request().finish());
    for (const auto& datagram : bench.out) sent += datagram.payload.size();
  }
  CHECK(sent < 65536 * 60 / 32 + 1000);
}

TEST_CASE("Over TCP the address is proven, so the first question is always answered", "[relay][abuse]") {
  auto config = plain_relay();
  config.gate.allowance_for_all = {};
  RelayBench bench{std::move(config)};
  bench.receive(somebody, bench.allocate_request().finish());
  CHECK(bench.out.empty());
  bench.receive(somebody, bench.allocate_request().finish(), {}, Protocol::tcp);
  CHECK(bench.out.size() == 1);
}

TEST_CASE("Wrong passwords, expired and invented names are all answered with 401", "[relay][abuse]") {
  RelayBench bench;
  const auto nonce = bench.relay.gate().challenge_for(bench.now, somebody.address).nonce;
  const auto code_for = [&](const turn::Credentials& who) {
    bench.receive(somebody, signed_with(bench, who, nonce, bench.key_of(who)));
    REQUIRE(bench.out.size() == 1);
    const auto answer = bench.answer_in(bench.out[0]);
    CHECK_FALSE(answer.find(AttributeType::message_integrity));
    return answer.error_code();
  };
  CHECK(code_for({bench.user().username, "guess"}) == 401);
  CHECK(code_for(bench.user("alice", -1s)) == 401);
  CHECK(code_for(turn::make_rest_credentials("south", today + 1h, "alice")) == 401);
  CHECK(code_for({"alice", turn::rest_password(secret, "alice")}) == 401);  // a name without an end
  CHECK(bench.relay.allocations() == 0);
}

TEST_CASE("Guessing has a bound", "[relay][abuse]") {
  RelayBench bench;
  const auto nonce = bench.relay.gate().challenge_for(bench.now, somebody.address).nonce;
  std::size_t answered = 0;
  for (int i = 0; i < 2000; ++i) {
    const turn::Credentials who{bench.user().username, std::to_string(i)};
    bench.receive(somebody, signed_with(bench, who, nonce, bench.key_of(who)));
    answered += bench.out.size();
  }
  CHECK(answered <= 500);
  CHECK(answered >= 250);
}

TEST_CASE("A nonce is stale after its time, and was never fresh for another address", "[relay][abuse]") {
  RelayBench bench;
  const auto who = bench.user();
  const auto nonce = bench.relay.gate().challenge_for(bench.now, somebody.address).nonce;
  const auto code_at = [&](const Endpoint& from) {
    bench.receive(from, signed_with(bench, who, nonce, bench.key_of(who)));
    REQUIRE(bench.out.size() == 1);
    return bench.answer_in(bench.out[0]).error_code();
  };
  CHECK(code_at("203.0.113.8:5000"_ep) == 438);
  CHECK(code_at({somebody.address, 5001}) == std::nullopt);  // one proof for all ports of an address
  bench.pass(20min);
  CHECK(code_at(somebody) == 438);
  CHECK(bench.answer_in(bench.out[0]).text(AttributeType::nonce) != nonce);
}

TEST_CASE("An allocation obeys the user who made it, and nobody else", "[relay][abuse]") {
  RelayBench bench;
  bench.allocate();
  CHECK(
      bench.ask(bench.request(Method::refresh).add_u32(AttributeType::lifetime, 0), somebody, "mallory").error_code() ==
      441);
  CHECK(bench.permit({a_peer}, somebody, "mallory").error_code() == 441);
  CHECK(bench.relay.allocations() == 1);
  SECTION("also when his name has ended meanwhile") {
    const auto who = bench.user("bob", 2s);
    const Endpoint bob{"203.0.113.8"_ip, 1};
    bench.receive(bob, bench.sign(bench.allocate_request(), who, bob));
    bench.pass(10s);
    bench.receive(bob, bench.sign(bench.request(Method::refresh), who, bob));
    REQUIRE(bench.out.size() == 1);
    CHECK(is_success(bench.answer_in(bench.out[0])));
  }
}

TEST_CASE("A user, an address and all together have their quotas", "[relay][abuse]") {
  auto config = plain_relay();
  config.most_per_user = 2;
  config.most_per_address = 3;
  config.most_allocations = 5;
  RelayBench bench{std::move(config)};
  const auto at = [](std::uint32_t host, std::uint16_t port) {
    return Endpoint{IpAddress::v4(0xCB007100U + host), port};
  };
  bench.allocate(at(1, 1), "alice");
  bench.allocate(at(1, 2), "alice");
  CHECK(bench.ask(bench.allocate_request(), at(2, 1), "alice").error_code() == 486);
  SECTION("a renewed name is the same user") {
    const auto later = turn::make_rest_credentials(secret, today + 2h, "alice");
    bench.receive(at(2, 1), bench.sign(bench.allocate_request(), later, at(2, 1)));
    CHECK(bench.answer_in(bench.out.at(0)).error_code() == 486);
  }
  bench.allocate(at(1, 3), "bob");
  CHECK(bench.ask(bench.allocate_request(), at(1, 4), "carol").error_code() == 486);
  bench.allocate(at(2, 1), "carol");
  bench.allocate(at(3, 1), "dave");
  CHECK(bench.ask(bench.allocate_request(), at(4, 1), "erin").error_code() == 508);
  bench.ask(bench.request(Method::refresh).add_u32(AttributeType::lifetime, 0), at(1, 1), "alice");
  bench.allocate(at(5, 1), "alice");
}

TEST_CASE("Permissions and channels of one allocation are bounded, and places come free again", "[relay][abuse]") {
  auto config = plain_relay();
  config.most_permissions = 3;
  config.most_channels = 2;
  RelayBench bench{std::move(config)};
  bench.allocate();
  CHECK(is_success(bench.permit({"192.0.2.1:0"_ep, "192.0.2.2:0"_ep, "192.0.2.3:0"_ep})));
  CHECK(bench.permit({"192.0.2.4:0"_ep}).error_code() == 508);
  CHECK(is_success(bench.bind(0x4001, "192.0.2.1:1"_ep)));
  CHECK(is_success(bench.bind(0x4002, "192.0.2.1:2"_ep)));
  CHECK(bench.bind(0x4003, "192.0.2.1:3"_ep).error_code() == 508);
  bench.pass(300s);
  CHECK(is_success(bench.permit({"192.0.2.4:0"_ep})));
}

TEST_CASE("Peers inside the relay's own network are forbidden until they are opened by name", "[relay][abuse]") {
  using turn::PeerClass;
  const auto [text, peers] = GENERATE(table<std::string, PeerClass>({{"127.0.0.1", PeerClass::loopback},
                                                                     {"127.255.0.9", PeerClass::loopback},
                                                                     {"10.1.2.3", PeerClass::private_use},
                                                                     {"192.168.0.1", PeerClass::private_use},
                                                                     {"172.16.0.1", PeerClass::private_use},
                                                                     {"100.64.0.1", PeerClass::shared},
                                                                     {"169.254.169.254", PeerClass::link_local},
                                                                     {"::1", PeerClass::loopback},
                                                                     {"fe80::1", PeerClass::link_local},
                                                                     {"fd00::1", PeerClass::private_use},
                                                                     {"fec0::1", PeerClass::private_use},
                                                                     {"64:ff9b:1::a00:1", PeerClass::private_use},
                                                                     {"::ffff:127.0.0.1", PeerClass::loopback},
                                                                     {"::ffff:10.0.0.1", PeerClass::private_use},
                                                                     {"64:ff9b::7f00:1", PeerClass::loopback},
                                                                     {"64:ff9b::a9fe:a9fe", PeerClass::link_local},
                                                                     {"2002:7f00:1::1", PeerClass::loopback}}));
  CAPTURE(text);
  const auto peer = *parse_ip_address(text);
  CHECK(turn::classify_peer(peer) == peers);
  auto config = plain_relay();
  const auto both = [](RelayBench& bench) {
    bench.ask(bench.allocate_request().add_u32(AttributeType::additional_address_family, 2U << 24U));
  };
  SECTION("closed") {
    RelayBench bench{std::move(config)};
    both(bench);
    CHECK(bench.permit({{peer, 80}}).error_code() == 403);
    CHECK(bench.bind(0x4001, {peer, 80}).error_code() == 403);
    bench.receive(somebody, bench.send_indication({peer, 80}, hello));
    CHECK(bench.out.empty());
  }
  SECTION("opened") {
    config.peers.open(peers);
    RelayBench bench{std::move(config)};
    both(bench);
    CHECK(is_success(bench.permit({{peer, 80}})));
  }
}

TEST_CASE("Some addresses are nobody's, and the server's own are forbidden whatever is opened", "[relay][abuse]") {
  auto config = plain_relay();
  for (const auto peers :
       {turn::PeerClass::loopback, turn::PeerClass::private_use, turn::PeerClass::link_local, turn::PeerClass::shared})
    config.peers.open(peers);
  config.own = {"10.0.0.5"_ip, "198.51.100.77"_ip};
  RelayBench bench{std::move(config)};
  bench.ask(bench.allocate_request().add_u32(AttributeType::additional_address_family, 2U << 24U));
  for (const auto* text : {"0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1",
                           "::7f00:1", "::ffff:224.0.0.1", "10.0.0.5", "198.51.100.77", "::ffff:198.51.100.77",
                           "::ffff:10.0.0.5", "::ffff:198.51.100.1", "64:ff9b::198.51.100.77"}) {
    CAPTURE(text);
    CHECK(bench.permit({{*parse_ip_address(text), 80}}).error_code() == 403);
  }
  CHECK(is_success(bench.permit({"10.0.0.6:80"_ep})));
}

TEST_CASE("A permission for the relayed address opens no other port of the machine, on loopback neither",
          "[relay][abuse]") {
  auto config = plain_relay();
  config.addresses = {{"127.0.0.1"_ip, "127.0.0.1"_ip}};
  RelayBench bench{std::move(config)};
  bench.allocate();
  CHECK(is_success(bench.permit({"127.0.0.1:0"_ep})));
  bench.receive(somebody, bench.send_indication("127.0.0.1:22"_ep, hello));
  CHECK(bench.out.empty());
}

TEST_CASE("One forbidden peer in a request lets none of them in", "[relay][abuse]") {
  RelayBench bench;
  const auto socket = bench.socket_of(bench.allocate());
  CHECK(bench.permit({a_peer, "10.0.0.1:1"_ep}).error_code() == 403);
  bench.receive(a_peer, hello, socket);
  CHECK(bench.out.empty());
}

TEST_CASE("A request that is bad is told nothing to ask again with", "[relay][abuse]") {
  RelayBench bench;
  bench.receive(somebody, bench.allocate_request().add_message_integrity(Bytes(16)).finish());
  REQUIRE(bench.out.size() == 1);
  const auto answer = bench.answer_in(bench.out[0]);
  CHECK(answer.error_code() == 400);
  CHECK_FALSE(answer.find(AttributeType::realm));
  CHECK_FALSE(answer.find(AttributeType::nonce));
}

TEST_CASE("Broken and foreign messages are dropped without a word", "[relay][abuse]") {
  RelayBench bench;
  bench.allocate();
  const auto is_silent = [&](Bytes payload) {
    bench.receive(somebody, std::move(payload));
    return bench.out.empty();
  };
  CHECK(is_silent({}));
  CHECK(is_silent({0x40}));
  CHECK(is_silent({0x40, 0x01, 0x00, 0x09, 0x00}));
  CHECK(is_silent({0x00, 0x03}));
  CHECK(is_silent(MessageWriter{MessageClass::success, Method::allocate, {}}.finish()));
  CHECK(is_silent(MessageWriter{MessageClass::indication, Method::allocate, {}}.finish()));
  CHECK(is_silent(MessageWriter{MessageClass::indication, Method::send, {}}.finish()));
  auto broken = bench.allocate_request().add_fingerprint().finish();
  broken.back() ^= 1U;
  CHECK(is_silent(std::move(broken)));
}

TEST_CASE("The old and the new secret both open, until the old one is taken away", "[relay][abuse]") {
  auto config = plain_relay();
  config.gate.secrets = {"old", "north"};
  RelayBench bench{std::move(config)};
  const auto old = turn::make_rest_credentials("old", today + 1h, "alice");
  const auto code_for = [&](const Endpoint& from) {
    bench.receive(from, bench.sign(bench.allocate_request(), old, from));
    return bench.answer_in(bench.out.at(0)).error_code();
  };
  CHECK_FALSE(code_for(somebody));
  bench.relay.gate().replace_secrets({"north"});
  CHECK(code_for({somebody.address, 1}) == 401);
}
