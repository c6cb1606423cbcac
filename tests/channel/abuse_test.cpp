#include "catch.hpp"
#include "channel/pair.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::channel;

namespace {
constexpr std::size_t attacks = 250'000;  // at each of both ends, in each of two states: a million

/// What somebody can make who reads along: true datagrams, changed, cut, repeated, and nonsense.
class Attacker {
 public:
  explicit Attacker(Rng& rng) : rng_(rng) {}

  void overhear(const Bytes& datagram) {
    if (heard_.size() < 200) heard_.push_back(datagram);
  }

  Bytes forge() {
    if (heard_.empty() || rng_.chance(0.2)) return nonsense();
    auto out = heard_[rng_.below(heard_.size())];
    if (rng_.chance(0.3)) return out;  // as it was
    if (rng_.chance(0.5)) out.resize(rng_.below(out.size()) + 1);
    for (auto changes = rng_.below(4); changes > 0; --changes) {
      out[rng_.below(out.size())] = static_cast<std::uint8_t>(rng_.next());
    }
    return out;
  }

 private:
  Bytes nonsense() {
    Bytes out(1 + rng_.below(200));
    rng_.fill(out);
    out[0] = static_cast<std::uint8_t>(20 + rng_.below(4));  // else it is not handed to a channel (RFC 7983)
    return out;
  }

  Rng& rng_;
  std::vector<Bytes> heard_;
};

void attack(Pair& pair, Attacker& attacker) {
  for (std::size_t i = 0; i < attacks; ++i) {
    pair.inject(pair.client, attacker.forge());
    pair.inject(pair.server, attacker.forge());
    if (i % 100 == 0) pair.run_for(1us);
  }
  pair.run_for(1ms);
}
}  // namespace

TEST_CASE("Half a million datagrams of an attacker do not touch what stands", "[abuse]") {
  Pair pair{{.delay = 5ms}};
  Attacker attacker{pair.rng()};
  pair.meddle = [&](const End&, const Bytes& datagram) {
    attacker.overhear(datagram);
    return true;
  };
  pair.connect();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(pair.send(pair.client, pattern(200)));
    REQUIRE(pair.send(pair.server, pattern(200)));
    pair.run_for(20ms);
  }
  pair.run_for(1s);
  const auto said = pair.client.datagrams_sent + pair.server.datagrams_sent;
  attack(pair, attacker);
  // A repeated last flight of the handshake may be a peer's who missed the answer, and gets it again; nothing else is
  // worth a word.
  CHECK(pair.client.datagrams_sent + pair.server.datagrams_sent - said < 50);
  for (const auto* end : {&pair.client, &pair.server}) {
    CHECK_FALSE(end->closed);
    CHECK(end->messages.size() == 20);
  }
  REQUIRE(pair.send(pair.client, as_bytes("and on it goes")));
  REQUIRE(pair.run_until([&] { return pair.server.messages.size() == 21; }, 1s));
}

TEST_CASE("Half a million datagrams of an attacker secure nothing that should not be", "[abuse]") {
  Pair other{{.delay = 5ms}, 2};
  Pair pair{{.delay = 5ms, .loss = 1}};  // the true peers do not hear each other at all
  Attacker attacker{pair.rng()};
  other.meddle = pair.meddle = [&](const End&, const Bytes& datagram) {
    attacker.overhear(datagram);
    return true;
  };
  other.connect();
  pair.start();
  pair.run_for(20ms);
  const auto said = pair.client.datagrams_sent + pair.server.datagrams_sent;
  attack(pair, attacker);
  CHECK(pair.client.datagrams_sent + pair.server.datagrams_sent - said <= attacks);
  REQUIRE(pair.run_until([&] { return pair.client.closed && pair.server.closed; }, 20s));
  for (const auto* end : {&pair.client, &pair.server}) {
    CHECK_FALSE(end->secured);
    CHECK(end->messages.empty());
  }
  pair.run_for(5s);
  CHECK_FALSE(pair.client.channel.poll_timeout());
  CHECK_FALSE(pair.server.channel.poll_timeout());
}
