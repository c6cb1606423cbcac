// First contact without a server: at an address that lets strangers in, with a secret.
#include "natkit/link/knock.hpp"

#include "catch.hpp"
#include "link/encounter.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;
using link::host_credentials, link::make_knock, link::parse_knock_fragment, link::read_knock, link::KnockSecret;

namespace {
KnockSecret secret_of(std::uint8_t number) {
  KnockSecret secret{};
  secret.fill(number);
  return secret;
}
const auto secret = secret_of(7);

/// What stands in an invite of B's.
std::vector<Endpoint> addresses_of(const Party& host) {
  std::vector<Endpoint> found;
  for (const auto& local : host.hub.gathering().candidates())
    if (local.manner == ice::Manner::fires && local.candidate.kind != ice::Kind::relayed)
      found.push_back(local.candidate.endpoint);
  return found;
}

/// A knocks at B's, who have both gathered and know nothing of each other else.
class Door {
 public:
  Door(Box of_a, Box of_b)
      : encounter{{.box_a = of_a, .box_b = of_b, .relaying = EncounterConfig::Relaying::no}},
        a(encounter.a),
        b(encounter.b) {
    encounter.run(400ms);
    b.hub.listen_for_knocks(secret);
  }
  link::LinkId knock(const KnockSecret& with = secret, std::string_view host = "b") {
    const auto link = a.hub.knock(encounter.net.now(), with, addresses_of(b), identity_of(host).fingerprint());
    REQUIRE(link);
    a.hear(encounter.net.now());
    encounter.host_a.wake();
    return *link;
  }
  /// As if it had come from the internet.
  void hand_b(Bytes payload, const Endpoint& from) {
    b.handle_datagram(encounter.net.now(), {.socket = SocketId{0}, .remote = from, .payload = std::move(payload)});
    encounter.host_b.wake();
  }
  void run_until_secured(std::size_t links) {
    encounter.run(3s, [&] { return a.secured.size() >= links && b.secured.size() >= links; });
  }

  Encounter encounter;
  Party& a;
  Party& b;
};

/// A check as somebody who has the secret makes it.
Bytes knock_as(const ice::Credentials& knocker, const KnockSecret& with, Rng& rng) {
  return ice::write_check(stun::make_transaction_id(rng),
                          {.role = ice::Role::controlling, .priority = 1, .dialect = ice::Dialect::natkit}, knocker,
                          host_credentials(with));
}
}  // namespace

TEST_CASE("A knock tells who is at the door, and both derive the same passwords", "[knock]") {
  SeededRng rng{1};
  const auto host = host_credentials(secret);
  const auto& own = identity_of("a").fingerprint();
  const auto credentials = make_knock(secret, own, rng);
  CHECK(credentials.ufrag.size() == 51);
  CHECK(make_knock(secret, own, rng).ufrag != credentials.ufrag);
  CHECK(host.ufrag != host_credentials(secret_of(8)).ufrag);
  CHECK(host.password != host_credentials(secret_of(8)).password);
  CHECK(parse_knock_fragment(credentials.ufrag) == own);

  const auto check = knock_as(credentials, secret, rng);
  const auto knocker = read_knock(check, host, secret);
  REQUIRE(knocker);
  CHECK(knocker->fingerprint == own);
  CHECK(knocker->credentials == credentials);
}

TEST_CASE("What is not made with the secret, or by nobody in particular, is no knock", "[knock]") {
  SeededRng rng{1};
  const auto host = host_credentials(secret);
  const auto& own = identity_of("a").fingerprint();
  const auto credentials = make_knock(secret, own, rng);
  auto check = knock_as(credentials, secret, rng);
  CHECK_FALSE(read_knock(ByteView{check}.first(check.size() - 1), host, secret));
  CHECK_FALSE(read_knock(knock_as(credentials, secret_of(8), rng), host, secret));
  // The fragment of the host can be seen on the wire; the password cannot.
  const ice::Credentials guessed{.ufrag = host.ufrag, .password = "0123456789012345678901"};
  CHECK_FALSE(read_knock(ice::write_check(stun::make_transaction_id(rng), {.priority = 1}, credentials, guessed), host,
                         secret));
  check[check.size() / 2] ^= 1U;
  CHECK_FALSE(read_knock(check, host, secret));
  for (const std::string_view fragment : {"", "abcd", "a fragment of just fifty-one characters and no base64"})
    CHECK_FALSE(read_knock(knock_as({.ufrag = std::string{fragment}, .password = credentials.password}, secret, rng),
                           host, secret));
  CHECK_FALSE(parse_knock_fragment(credentials.ufrag + "A"));
  CHECK_FALSE(parse_knock_fragment(credentials.ufrag.substr(1)));
  CHECK_FALSE(parse_knock_fragment(credentials.ufrag.substr(0, 42) + "=" + credentials.ufrag.substr(43)));
}

TEST_CASE("Who has the secret is let in from behind any NAT, where the host's address lets strangers in",
          "[knock][sim]") {
  for (const auto of_b : {Box::open, Box::full_cone}) {
    for (const auto of_a : boxes) {
      CAPTURE(to_text(of_a), to_text(of_b));
      Door door{of_a, of_b};
      const auto knocked_at = door.encounter.net.now();
      const auto link = door.knock();
      door.run_until_secured(1);
      REQUIRE(door.a.secured == std::vector{link});
      REQUIRE(door.b.knocks.size() == 1);
      CHECK(door.b.secured == std::vector{door.b.knocks.front().link});
      CHECK(door.b.knocks.front().fingerprint == identity_of("a").fingerprint());
      CHECK(door.encounter.net.now() - knocked_at <= 200ms);
      CHECK(door.a.hub.find(link)->path()->is_direct());
    }
  }
}

