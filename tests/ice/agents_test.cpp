#include "natkit/ice/agents.hpp"

#include "catch.hpp"
#include "ice/solo.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;

TEST_CASE("Agents on one socket are told apart by fragment, transaction and path", "[agents]") {
  SeededRng rng{4};
  const auto own = "192.168.1.10:5000"_ep;
  const auto remote = "198.51.100.9:7000"_ep;
  const Credentials peer{.ufrag = "peer", .password = "0123456789012345678901"};
  Agent one{{.local = make_credentials(rng)}, rng};
  Agent two{{.local = make_credentials(rng)}, rng};
  const Instant now{1h};
  Agents agents;
  for (auto* agent : {&one, &two}) {
    agent->add_local(now, {.candidate = make_candidate(Kind::host, Transport::udp, own, {.base = own}), .base = base});
    agent->add_remote(now, make_candidate(Kind::host, Transport::udp, remote, {}));
    agent->set_remote(now, peer, Dialect::natkit);
    agent->start(now);
    REQUIRE(agents.add(*agent));
  }
  const auto datagram = [&](Bytes payload) {
    return Datagram{.socket = base, .remote = remote, .payload = std::move(payload)};
  };

  const auto check = write_check({}, {.role = Role::controlled, .priority = 1}, peer, two.credentials());
  CHECK(agents.handle_datagram(now, datagram(check)) == &two);
  CHECK(agents.at_path(base, remote) == &two);

  const auto asked = one.poll_transmit();
  REQUIRE(asked);
  const auto id = stun::parse_message(asked->payload)->transaction_id();
  CHECK(agents.handle_datagram(now, datagram(write_success(id, own, peer.password))) == &one);
  CHECK(one.path());

  CHECK(agents.handle_datagram(now, datagram({1, 2, 3})) == nullptr);
  CHECK_FALSE(agents.add(one));

  SECTION("a restarted one is known by both fragments") {
    const auto old = write_check({}, {.role = Role::controlled, .priority = 1}, peer, one.credentials());
    one.restart(now, make_credentials(rng));
    agents.rename(one);
    CHECK(agents.receiver(datagram(old)) == &one);
    const auto fresh = write_check({}, {.role = Role::controlled, .priority = 1}, peer, one.credentials());
    CHECK(agents.receiver(datagram(fresh)) == &one);
  }
  SECTION("one that left gets nothing more") {
    agents.remove(two);
    CHECK(agents.receiver(datagram(check)) == nullptr);
    CHECK(agents.size() == 1);
  }
}

TEST_CASE("There is an end to agents on one socket", "[agents]") {
  SeededRng rng{4};
  std::deque<Agent> many;
  Agents agents;
  for (std::size_t i = 0; i < Agents::most_agents; ++i)
    REQUIRE(agents.add(many.emplace_back(Agent::Config{.local = make_credentials(rng)}, rng)));
  CHECK_FALSE(agents.add(many.emplace_back(Agent::Config{.local = make_credentials(rng)}, rng)));
}
