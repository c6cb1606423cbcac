// A port that is asked for, held, given back and asked for again, beside whatever else its owner does.
#include "natkit/portmap/held_port.hpp"

#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
struct Owner {
  explicit Owner(void (*set)(RouterConfig&) = [](RouterConfig&) {}) : lan(3), rng(3) {
    RouterConfig config;
    set(config);
    lan.add_router(config);
    lan.attach(port);
  }
  void ask(HeldPort::At at = HeldPort::At::another) {
    port.ask(lan.now(), {lan.route()}, inside_port, at);
    lan.drain();
  }
  void close() {
    port.close(lan.now());
    lan.drain();
    lan.run_for(1s);
  }
  std::optional<HeldPort::Event> wait() {
    std::optional<HeldPort::Event> event;
    lan.run_until([&] { return (event = port.poll_event(lan.now())).has_value(); }, bound);
    return event;
  }
  Grant granted() {
    const auto event = wait();
    REQUIRE(event);
    REQUIRE(std::holds_alternative<HeldPort::Granted>(*event));
    return std::get<HeldPort::Granted>(*event).grant;
  }

  Lan lan;
  SeededRng rng;
  MemoryJournal journal;
  HeldPort port{{.run = RunId{1}}, journal, rng};
};
}  // namespace

TEST_CASE("A port of the router's is asked for once, leads here, and is given back", "[held_port][sim]") {
  Owner owner;
  CHECK_FALSE(owner.port.is_asked());
  CHECK_FALSE(owner.port.poll_timeout());
  owner.ask();
  owner.ask();
  const auto grant = owner.granted();
  CHECK(owner.port.held()->external == grant.external);
  CHECK(grant.external.port != inside_port);
  CHECK(owner.lan.reach(Protocol::udp, grant.external) == inside);
  CHECK(owner.lan.rules_of_ours().size() == 1);
  CHECK(owner.journal.entries().size() == 1);
  owner.close();
  CHECK_FALSE(owner.port.held());
  CHECK_FALSE(owner.port.poll_timeout());
  CHECK(owner.lan.rules_of_ours().empty());
  CHECK(owner.journal.entries().empty());
}

TEST_CASE("Who names a port of its own is given that one", "[held_port][sim]") {
  Owner owner;
  owner.ask(HeldPort::At::same);
  CHECK(owner.granted().external.port == inside_port);
}

TEST_CASE("What is held is renewed for hours", "[held_port][sim]") {
  Owner owner;
  owner.ask();
  const auto grant = owner.granted();
  owner.lan.run_for(3h);
  CHECK_FALSE(owner.port.poll_event(owner.lan.now()));
  CHECK(owner.lan.reach(Protocol::udp, grant.external) == inside);
}

TEST_CASE("What was given back can be asked for again, by its old number, also while it is being given back",
          "[held_port][sim]") {
  const auto waits = GENERATE(true, false);
  Owner owner;
  owner.ask();
  const auto first = owner.granted();
  if (waits)
    owner.close();
  else
    owner.port.close(owner.lan.now());
  owner.ask();
  const auto second = owner.granted();
  CHECK(second.external == first.external);
  CHECK(owner.lan.reach(Protocol::udp, second.external) == inside);
  CHECK(owner.lan.rules_of_ours().size() == 1);
  owner.close();
  CHECK(owner.lan.rules_of_ours().empty());
  CHECK(owner.journal.entries().empty());
}

TEST_CASE("A router that opens nothing is told with the rule to enter by hand, and is left in peace",
          "[held_port][sim]") {
  Owner owner{[](RouterConfig& router) {
    nat_pmp_only(router);
    router.nat_pmp.presence = sim::Presence::off;
  }};
  owner.ask();
  const auto event = owner.wait();
  REQUIRE(event);
  REQUIRE(std::holds_alternative<HeldPort::Refused>(*event));
  const auto& refused = std::get<HeldPort::Refused>(*event);
  CHECK(refused.why == "silent");
  REQUIRE(refused.diagnosis.rule);
  CHECK(refused.diagnosis.rule->internal == inside);
  CHECK(refused.diagnosis.rule->protocol == Protocol::udp);
  CHECK_FALSE(owner.port.is_asked());
  owner.lan.run_for(5s);
  const auto sent = owner.lan.datagrams_sent();
  owner.lan.run_for(1h);
  CHECK(owner.lan.datagrams_sent() == sent);
}

TEST_CASE("Without a way out nobody is asked, and that is the answer", "[held_port]") {
  Owner owner;
  owner.port.ask(owner.lan.now(), {}, inside_port, HeldPort::At::another);
  const auto event = owner.port.poll_event(owner.lan.now());
  REQUIRE(event);
  CHECK(std::get<HeldPort::Refused>(*event).why == "no-gateway");
  CHECK_FALSE(owner.port.poll_socket());
  CHECK_FALSE(owner.port.poll_transmit());
  CHECK_FALSE(owner.port.poll_timeout());
}
}  // namespace natkit::portmap::zoo
