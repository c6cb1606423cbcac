// Candidates that lead through a third member.
#include "natkit/ice/routed.hpp"

#include "catch.hpp"
#include "ice/solo.hpp"
#include "natkit/ice/candidate_line.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;

namespace {
Bytes id(std::uint8_t number) { return Bytes(32, number); }
const Bytes own_id = id(1), peer_id = id(2), router_id = id(3), other_router_id = id(4);
constexpr SocketId route{65536}, other_route{65537};

LocalCandidate by_route(SocketId socket, const Bytes& router) {
  return {.candidate = make_routed(virtual_endpoint(router, own_id)), .base = socket};
}
Candidate peer_at(const Bytes& router) { return make_routed(virtual_endpoint(router, peer_id)); }
LocalCandidate host(std::string_view where) {
  const auto endpoint = *parse_endpoint(where);
  return {.candidate = make_candidate(Kind::host, Transport::udp, endpoint, {.base = endpoint}), .base = SocketId{1}};
}

/// Two routes that both work, and nothing else; the first one is in use.
struct TwoRoutes {
  explicit TwoRoutes(Role role) : solo(role) {
    solo.agent.add_local(solo.now, {.candidate = make_routed(virtual_endpoint(router_id, own_id), 200), .base = route});
    solo.agent.add_local(
        solo.now, {.candidate = make_routed(virtual_endpoint(other_router_id, own_id), 100), .base = other_route});
    for (const auto& router : {router_id, other_router_id}) solo.agent.add_remote(solo.now, peer_at(router));
    solo.begin();
    answer_all();
    solo.pass(0ms);
  }
  void answer_all() {
    for (int i = 0; i < 4; ++i)
      for (const auto& check : solo.checks()) solo.answer(check, virtual_endpoint(router_id, own_id));
  }
  Solo solo;
};
}  // namespace

TEST_CASE("A virtual endpoint names a router and a member, and either can be told apart", "[routed]") {
  const auto one = virtual_endpoint(router_id, own_id);
  CHECK(one == virtual_endpoint(router_id, own_id));
  CHECK(one != virtual_endpoint(router_id, peer_id));
  CHECK(is_virtual(one.address));
  CHECK_FALSE(is_virtual("[fd00::1]:1"_ep.address));
  CHECK_FALSE(is_virtual("192.0.2.1:1"_ep.address));
  CHECK(are_at_one_router(one.address, virtual_endpoint(router_id, peer_id).address));
  CHECK_FALSE(are_at_one_router(one.address, virtual_endpoint(other_router_id, own_id).address));
}

TEST_CASE("A routed candidate survives being written and read", "[routed]") {
  const auto candidate = peer_at(router_id);
  const auto line = write_candidate(candidate);
  CHECK(line.find(" typ routed") != std::string::npos);
  const auto parsed = parse_candidate(line);
  REQUIRE(parsed);
  CHECK(*parsed == candidate);
}

TEST_CASE("Routed comes after everything direct, TCP too, and before relayed", "[routed]") {
  CHECK(priority(Kind::routed, Transport::udp, 65535) < priority(Kind::server_reflexive, Transport::tcp_active, 0));
  CHECK(priority(Kind::routed, Transport::udp, 0) > priority(Kind::relayed, Transport::udp, 65535));
}

TEST_CASE("What is routed pairs with what is routed by the same member, and with nothing else", "[routed]") {
  CheckList list;
  const auto role = Role::controlling;
  CHECK(list.add(by_route(route, router_id), peer_at(router_id), role));
  CHECK_FALSE(list.add(by_route(route, router_id), peer_at(other_router_id), role));
  const auto place = "[2001:db8::1]:7"_ep;
  CHECK_FALSE(list.add(by_route(route, router_id), make_candidate(Kind::host, Transport::udp, place, {}), role));
  CHECK_FALSE(list.add(host("[2001:db8::2]:5"), peer_at(router_id), role));
  CHECK_FALSE(list.add(host("[fdab:681e:223f::5]:5"), peer_at(router_id), role));
  // A peer that calls a virtual address its own, or a real one routed.
  const auto odd = virtual_endpoint(router_id, peer_id);
  CHECK_FALSE(list.add(host("[2001:db8::2]:5"), make_candidate(Kind::host, Transport::udp, odd, {}), role));
  CHECK_FALSE(list.add(by_route(route, router_id), make_candidate(Kind::host, Transport::udp, odd, {}), role));
  CHECK_FALSE(list.add(by_route(route, router_id), make_routed(place), role));
}

