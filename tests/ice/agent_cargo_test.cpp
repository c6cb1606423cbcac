// What rides on checks and their answers, for whom, and from whom.
#include "catch.hpp"
#include "ice/solo.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;
using stun::MessageClass;

namespace {
const Endpoint remote = "198.51.100.9:7000"_ep;
const Bytes few(most_unproven_cargo, 0x5A);
const Bytes many(most_cargo, 0x5A);

Bytes cargo_on(const Datagram& datagram) {
  const auto cargo = cargo_of(*message_of(datagram));
  return {cargo.begin(), cargo.end()};
}

Datagram from(const Endpoint& where, Bytes payload) {
  return {.socket = test::base, .remote = where, .payload = std::move(payload)};
}

/// What the agent answers that check with.
Datagram answer_to(Solo& solo, Bytes check) {
  REQUIRE(solo.receive(remote, std::move(check)));
  for (auto& out : solo.sent())
    if (message_of(out)->message_class() == MessageClass::success) return out;
  FAIL("no answer");
  return {};
}
}  // namespace

TEST_CASE("Cargo rides on every check until the pair is valid, and on none after", "[agent][cargo]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.agent.set_cargo(few);
  solo.begin();
  const auto first = solo.checks();
  REQUIRE(first.size() == 1);
  CHECK(cargo_on(first[0]) == few);
  const auto repeated = solo.run(200ms);
  REQUIRE_FALSE(repeated.empty());
  for (const auto& [at, check] : repeated) CHECK(cargo_on(check) == few);
  REQUIRE(solo.answer(repeated.back().second));
  for (const auto& [at, check] : solo.run(1s)) CHECK(cargo_on(check).empty());
}

TEST_CASE("Cargo rides on the answer to the check that it answers", "[agent][cargo]") {
  Solo solo;
  solo.begin();
  const auto check = solo.check();
  solo.agent.set_cargo(many);
  CHECK(cargo_on(answer_to(solo, check)) == many);
  solo.agent.set_cargo({});
  CHECK(cargo_on(answer_to(solo, solo.check())).empty());
}

TEST_CASE("An address that nobody has heard from is sent little, the peer's own all of it", "[agent][cargo]") {
  Solo solo;
  solo.add_remote(remote);
  solo.agent.set_cargo(many);
  solo.begin();
  const auto before = solo.checks();
  REQUIRE(before.size() == 1);
  CHECK(cargo_on(before[0]).empty());
  REQUIRE(solo.receive(remote, solo.check()));
  const auto triggered = solo.checks();
  REQUIRE(triggered.size() == 1);
  CHECK(cargo_on(triggered[0]) == many);
}

TEST_CASE("What does not fit into a datagram does not ride", "[agent][cargo]") {
  Solo solo;
  solo.begin();
  solo.agent.set_cargo(Bytes(most_cargo + 1));
  CHECK(cargo_on(answer_to(solo, solo.check())).empty());
}

TEST_CASE("A foreign agent is sent no cargo", "[agent][cargo]") {
  Solo solo;
  solo.add_remote(remote);
  solo.agent.set_cargo(few);
  solo.begin(Dialect::rfc);
  CHECK(cargo_on(solo.checks().at(0)).empty());
  CHECK(cargo_on(answer_to(solo, solo.check())).empty());
}

TEST_CASE("Cargo is taken from the peer's checks and answers, and from nobody else's", "[agent][cargo]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  SeededRng rng{7};
  const auto id = stun::make_transaction_id(rng);
  const auto asked = message_of(solo.checks().at(0))->transaction_id();
  const auto check_by = [&](const Credentials& peer, const Credentials& own) {
    auto check = solo.plain();
    check.priority = 1;
    return from(remote, write_check(id, check, peer, own, few));
  };
  const auto answer_by = [&](const stun::TransactionId& to, std::string_view password) {
    return from(remote, write_success(to, remote, password, Dialect::natkit, few));
  };
  const auto& own = solo.agent.credentials();
  CHECK(solo.agent.cargo_in(check_by(solo.peer, own)) == few);
  CHECK(solo.agent.cargo_in(answer_by(asked, solo.peer.password)) == few);

  CHECK(solo.agent.cargo_in(check_by(solo.peer, {own.ufrag, "another password 12345"})).empty());
  CHECK(solo.agent.cargo_in(check_by({"stranger", solo.peer.password}, own)).empty());
  CHECK(solo.agent.cargo_in(answer_by(asked, own.password)).empty());
  CHECK(solo.agent.cargo_in(answer_by(id, solo.peer.password)).empty());
  CHECK(solo.agent.cargo_in(from(remote, {0, 1, 2})).empty());
}
