// Links that use a server's relay only when there is no other way.
#include "catch.hpp"
#include "link/routed_encounter.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
EncounterConfig last(Box box_a, Box box_b) {
  return {.box_a = box_a,
          .box_b = box_b,
          .relay_use_a = link::RelayUse::last,
          .relay_use_b = link::RelayUse::last,
          .allocate = link::Gathering::Allocate::when_wanted};
}

std::size_t sent_to_relay(const Encounter& encounter) { return encounter.a.sent_to_relay + encounter.b.sent_to_relay; }
}  // namespace

TEST_CASE("Who meets directly sends no packet to a relay that is to be used last", "[link][relays_last][sim]") {
  Encounter encounter{last(Box::drop, Box::drop)};
  encounter.tell();
  encounter.run(2s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.connected_after() <= 60);
  encounter.run(10s);
  CHECK(sent_to_relay(encounter) == 0);
  CHECK(encounter.a.link().path()->is_direct());
}

TEST_CASE("Who meets through a member sends no packet to a relay that is to be used last", "[link][relays_last][sim]") {
  RoutedEncounter routed{last(Box::symmetric, Box::symmetric)};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(10s);
  CHECK(routed.are_routed());
  CHECK(sent_to_relay(routed.encounter) == 0);
}

TEST_CASE("Who has no other way is connected by the relay once that has been waited for", "[link][relays_last][sim]") {
  auto config = last(Box::symmetric, Box::symmetric);
  config.allocate = GENERATE(link::Gathering::Allocate::when_wanted, link::Gathering::Allocate::at_once);
  Encounter encounter{config};
  encounter.tell();
  encounter.run(10s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.a.link().path()->is_relayed());
  CHECK(encounter.connected_after() >= 1500);
  CHECK(sent_to_relay(encounter) > 0);
  CHECK(encounter.connected_after() <= 2000);
}

TEST_CASE("While a route is expected, no packet goes to a relay, however late the route is",
          "[link][relays_last][sim]") {
  RoutedEncounter routed{last(Box::symmetric, Box::symmetric)};
  for (auto* party : {&routed.encounter.a, &routed.encounter.b})
    party->hub.expect_route(*party->id, routed.encounter.net.now() + 3s);
  routed.encounter.tell();
  routed.run(2500ms);
  REQUIRE_FALSE(routed.encounter.are_secured());
  routed.add(by_x, router_x, 100);
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(10s);
  CHECK(routed.are_routed());
  CHECK(sent_to_relay(routed.encounter) == 0);
}

TEST_CASE("Who expects a route in vain is connected by the relay when its time is over", "[link][relays_last][sim]") {
  Encounter encounter{last(Box::symmetric, Box::symmetric)};
  for (auto* party : {&encounter.a, &encounter.b}) party->hub.expect_route(*party->id, encounter.net.now() + 3s);
  encounter.tell();
  encounter.run(10s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.a.link().path()->is_relayed());
  CHECK(encounter.connected_after() >= 2900);
  CHECK(encounter.connected_after() <= 3500);
}

TEST_CASE("A relay that one side uses at once and the other last connects them all the same",
          "[link][relays_last][sim]") {
  auto config = last(Box::symmetric, Box::symmetric);
  config.relay_use_a = link::RelayUse::at_once;
  Encounter encounter{config};
  encounter.tell();
  encounter.run(10s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.a.link().path()->is_relayed());
  CHECK(encounter.b.link().path()->is_relayed());
}

TEST_CASE("A relay that is held back is not spoken of to the peer", "[link][relays_last][sim]") {
  auto config = last(Box::symmetric, Box::symmetric);
  config.allocate = link::Gathering::Allocate::at_once;
  config.relay_use_b = link::RelayUse::at_once;
  Encounter encounter{config};
  encounter.run(500ms);
  const auto has_relayed = [](const Party& party) {
    return std::ranges::count(party.hub.describe(*party.id).ice.candidates, ice::Kind::relayed, &ice::Candidate::kind) >
           0;
  };
  REQUIRE(std::ranges::any_of(encounter.a.hub.gathering().candidates(), [](const ice::LocalCandidate& local) {
    return local.candidate.kind == ice::Kind::relayed;
  }));
  CHECK_FALSE(has_relayed(encounter.a));
  CHECK(has_relayed(encounter.b));
  CHECK(std::ranges::count(encounter.a.outbox, ice::Kind::relayed, &ice::Candidate::kind) == 0);
  encounter.a.hub.allow_relays(encounter.net.now(), *encounter.a.id);
  encounter.a.hear(encounter.net.now());
  CHECK(has_relayed(encounter.a));
  CHECK(std::ranges::count(encounter.a.outbox, ice::Kind::relayed, &ice::Candidate::kind) == 1);
}

TEST_CASE("When the only router leaves, a relay that was held back goes on, and no byte is lost or changed",
          "[link][relays_last][sim]") {
  RoutedEncounter routed{last(Box::symmetric, Box::symmetric)};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(1s);
  const auto bytes = numbered(1'000'000);
  Pouring pouring{routed, bytes};
  pouring.run(100ms);
  REQUIRE(routed.encounter.b.heard.size() < bytes.size());
  REQUIRE(sent_to_relay(routed.encounter) == 0);
  routed.kill(by_x);
  routed.tell_of_death(by_x);
  CHECK_FALSE(routed.encounter.a.link().path());
  pouring.run(2s);
  REQUIRE(routed.encounter.a.link().path());
  CHECK(routed.encounter.a.link().path()->is_relayed());
  pouring.run(20s);
  CHECK(routed.encounter.b.heard == bytes);
  CHECK_FALSE(routed.encounter.a.ended);
  CHECK_FALSE(routed.encounter.b.ended);
}

TEST_CASE("Who waits for relays in vain is told so in the end", "[link][relays_last][sim]") {
  auto config = last(Box::symmetric, Box::symmetric);
  config.relaying = EncounterConfig::Relaying::no;
  Encounter encounter{config};
  encounter.tell();
  encounter.run(6s, [&] { return encounter.a.ended && encounter.b.ended; });
  REQUIRE(encounter.a.ended);
  REQUIRE(encounter.b.ended);
  CHECK(encounter.a.ended->reason == link::EndReason::punch_failed);
}