TEST_CASE("Nothing is opened for a route, and no fresh socket asked for on its account", "[routed]") {
  Solo solo;
  solo.agent.add_local(solo.now, by_route(route, router_id));
  solo.agent.add_remote(solo.now, peer_at(router_id));
  solo.agent.handle_timeout(solo.now);
  CHECK(solo.sent().empty());
  solo.begin();
  for (const auto& [ms, out] : solo.run(1s)) {
    CHECK(out.hop_limit == 64);
    CHECK(out.socket == route);
    CHECK(out.remote == virtual_endpoint(router_id, peer_id));
  }
  CHECK(solo.count<Agent::WantsFreshBase>() == 0);
}

TEST_CASE("A peer that is met at a router before it was announced is routed all the same", "[routed]") {
  Solo solo;
  solo.agent.add_local(solo.now, by_route(route, router_id));
  solo.begin();
  (void)solo.checks();
  const auto from = virtual_endpoint(router_id, peer_id);
  solo.receive(from, solo.check(), route);
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 1);
  solo.answer(checks[0], virtual_endpoint(router_id, own_id));
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->is_routed());
  CHECK_FALSE(solo.agent.path()->is_direct());
  CHECK(message_of(checks[0])->u32(stun::AttributeType::priority) ==
        priority(Kind::routed, Transport::udp, preference_of(Manner::fires)));
  // It has one address there: another one makes nothing grow.
  solo.receive(virtual_endpoint(router_id, id(9)), solo.check(), route);
  CHECK(solo.agent.pairs().size() == 1);
}

TEST_CASE("A router that is dropped is followed by the other one in the same call", "[routed]") {
  const auto role = GENERATE(Role::controlling, Role::controlled);
  TwoRoutes two{role};
  auto& agent = two.solo.agent;
  REQUIRE(agent.path());
  REQUIRE(agent.path()->socket == route);
  two.solo.now += 1s;
  two.answer_all();
  (void)two.solo.count<Agent::PathLost>();
  two.solo.events.clear();

  agent.remove_local(two.solo.now, route);
  REQUIRE(agent.path());
  CHECK(agent.path()->socket == other_route);
  CHECK(two.solo.count<Agent::PathLost>() == 1);
  CHECK(two.solo.count<Agent::PathSelected>() == 1);
  for (const auto& pair : agent.pairs()) CHECK(pair.local.base != route);
  // Nothing is answered there any more.
  (void)two.solo.sent();
  two.solo.receive(virtual_endpoint(router_id, peer_id), two.solo.check(), route);
  for (const auto& out : two.solo.sent()) CHECK(out.socket == other_route);
}

TEST_CASE("A router that is dropped while it is only the backup changes nothing", "[routed]") {
  TwoRoutes two{Role::controlling};
  two.solo.agent.remove_local(two.solo.now, other_route);
  REQUIRE(two.solo.agent.path());
  CHECK(two.solo.agent.path()->socket == route);
  CHECK(two.solo.count<Agent::PathLost>() == 0);
}

TEST_CASE("The last route that is dropped leaves no path", "[routed]") {
  TwoRoutes two{Role::controlling};
  two.solo.agent.remove_local(two.solo.now, route);
  two.solo.agent.remove_local(two.solo.now, other_route);
  CHECK_FALSE(two.solo.agent.path());
  CHECK(two.solo.count<Agent::PathLost>() == 2);
}
