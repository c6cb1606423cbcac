// What members tell each other of their NATs, and what is told from that of a pair that was never tried.
#include "natkit/mesh/nat.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "catch.hpp"
#include "link/encounter.hpp"
#include "mesh/world.hpp"

using namespace natkit;
using namespace std::chrono_literals;
using mesh::Need;
using test::Box;

namespace {
using enum Behavior;

mesh::NatFindings findings_of(Box box) {
  switch (box) {
    case Box::open:
    case Box::full_cone:
      return {.mapping = endpoint_independent, .filtering = endpoint_independent};
    case Box::restricted:
      return {.mapping = endpoint_independent, .filtering = address_dependent};
    case Box::symmetric:
      return {.mapping = address_and_port_dependent, .filtering = address_and_port_dependent};
    default:
      return {.mapping = endpoint_independent, .filtering = address_and_port_dependent};
  }
}

mesh::Need between(test::World& world, unsigned by, unsigned a, unsigned b) {
  const auto& member = world.at(by);
  const auto& view = *member.view();
  return member.need_between(world.local(by), view.find(world.id_of(a))->self, view.find(world.id_of(b))->self);
}

const mesh::NatFindings hard{.mapping = address_and_port_dependent, .filtering = address_and_port_dependent};
const mesh::NatFindings strict{.mapping = endpoint_independent, .filtering = address_and_port_dependent};
}  // namespace

TEST_CASE("Any byte that tells of a NAT means something, and none tells nothing", "[mesh][nat]") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto found = mesh::unpack(mesh::Nat{static_cast<std::uint8_t>(byte)});
    const auto again = mesh::unpack(mesh::pack(found));
    CHECK(again.mapping == found.mapping);
    CHECK(again.filtering == found.filtering);
    CHECK(again.has_port == found.has_port);
    CHECK(again.is_blocked == found.is_blocked);
  }
  CHECK(mesh::pack(mesh::NatFindings{}) == mesh::Nat{});
  CHECK(mesh::unpack(mesh::Nat{7}).mapping.is_unknown());
  const mesh::NatFindings two{.mapping = {endpoint_independent, address_dependent}, .filtering = address_dependent};
  CHECK(mesh::unpack(mesh::pack(two)).mapping == two.mapping);
  CHECK(mesh::unpack(mesh::pack(two)).filtering == two.filtering);
}

TEST_CASE("A pair is predicted to be direct exactly where no port has to be guessed", "[mesh][nat]") {
  for (const auto a : test::boxes)
    for (const auto b : test::boxes) {
      CAPTURE(test::to_text(a), test::to_text(b));
      const auto need = mesh::need_of(findings_of(a), findings_of(b));
      CHECK((need == Need::direct) == !test::needs_guessing(a, b));
      CHECK(need == mesh::need_of(findings_of(b), findings_of(a)));
    }
  CHECK(mesh::need_of(hard, strict) == Need::prediction);
  CHECK(mesh::need_of(hard, hard) == Need::relay);
}

TEST_CASE("A port at the router lets everybody in, whatever the NAT does, unless no UDP passes", "[mesh][nat]") {
  auto mapped = hard;
  mapped.has_port = true;
  CHECK(mesh::need_of(mapped, hard) == Need::direct);
  CHECK(mesh::need_of(mapped, {}) == Need::direct);
  CHECK(mesh::reach_of(mapped) == mesh::Reach::open);
  mapped.is_blocked = true;
  CHECK(mesh::need_of(mapped, findings_of(Box::open)) == Need::relay);
  CHECK(mesh::reach_of(mapped) == mesh::Reach::hard);
}

