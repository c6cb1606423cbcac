// What went by which kind of way, in virtual time.
#include "catch.hpp"
#include "link/routed_encounter.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr std::size_t poured = 300'000;

link::Traffic of(Party& party) { return party.link().traffic(); }

void pour(RoutedEncounter& routed) {
  routed.encounter.tell();
  routed.run(3s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(500ms);
  const auto bytes = numbered(poured);
  Pouring pouring{routed, bytes};
  pouring.run(20s);
  REQUIRE(routed.encounter.b.heard.size() == poured);
}

/// Besides what was poured: records, acknowledgements, checks.
void check_poured(const link::Volume& sent, const link::Volume& received) {
  CHECK(sent.sent > poured);
  CHECK(sent.sent < poured * 5 / 4);
  CHECK(received.received > poured);
  CHECK(received.received <= sent.sent);
}
}  // namespace

TEST_CASE("What goes by a direct path counts as direct, at both ends", "[link][traffic][sim]") {
  RoutedEncounter routed{{.relaying = EncounterConfig::Relaying::no}};
  pour(routed);
  check_poured(of(routed.encounter.a).direct, of(routed.encounter.b).direct);
  CHECK(of(routed.encounter.a).routed == link::Volume{});
  CHECK(of(routed.encounter.a).relayed == link::Volume{});
}

TEST_CASE("What goes through a member counts as routed, and the checks beside it as direct", "[link][traffic][sim]") {
  RoutedEncounter routed{{.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = EncounterConfig::Relaying::no}};
  routed.add(by_x, router_x, 100);
  pour(routed);
  check_poured(of(routed.encounter.a).routed, of(routed.encounter.b).routed);
  CHECK(of(routed.encounter.a).direct.sent > 0);
  CHECK(of(routed.encounter.a).direct.sent < poured / 10);
  CHECK(of(routed.encounter.a).relayed == link::Volume{});
}

TEST_CASE("What goes by a server's relay counts as relayed", "[link][traffic][sim]") {
  RoutedEncounter routed{
      {.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = EncounterConfig::Relaying::yes}};
  pour(routed);
  check_poured(of(routed.encounter.a).relayed, of(routed.encounter.b).relayed);
  CHECK(of(routed.encounter.a).direct.sent < poured / 10);
  CHECK(of(routed.encounter.a).routed == link::Volume{});
}
