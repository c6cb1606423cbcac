#include "natkit/report/relayed_peers.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr NetworkId home{1, 2, 3};
constexpr NetworkId cafe{4, 5, 6};
constexpr std::chrono::sys_seconds moment{1'795'333'374s};
const auto anna = "203.0.113.7"_ip, ben = "203.0.113.8"_ip;

RelayedPeer relayed(const IpAddress& peer, std::chrono::sys_seconds at, std::string_view name = "blue whale",
                    const NetworkId& network = home) {
  const auto meeting = meeting_id(network, name);
  return {.meeting = meeting, .peer = peer_id(meeting, peer), .at = at};
}
}  // namespace

TEST_CASE("To whom no direct path was found is known again, with the time since", "[relayed_peers]") {
  RelayedPeers peers;
  CHECK_FALSE(relayed_ago(peers, relayed(anna, moment).peer, moment));
  note_relayed(peers, relayed(anna, moment));
  CHECK(is_relay_expected(peers, relayed(anna, moment).meeting));
  CHECK(relayed_ago(peers, relayed(anna, moment).peer, moment + 3h) == Duration{3h});
  CHECK(relayed_ago(peers, relayed(anna, moment).peer, moment - 1s) == Duration{0s});
}

TEST_CASE("Another peer, another name and another network are not what is remembered", "[relayed_peers]") {
  RelayedPeers peers;
  note_relayed(peers, relayed(anna, moment));
  CHECK_FALSE(relayed_ago(peers, relayed(ben, moment).peer, moment));
  CHECK_FALSE(relayed_ago(peers, relayed(anna, moment, "red whale").peer, moment));
  CHECK_FALSE(relayed_ago(peers, relayed(anna, moment, "blue whale", cafe).peer, moment));
  CHECK(is_relay_expected(peers, relayed(ben, moment).meeting));  // he has not come yet
  CHECK_FALSE(is_relay_expected(peers, relayed(anna, moment, "red whale").meeting));
  CHECK_FALSE(is_relay_expected(peers, relayed(anna, moment, "blue whale", cafe).meeting));
}

TEST_CASE("A direct path drops the memory of this peer, and of no other", "[relayed_peers]") {
  RelayedPeers peers;
  note_relayed(peers, relayed(anna, moment));
  note_relayed(peers, relayed(ben, moment));
  CHECK(note_direct(peers, relayed(anna, moment).peer) == Learned::something);
  CHECK(note_direct(peers, relayed(anna, moment).peer) == Learned::nothing);
  CHECK_FALSE(relayed_ago(peers, relayed(anna, moment).peer, moment));
  CHECK(relayed_ago(peers, relayed(ben, moment).peer, moment));
}

TEST_CASE("A peer is remembered for a day, and never one of tomorrow", "[relayed_peers]") {
  RelayedPeers peers;
  note_relayed(peers, relayed(anna, moment));
  forget_old(peers, moment + 24h);
  CHECK(peers.size() == 1);
  forget_old(peers, moment + 24h + 1s);
  CHECK(peers.empty());
  note_relayed(peers, relayed(anna, moment));
  forget_old(peers, moment - 1s);
  CHECK(peers.empty());
}

TEST_CASE("What was found in vain again is remembered from then on, once", "[relayed_peers]") {
  RelayedPeers peers;
  note_relayed(peers, relayed(anna, moment));
  note_relayed(peers, relayed(anna, moment + 5h));
  REQUIRE(peers.size() == 1);
  CHECK(relayed_ago(peers, peers.front().peer, moment + 6h) == Duration{1h});
}

TEST_CASE("Of too many peers the one heard of longest ago is forgotten", "[relayed_peers]") {
  RelayedPeers peers;
  for (std::size_t i = 0; i <= most_relayed_peers; ++i) {
    note_relayed(peers, relayed(anna, moment, "room " + std::to_string(i)));
    if (i == 1) note_relayed(peers, relayed(anna, moment + 1s, "room 0"));
  }
  CHECK(peers.size() == most_relayed_peers);
  CHECK(is_relay_expected(peers, meeting_id(home, "room 0")));
  CHECK_FALSE(is_relay_expected(peers, meeting_id(home, "room 1")));
}
