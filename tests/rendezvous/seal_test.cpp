#include "natkit/rendezvous/seal.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;

namespace {
constexpr std::string_view text = "a=ice-ufrag:x7Kq\r\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n";
const TextContext from_alice{
    .kind = TextKind::description, .sender = "alice", .sender_purpose = Purpose::pair, .attempt = {}};

Seal make(std::string id, std::string_view secret = "open sesame", std::string_view name = "den") {
  return {std::move(id), as_bytes(secret), name};
}
}  // namespace

TEST_CASE("Who has the secret reads what is sealed, and nobody sees it on the way", "[rendezvous][seal]") {
  SeededRng rng{1};
  const auto alice = make("alice");
  auto bob = make("bob");
  const auto sealed = alice.close(text, from_alice, rng);
  CHECK(sealed.find("ufrag") == std::string::npos);
  CHECK(sealed != alice.close(text, from_alice, rng));
  CHECK(bob.open(sealed, from_alice) == std::string{text});
  CHECK(alice.is_secret());
}

TEST_CASE("A sealed text holds only where it belongs", "[rendezvous][seal]") {
  SeededRng rng{1};
  const auto alice = make("alice");
  const auto sealed = alice.close(text, from_alice, rng);
  auto elsewhere = from_alice;
  SECTION("another kind") { elsewhere.kind = TextKind::restart; }
  SECTION("another sender") { elsewhere.sender = "mallory"; }
  SECTION("another purpose") { elsewhere.sender_purpose = Purpose::connect; }
  SECTION("another attempt") { elsewhere.attempt = AttemptId{0}; }
  CHECK(make("bob").open(sealed, elsewhere) == std::unexpected(SealError::wrong_secret));
}

TEST_CASE("Another secret, or the same one for another room, opens nothing", "[rendezvous][seal]") {
  SeededRng rng{1};
  const auto sealed = make("alice").close(text, from_alice, rng);
  CHECK(make("bob", "open sesamE").open(sealed, from_alice) == std::unexpected(SealError::wrong_secret));
  CHECK(make("bob", "open sesame", "other").open(sealed, from_alice) == std::unexpected(SealError::wrong_secret));
}

TEST_CASE("Every changed bit of a sealed text is noticed", "[rendezvous][seal]") {
  SeededRng rng{1};
  const auto sealed = make("alice").close("short", from_alice, rng);
  auto bob = make("bob");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(bob.open(changed, from_alice));
    CHECK_FALSE(bob.open(sealed.substr(0, i), from_alice));
  }
  CHECK(bob.open(sealed, from_alice) == std::string{"short"});
}

TEST_CASE("What was played back or reflected is refused", "[rendezvous][seal]") {
  SeededRng rng{1};
  auto alice = make("alice");
  auto bob = make("bob");
  const auto sealed = alice.close(text, from_alice, rng);
  REQUIRE(bob.open(sealed, from_alice));
  CHECK(bob.open(sealed, from_alice) == std::unexpected(SealError::played_back));
  CHECK(alice.open(sealed, from_alice) == std::unexpected(SealError::our_own));
  auto as_bob = from_alice;
  as_bob.sender = "bob";
  CHECK(alice.open(sealed, as_bob) == std::unexpected(SealError::wrong_secret));
}

TEST_CASE("With a secret on one side only, each side learns which", "[rendezvous][seal]") {
  SeededRng rng{1};
  const Seal plain{"alice"};
  const auto open_text = plain.close(text, from_alice, rng);
  CHECK_FALSE(plain.is_secret());
  CHECK(Seal{"bob"}.open(open_text, from_alice) == std::string{text});
  CHECK(make("bob").open(open_text, from_alice) == std::unexpected(SealError::not_sealed));
  CHECK(Seal{"bob"}.open(make("alice").close(text, from_alice, rng), from_alice) ==
        std::unexpected(SealError::unexpected));
  CHECK(Seal{"bob"}.open("rubbish", from_alice) == std::unexpected(SealError::damaged));
  CHECK(make("bob").open("sealed:!!!!", from_alice) == std::unexpected(SealError::damaged));
}

TEST_CASE("The texts of a whole run are remembered, and no more than that", "[rendezvous][seal]") {
  SeededRng rng{1};
  const auto alice = make("alice");
  auto bob = make("bob");
  const auto first = alice.close("first", from_alice, rng);
  REQUIRE(bob.open(first, from_alice));
  for (int i = 0; i < 4096; ++i) REQUIRE(bob.open(alice.close("next", from_alice, rng), from_alice));
  CHECK(bob.open(first, from_alice));  // bounded: the oldest is forgotten
}