TEST_CASE("What was not measured is not guessed, and what is certain all the same is said", "[mesh][nat]") {
  const mesh::NatFindings steady{.mapping = endpoint_independent};
  CHECK(mesh::need_of({}, {}) == Need::unknown);
  CHECK(mesh::need_of({}, hard) == Need::unknown);
  CHECK(mesh::need_of(steady, hard) == Need::unknown);
  CHECK(mesh::need_of(steady, steady) == Need::direct);
  CHECK(mesh::reach_of({}) == mesh::Reach::unknown);
  CHECK(mesh::reach_of(steady) == mesh::Reach::easy);
  CHECK(mesh::reach_of({.mapping = {endpoint_independent, address_dependent}}) == mesh::Reach::unknown);
  CHECK(mesh::reach_of({.mapping = {address_dependent, address_and_port_dependent}}) == mesh::Reach::hard);
  for (const auto reach : {mesh::Reach::unknown, mesh::Reach::hard, mesh::Reach::easy, mesh::Reach::open})
    CHECK(mesh::reach_of(mesh::findings_of(reach)) == reach);
}

TEST_CASE("Every member predicts every pair from what each has told of its NAT", "[mesh][nat]") {
  test::World world{{.seed = 12}};
  world.gather(4);
  CHECK(between(world, 0, 1, 2) == Need::unknown);
  const std::map<unsigned, mesh::NatFindings> nats{{0, findings_of(Box::open)}, {1, hard}, {2, hard}, {3, strict}};
  for (const auto& [number, nat] : nats) world.at(number).set_reach(mesh::reach_of(nat), mesh::pack(nat));
  world.run_for(1500ms);
  for (unsigned by = 0; by < 4; ++by) {
    CAPTURE(by);
    CHECK(between(world, by, 0, 1) == Need::direct);
    CHECK(between(world, by, 1, 2) == Need::relay);
    CHECK(between(world, by, 1, 3) == Need::prediction);
    CHECK(between(world, by, 2, 0) == Need::direct);
  }
  CHECK(world.fault().empty());
}

TEST_CASE("Who is kept out for want of a link is told what that link would have taken", "[mesh][nat]") {
  test::World world{{.seed = 7, .settings = {.name = "den", .shape = {mesh::Shape::Kind::full}}}};
  world.gather(4);
  world.at(2).set_reach(mesh::Reach::easy, mesh::pack(strict));
  world.run_for(1500ms);
  world.never_connect(2, 4);
  const auto joiner = world.add();
  world.at(joiner).set_reach(mesh::Reach::hard, mesh::pack(hard));
  REQUIRE(world.run_until([&] { return world.at(joiner).is_over(); }, 20s));
  const auto& told = world.told(joiner);
  const auto refused =
      std::ranges::find_if(told, [](const auto& each) { return std::holds_alternative<mesh::NotJoined>(each.event); });
  REQUIRE(refused != told.end());
  const auto& event = std::get<mesh::NotJoined>(refused->event);
  CHECK(event.reason == mesh::Refusal::not_all_reached);
  REQUIRE(event.peers == std::vector{world.id_of(2)});
  CHECK(event.needs == std::vector{Need::prediction});
}

TEST_CASE("A member that is willing takes a relay's place, where it is expected to be linked with both",
          "[mesh][nat]") {
  const auto willing = [](test::World&, unsigned from, unsigned, mesh::Message& message) {
    if (auto* request = std::get_if<mesh::JoinRequest>(&message); request && from == 1) request->self.forwards = 4;
  };
  const auto kind = GENERATE(mesh::Shape::Kind::routed, mesh::Shape::Kind::full);
  test::World world{{.seed = 12, .settings = {.name = "den", .shape = {kind}}, .tamper = willing}};
  world.gather(4);
  world.at(2).set_reach(mesh::Reach::hard, mesh::pack(hard));
  world.at(3).set_reach(mesh::Reach::hard, mesh::pack(hard));
  world.run_for(1500ms);
  CHECK(between(world, 0, 2, 3) == Need::relay);  // what the willing one's network does is not known
  world.at(1).set_reach(mesh::Reach::open, mesh::pack(findings_of(Box::open)));
  world.run_for(1500ms);
  CHECK(between(world, 0, 2, 3) == (kind == mesh::Shape::Kind::routed ? Need::member : Need::relay));
}
