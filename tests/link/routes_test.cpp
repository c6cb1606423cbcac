// Links that go through a third member, in virtual time.
#include "catch.hpp"
#include "link/routed_encounter.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
/// Two who can only meet by guessing.
EncounterConfig hard(EncounterConfig::Relaying relaying) {
  return {.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = relaying};
}
}  // namespace

TEST_CASE("Two who cannot meet directly are secured through a third member", "[link][routes][sim]") {
  RoutedEncounter routed{hard(EncounterConfig::Relaying::no)};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  CHECK(routed.are_routed());
  CHECK(routed.encounter.a.link().path()->remote ==
        ice::virtual_endpoint(router_x, identity_of("b").fingerprint().digest));
  CHECK(routed.carried > 0);
}

TEST_CASE("A route that comes up while there is a direct path changes nothing, and is better than a relay",
          "[link][routes][sim]") {
  RoutedEncounter routed{hard(EncounterConfig::Relaying::yes)};
  routed.encounter.tell();
  routed.run(1s);
  REQUIRE(routed.encounter.a.link().path()->is_relayed());
  routed.add(by_x, router_x, 100);
  routed.run(500ms);
  CHECK(routed.are_routed());
}

TEST_CASE(
    "When the router leaves, the next one or the relay goes on in the same moment, and no byte is lost or changed",
    "[link][routes][sim]") {
  const auto relaying = GENERATE(EncounterConfig::Relaying::yes, EncounterConfig::Relaying::no);
  RoutedEncounter routed{hard(relaying)};
  routed.add(by_x, router_x, 200);
  const bool has_backup = relaying == EncounterConfig::Relaying::no;
  if (has_backup) routed.add(by_y, router_y, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(1s);
  REQUIRE(routed.are_routed());
  REQUIRE(routed.encounter.a.link().path()->socket == by_x);
  const auto bytes = numbered(2'000'000);
  Pouring pouring{routed, bytes};
  pouring.run(200ms);
  const auto before = routed.encounter.b.heard.size();
  REQUIRE(before > 0);
  REQUIRE(before < bytes.size());

  routed.kill(by_x);
  routed.tell_of_death(by_x);
  for (auto* party : {&routed.encounter.a, &routed.encounter.b}) {
    REQUIRE(party->link().path());
    CHECK(party->link().path()->is_routed() == has_backup);
    CHECK(party->link().path()->is_relayed() != has_backup);
  }
  pouring.run(20s);
  CHECK(routed.encounter.b.heard == bytes);
  CHECK_FALSE(routed.encounter.a.ended);
}

TEST_CASE("A router that falls silent is noticed by the two, and they go on by the other", "[link][routes][sim]") {
  RoutedEncounter routed{hard(EncounterConfig::Relaying::no)};
  routed.add(by_x, router_x, 200);
  routed.add(by_y, router_y, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  const auto bytes = numbered(1'000'000);
  Pouring pouring{routed, bytes};
  pouring.run(100ms);
  routed.kill(by_x);
  pouring.run(2s);
  REQUIRE(routed.encounter.a.link().path());
  CHECK(routed.encounter.a.link().path()->socket == by_y);
  pouring.run(20s);
  CHECK(routed.encounter.b.heard == bytes);
}

TEST_CASE("A route is of one link: what comes by it under another name, or from elsewhere, is passed over",
          "[link][routes][sim]") {
  RoutedEncounter routed{hard(EncounterConfig::Relaying::no)};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  auto& a = routed.encounter.a;
  const auto now = routed.encounter.net.now();
  const auto peer = identity_of("b").fingerprint().digest;
  const auto add = [&](link::LinkId link, SocketId route, const Endpoint& own) {
    return a.hub.add_route(now, link, route, own).has_value();
  };
  const auto own = ice::virtual_endpoint(router_y, identity_of("a").fingerprint().digest);
  CHECK_FALSE(add(link::LinkId{99}, by_y, own));
  CHECK_FALSE(add(*a.id, SocketId{0}, own));
  CHECK_FALSE(add(*a.id, by_y, "192.0.2.1:1"_ep));
  CHECK_FALSE(add(*a.id, by_x, own));
  CHECK_FALSE(add(*a.id, by_y, ice::virtual_endpoint(router_x, peer)));
  // No route of that number, and an address that is another router's.
  for (const auto& [route, router] : {std::pair{by_y, router_y}, std::pair{by_x, router_y}})
    a.hub.handle_routed(now, *a.id,
                        {.socket = route, .remote = ice::virtual_endpoint(router, peer), .payload = Bytes(20, 1)});
  CHECK_FALSE(a.hub.poll_routed());
  for (std::uint16_t number = 10; number < 30; ++number) {
    const Bytes router(32, static_cast<std::uint8_t>(number));
    static_cast<void>(add(*a.id, link::Gathering::route_socket(number), ice::virtual_endpoint(router, peer)));
  }
  const auto description = a.hub.describe(*a.id);
  CHECK(std::ranges::count(description.ice.candidates, ice::Kind::routed, &ice::Candidate::kind) ==
        link::Hub::most_routes);
}