TEST_CASE("Who has another secret meets silence", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  const auto before = door.b.sent;
  door.knock(secret_of(8));
  door.encounter.run(3s, [&] { return door.a.ended.has_value(); });
  REQUIRE(door.a.ended);
  CHECK(door.a.ended->reason == link::EndReason::punch_failed);
  CHECK(door.b.knocks.empty());
  CHECK(door.b.hub.links() == 1);  // the one that waits for somebody
  CHECK(door.b.sent == before);
}

TEST_CASE("Who does not listen for knocks, or no longer, is silent", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  const auto before = door.b.sent;
  door.b.hub.stop_listening();
  door.knock();
  door.encounter.run(3s, [&] { return door.a.ended.has_value(); });
  CHECK(door.a.ended);
  CHECK(door.b.sent == before);
}

TEST_CASE("Whoever answers a knock must be the host that was meant", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  door.knock(secret, "an impostor");
  door.encounter.run(3s, [&] { return door.a.ended && door.b.ended; });
  REQUIRE(door.a.ended);
  REQUIRE(door.b.ended);
  CHECK(door.a.ended->reason == link::EndReason::authentication_failed);
  CHECK(door.a.secured.empty());
}

TEST_CASE("Several who knock are told apart, though the host has one name for all of them", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  auto& net = door.encounter.net;
  auto& host_c = net.add_host({}, door.encounter.home_a);  // behind the same router
  link::Hub::Config config{.gathering = {}, .agent = {}, .channel = {}, .identity = identity_of("c")};
  config.gathering.addresses = host_c.addresses();
  Party c{config, net.rng()};
  host_c.attach(c);
  door.encounter.run(100ms);
  door.knock();
  REQUIRE(c.hub.knock(net.now(), secret, addresses_of(door.b), identity_of("b").fingerprint()));
  c.hear(net.now());
  host_c.wake();
  door.encounter.run(2s, [&] { return door.b.secured.size() == 2; });
  door.encounter.run(20s);
  CHECK(door.a.secured.size() == 1);
  CHECK(c.secured.size() == 1);
  CHECK(door.b.secured.size() == 2);
  REQUIRE(door.b.knocks.size() == 2);
  CHECK(door.b.knocks[0].fingerprint != door.b.knocks[1].fingerprint);
  CHECK_FALSE(door.a.ended);
  CHECK_FALSE(door.b.ended);
  CHECK_FALSE(c.ended);
}

TEST_CASE("Who vanished may knock again from the same address", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  const auto first = door.knock();
  door.run_until_secured(1);
  REQUIRE(door.a.secured.size() == 1);
  door.a.hub.drop(first);
  const auto second = door.knock();
  door.run_until_secured(2);
  REQUIRE(door.a.secured.size() == 2);
  CHECK(door.a.hub.find(second)->is_secured());
  CHECK(door.b.knocks.size() == 2);
}

TEST_CASE("A knock that is sent again by somebody else opens no second link", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  SeededRng rng{1};
  const auto knock = knock_as(make_knock(secret, identity_of("a").fingerprint(), rng), secret, rng);
  for (std::uint16_t port = 1; port < 1000; ++port) door.hand_b(knock, {"198.51.100.77"_ip, port});
  CHECK(door.b.knocks.size() == 1);
  door.encounter.run(15s);
  REQUIRE(door.b.ended);
  door.b.hub.drop(door.b.knocks.front().link);
  door.hand_b(knock, {"198.51.100.77"_ip, 5});
  CHECK(door.b.knocks.size() == 1);
  CHECK(door.b.hub.links() == 1);
}

TEST_CASE("However many knock in vain, few links are open for them, and these end", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  SeededRng rng{1};
  for (int i = 0; i < 200; ++i) {
    const auto knocker = make_knock(secret, identity_of("a").fingerprint(), rng);
    door.hand_b(knock_as(knocker, secret, rng), {"198.51.100.77"_ip, 999});
  }
  CHECK(door.b.knocks.size() == 8);
  door.encounter.run(15s);
  for (const auto& knocked : door.b.knocks) CHECK(door.b.hub.find(knocked.link)->is_over());
  for (const auto& knocked : door.b.knocks) door.b.hub.drop(knocked.link);
  // And then there is room for who means it.
  door.knock();
  door.run_until_secured(1);
  CHECK(door.b.secured.size() == 1);
}

TEST_CASE("However fast links for knocks are let go of, new ones come no faster than is allowed", "[knock][sim]") {
  Door door{Box::drop, Box::open};
  SeededRng rng{1};
  const auto knock = [&] {
    const auto before = door.b.knocks.size();
    door.hand_b(knock_as(make_knock(secret, identity_of("a").fingerprint(), rng), secret, rng),
                {"198.51.100.77"_ip, 999});
    if (door.b.knocks.size() > before) door.b.hub.drop(door.b.knocks.back().link);
  };
  for (int i = 0; i < 100; ++i) knock();
  CHECK(door.b.knocks.size() == 16);
  door.encounter.run(1s);
  for (int i = 0; i < 100; ++i) knock();
  CHECK(door.b.knocks.size() == 20);
}

TEST_CASE("Nobody can knock at no address", "[knock]") {
  Door door{Box::drop, Box::open};
  CHECK_FALSE(door.a.hub.knock(door.encounter.net.now(), secret, {}, identity_of("b").fingerprint()));
}
