// What somebody can do who is not the peer: nothing.
#include "catch.hpp"
#include "ice/match.hpp"
#include "ice/solo.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;

namespace {
const Endpoint remote = "198.51.100.9:7000"_ep;
const Endpoint stranger = "203.0.113.66:666"_ep;
}  // namespace

TEST_CASE("A check with another password is not answered and changes nothing", "[agent][abuse]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin();
  (void)solo.sent();
  auto wrong = solo.agent.credentials();
  wrong.password[3] = static_cast<char>(wrong.password[3] + 1);
  const auto forged = write_check({}, {.role = Role::controlling, .priority = 9, .nomination = 9}, solo.peer, wrong);
  for (int i = 0; i < 1000; ++i) solo.receive(stranger, forged);
  CHECK(solo.sent().empty());
  CHECK(solo.agent.pairs().size() == 1);
  CHECK(solo.agent.dialect() == Dialect::natkit);
}

TEST_CASE("A forged answer, or a true one from elsewhere, proves nothing", "[agent][abuse]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  const auto check = solo.checks().at(0);
  const auto id = message_of(check)->transaction_id();
  solo.receive(remote, write_success(id, stranger, "not the password at all"));
  CHECK_FALSE(solo.agent.path());
  solo.receive(stranger, write_success(id, stranger, solo.peer.password));
  CHECK_FALSE(solo.agent.path());
  solo.receive(remote, write_error(*message_of(check), role_conflict, "not the password at all"));
  CHECK(solo.agent.role() == Role::controlling);
  solo.answer(check);
  CHECK(solo.agent.path());
}

TEST_CASE("A replayed check is answered at most, and never twice taken for news", "[agent][abuse]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin();
  const auto true_check = solo.check();
  solo.receive(remote, true_check);
  const auto pairs = solo.agent.pairs().size();
  (void)solo.sent();
  for (std::uint16_t port = 1; port <= 300; ++port) solo.receive({stranger.address, port}, true_check);
  CHECK(solo.agent.pairs().size() == pairs);
  std::size_t bytes = 0;
  for (const auto& out : solo.sent()) bytes += out.payload.size();
  CHECK(bytes <= 300 * true_check.size());  // no amplification
}

TEST_CASE("A replayed nomination does not turn the choice back", "[agent][abuse]") {
  const auto dialect = GENERATE(Dialect::natkit, Dialect::rfc);
  Solo solo{Role::controlled};
  const auto better = "198.51.100.9:7001"_ep;
  solo.add_remote(better, Kind::host);
  solo.add_remote(remote);
  solo.begin(dialect);
  for (const auto& [ms, out] : solo.run(100ms)) solo.answer(out);
  auto nomination = solo.plain();
  nomination.nomination = dialect == Dialect::natkit ? 1 : 0;
  const auto first = solo.check(nomination);
  solo.receive(remote, first);
  CHECK(solo.agent.path()->remote == remote);
  nomination.nomination = dialect == Dialect::natkit ? 2 : 0;
  solo.receive(better, solo.check(nomination));
  CHECK(solo.agent.path()->remote == better);
  for (int i = 0; i < 1000; ++i) solo.receive(better, solo.check());  // so that the first is long forgotten
  solo.receive(remote, first);
  CHECK(solo.agent.path()->remote == better);
}

TEST_CASE("Even the peer can make only so many pairs", "[agent][abuse]") {
  Solo solo{Role::controlled};
  solo.begin();
  for (std::uint16_t port = 1; port <= 2000; ++port) solo.receive({stranger.address, port}, solo.check());
  CHECK(solo.agent.pairs().size() <= 16);
  for (std::uint16_t port = 1; port <= 2000; ++port) solo.add_remote({"198.51.100.9"_ip, port});
  CHECK(solo.agent.pairs().size() <= CheckList::most_pairs);
}

TEST_CASE("A million forged, replayed, cut and mixed datagrams do not connect, disconnect or grow an agent",
          "[agent][abuse]") {
  Match match{{.box_a = Box::open, .box_b = Box::open}};
  match.tell();
  match.run(1s);
  REQUIRE(match.agree());
  SeededRng chance{99};
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin();
  std::vector<Bytes> seeds;
  for (auto& out : solo.checks()) seeds.push_back(out.payload);
  seeds.push_back(solo.check());
  solo.receive(remote, seeds.back());
  for (auto& out : solo.sent()) seeds.push_back(out.payload);
  const auto path = match.a.agent.path();
  const auto pairs = match.a.agent.pairs().size();
  for (int i = 0; i < 100'000; ++i) {
    auto bytes = seeds[chance.below(seeds.size())];
    if (chance.chance(0.5)) bytes[chance.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << chance.below(8));
    if (chance.chance(0.2)) bytes.resize(chance.below(bytes.size()));
    const Endpoint from = chance.chance(0.5) ? path->remote : Endpoint{stranger.address, static_cast<std::uint16_t>(i)};
    match.a.agent.handle_datagram(match.net.now(), {.socket = path->socket, .remote = from, .payload = bytes});
  }
  CHECK(match.a.agent.pairs().size() == pairs);
  CHECK(match.a.agent.path()->is_same_way(*path));
  CHECK_FALSE(match.a.agent.poll_transmit());
  match.run(2s);
  CHECK(match.agree());
}

TEST_CASE("A peer that has moved sixteen times is still met at its next address", "[agent][abuse]") {
  Solo solo;
  solo.begin();
  const auto address_at = [](std::uint16_t number) {
    return Endpoint{"198.51.100.9"_ip, static_cast<std::uint16_t>(7000 + number)};
  };
  const auto knows = [&](const Endpoint& remote) {
    return std::ranges::any_of(solo.agent.pairs(), [&](const Pair& pair) { return pair.remote.endpoint == remote; });
  };
  // One place works, and stays; from all the others the peer was heard, and never again.
  solo.receive(address_at(0), solo.check());
  for (const auto& check : solo.checks()) solo.answer(check);
  REQUIRE(solo.agent.path());
  std::uint16_t moves = 1;
  for (; moves < 40; ++moves) {
    solo.receive(address_at(moves), solo.check());
    if (moves < 16) CHECK(knows(address_at(moves)));
    CHECK(solo.agent.pairs().size() <= 16);
    if (moves < 20) continue;  // as fast as it can: then there is no place, as long as the others are being tried
    for (int i = 0; i < 50; ++i) {
      for (const auto& [ms, out] : solo.run(100ms))
        if (out.remote == address_at(0)) solo.answer(out);
    }
    solo.receive(address_at(moves), solo.check());
    CHECK(knows(address_at(moves)));
  }
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->remote == address_at(0));
  CHECK(solo.agent.remotes().size() <= 16);
}
