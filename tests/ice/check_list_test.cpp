#include "natkit/ice/check_list.hpp"

#include <fmt/format.h>

#include <set>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::ice;

namespace {
Endpoint at(std::string_view text) { return *parse_endpoint(text); }

LocalCandidate host(std::uint32_t base, std::string_view where) {
  return {.candidate = make_candidate(Kind::host, Transport::udp, at(where), {.base = at(where)}),
          .base = SocketId{base}};
}
Candidate remote(Kind kind, std::string_view where, Transport transport = Transport::udp) {
  return make_candidate(kind, transport, at(where), {.base = at("10.9.9.9:1")});
}
}  // namespace

TEST_CASE("Candidates of one base and one remote are one pair, at the better priority", "[check_list]") {
  CheckList list;
  const auto own = host(1, "192.168.1.10:5000");
  LocalCandidate reflexive{.candidate = make_candidate(Kind::server_reflexive, Transport::udp, at("203.0.113.7:4"),
                                                       {.base = at("192.168.1.10:5000")}),
                           .base = SocketId{1}};
  const auto peer = remote(Kind::server_reflexive, "198.51.100.9:7");
  auto* first = list.add(reflexive, peer, Role::controlling);
  REQUIRE(first);
  const auto low = first->priority;
  CHECK(list.add(own, peer, Role::controlling) == first);
  CHECK(first->priority > low);
  CHECK(list.pairs().size() == 1);
}

TEST_CASE("Addresses that cannot reach each other make no pair", "[check_list]") {
  CheckList list;
  const auto own = host(1, "192.168.1.10:5000");
  CHECK_FALSE(list.add(own, remote(Kind::host, "[2001:db8::1]:7"), Role::controlling));
  CHECK_FALSE(list.add(own, remote(Kind::host, "224.0.0.1:7"), Role::controlling));
  CHECK_FALSE(list.add(own, remote(Kind::host, "0.0.0.0:7"), Role::controlling));
  CHECK_FALSE(list.add(own, remote(Kind::host, "192.0.2.1:0"), Role::controlling));
  CHECK_FALSE(list.add(own, remote(Kind::host, "192.0.2.1:9", Transport::tcp_passive), Role::controlling));
  CHECK_FALSE(list.add(host(2, "[2001:db8::2]:5"), remote(Kind::host, "[fe80::1]:7"), Role::controlling));
  CHECK(list.add(host(3, "[fe80::2]:5"), remote(Kind::host, "[fe80::1]:7"), Role::controlling));
}

TEST_CASE("A relay is not made to talk to its owner's neighbours", "[check_list]") {
  CheckList list;
  const LocalCandidate relayed{
      .candidate = make_candidate(Kind::relayed, Transport::udp, at("198.51.100.1:50000"), {.base = at("10.0.0.1:5")}),
      .base = SocketId{9}};
  CHECK_FALSE(list.add(relayed, remote(Kind::host, "192.168.1.1:80"), Role::controlling));
  CHECK(list.add(relayed, remote(Kind::server_reflexive, "203.0.113.7:80"), Role::controlling));
}

TEST_CASE("Of one foundation one pair goes first, the others when it has succeeded", "[check_list]") {
  CheckList list;
  const auto own = host(1, "192.168.1.10:5000");
  auto first = remote(Kind::host, "10.0.0.1:1");
  auto second = remote(Kind::host, "10.0.0.1:2");
  second.foundation = first.foundation;
  const auto other = remote(Kind::server_reflexive, "203.0.113.7:3");
  (void)list.add(own, first, Role::controlling);
  (void)list.add(own, second, Role::controlling);
  (void)list.add(own, other, Role::controlling);
  CHECK(list.pairs()[0].state == PairState::waiting);
  CHECK(list.pairs()[1].state == PairState::frozen);
  CHECK(list.pairs()[2].state == PairState::waiting);
  auto& leader = list.pairs()[0];
  SECTION("unfrozen by success") {
    list.unfreeze_like(leader);
    CHECK(list.pairs()[1].state == PairState::waiting);
  }
  SECTION("not picked while the leader is busy") {
    leader.state = PairState::in_progress;
    list.pairs()[2].state = PairState::in_progress;
    CHECK_FALSE(list.has_waiting());
    leader.state = PairState::failed;
    CHECK(list.take_waiting(Order::by_priority) == &list.pairs()[1]);
  }
}

TEST_CASE("Pairs are checked by priority, or in turns with neighbours first", "[check_list]") {
  CheckList list;
  const auto own = host(1, "192.168.1.10:5000");
  for (const auto* where : {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"})
    (void)list.add(own, remote(Kind::host, where), Role::controlling);
  (void)list.add(own, remote(Kind::server_reflexive, "203.0.113.7:3"), Role::controlling);
  list.unfreeze_all();
  const auto take = [&](Order order) {
    auto* pair = list.take_waiting(order);
    REQUIRE(pair);
    pair->state = PairState::in_progress;
    return pair->remote.kind;
  };
  SECTION("by priority the reflexive one is last") {
    for (int i = 0; i < 3; ++i) CHECK(take(Order::by_priority) == Kind::host);
    CHECK(take(Order::by_priority) == Kind::server_reflexive);
  }
  SECTION("in turns it is second") {
    CHECK(take(Order::by_turns) == Kind::host);
    CHECK(take(Order::by_turns) == Kind::server_reflexive);
  }
}

TEST_CASE("A base that only opens is not checked from before the peer was heard", "[check_list]") {
  CheckList list;
  auto own = host(1, "192.168.1.10:5000");
  own.manner = Manner::opens;
  auto* pair = list.add(own, remote(Kind::server_reflexive, "203.0.113.7:3"), Role::controlling);
  REQUIRE(pair);
  CHECK_FALSE(list.has_waiting());
  CHECK(list.take_waiting(Order::by_turns) == nullptr);
  pair->heard = Pair::Heard::yes;
  CHECK(list.take_waiting(Order::by_turns) == pair);
}

TEST_CASE("The list keeps the best hundred pairs", "[check_list]") {
  CheckList list;
  const auto own = host(1, "192.168.1.10:5000");
  for (int i = 1; i <= 150; ++i) {
    auto candidate = remote(Kind::host, fmt::format("10.0.0.1:{}", i));
    candidate.priority = static_cast<std::uint32_t>(i);
    (void)list.add(own, candidate, Role::controlling);
  }
  CHECK(list.pairs().size() == CheckList::most_pairs);
  std::uint32_t least = 1000;
  for (const auto& pair : list.pairs()) least = std::min(least, pair.remote.priority);
  CHECK(least == 51);
}

TEST_CASE("A role switch gives every pair its other priority", "[check_list]") {
  CheckList list;
  auto* pair =
      list.add(host(1, "192.168.1.10:5000"), remote(Kind::server_reflexive, "203.0.113.7:3"), Role::controlling);
  const auto before = pair->priority;
  list.reprioritize(Role::controlled);
  CHECK(pair->priority == before - 1);
}
