// What a member finds out of its own network: behind every kind of NAT, and at routers that open ports or do not.
#include "natkit/mesh/own_reach.hpp"

#include <memory>

#include "catch.hpp"
#include "natkit/sim/network.hpp"
#include "natkit/stun/responder.hpp"
#include "portmap/zoo.hpp"

namespace natkit::mesh {
namespace {
using namespace std::chrono_literals;
using enum Behavior;
using Port = OwnReach::Port;
using Reason = OwnReach::Reason;
using portmap::HeldPort;

const IpAddress first = *parse_ip_address("198.51.100.1"), second = *parse_ip_address("198.51.100.2");
constexpr std::uint16_t port1 = 3478, port2 = 3479;

/// An internet with a server on two addresses.
struct Internet {
  sim::Network net{7};
  stun::Responder responder{{.listeners = {{.socket = SocketId{0}, .endpoint = {first, port1}},
                                           {.socket = SocketId{1}, .endpoint = {first, port2}},
                                           {.socket = SocketId{2}, .endpoint = {second, port1}},
                                           {.socket = SocketId{3}, .endpoint = {second, port2}}}},
                            net.rng()};

  Internet() {
    auto& server = net.add_host({.addresses = {first, second}});
    server.attach(responder, {{SocketId{0}, {first, port1}},
                              {SocketId{1}, {first, port2}},
                              {SocketId{2}, {second, port1}},
                              {SocketId{3}, {second, port2}}});
  }
  void measure(OwnReach& reach, sim::Gateway& behind) {
    net.run(reach, net.add_host(behind));
    REQUIRE(reach.poll_event({}));
  }
};

/// At a router that is asked for a port.
struct Home {
  explicit Home(void (*set)(sim::RouterConfig&) = [](sim::RouterConfig&) {}) {
    sim::RouterConfig config;
    set(config);
    lan.add_router(config);
    lan.attach(reach);
  }
  void ask() {
    reach.ask_router(lan.now(), {lan.route()}, portmap::zoo::inside_port, HeldPort::At::another);
    lan.drain();
  }
  std::optional<OwnReach::Event> wait() {
    std::optional<OwnReach::Event> event;
    lan.run_until([&] { return (event = reach.poll_event(lan.now())).has_value(); }, portmap::zoo::bound);
    return event;
  }

  portmap::Lan lan{3};
  SeededRng rng{3};
  portmap::MemoryJournal journal;
  OwnReach reach{{}, std::make_unique<HeldPort>(HeldPort::Config{}, journal, rng), rng};
};
}  // namespace

TEST_CASE("A member finds out how its NAT answers strangers, and why that is so", "[mesh][own_reach][sim]") {
  struct Case {
    Behavior mapping, filtering;
    Reach reach;
    Reason reason;
  };
  const auto [mapping, filtering, reach, reason] = GENERATE(
      values<Case>({{endpoint_independent, endpoint_independent, Reach::open, Reason::open},
                    {endpoint_independent, address_dependent, Reach::easy, Reason::same_port},
                    {endpoint_independent, address_and_port_dependent, Reach::easy, Reason::same_port},
                    {address_dependent, address_dependent, Reach::hard, Reason::port_each_peer},
                    {address_and_port_dependent, address_and_port_dependent, Reach::hard, Reason::port_each_peer}}));
  Internet internet;
  OwnReach own{{.servers = {{first, port1}}}, nullptr, internet.net.rng()};
  CHECK(own.reason() == Reason::measuring);
  CHECK(own.reach() == Reach::unknown);
  CHECK_FALSE(own.is_settled());
  internet.measure(own, internet.net.add_nat({.mapping = mapping, .filtering = filtering}));
  CHECK(own.is_settled());
  CHECK(own.reach() == reach);
  CHECK(own.reason() == reason);
  CHECK(own.findings().mapping == mapping);
  CHECK(own.findings().filtering == filtering);
  CHECK(own.port_state() == Port::not_asked);
  CHECK_FALSE(own.poll_timeout());
}

TEST_CASE("What a server inside says of a NAT is no word about the world, and silence is none either",
          "[mesh][own_reach][sim]") {
  Internet internet;
  OwnReach inside{{.servers = {{*parse_ip_address("127.0.0.1"), port1}}}, nullptr, internet.net.rng()};
  inside.start({});
  CHECK_FALSE(inside.poll_transmit());
  CHECK(inside.reason() == Reason::not_measured);
  CHECK(inside.is_settled());

  OwnReach silent{{.servers = {{*parse_ip_address("198.51.100.77"), port1}}}, nullptr, internet.net.rng()};
  internet.measure(silent, internet.net.add_nat());
  CHECK(silent.reason() == Reason::no_answer);
  CHECK(silent.reach() == Reach::unknown);
}

TEST_CASE("A port of the router's opens a host, also while it is given back, until none is granted",
          "[mesh][own_reach][sim]") {
  Home home;
  CHECK(home.reach.port_state() == Port::not_asked);
  CHECK(home.reach.reason() == Reason::not_measured);
  home.ask();
  CHECK(home.reach.port_state() == Port::asking);
  CHECK_FALSE(home.reach.is_settled());
  const auto event = home.wait();
  REQUIRE(event);
  REQUIRE(std::holds_alternative<OwnReach::PortOpened>(*event));
  const auto external = std::get<OwnReach::PortOpened>(*event).external;
  CHECK(home.lan.reach(Protocol::udp, external) == portmap::zoo::inside);
  CHECK(home.reach.port_state() == Port::held);
  CHECK(home.reach.reach() == Reach::open);
  CHECK(home.reach.reason() == Reason::mapped);
  CHECK(home.reach.findings().has_port);

  home.reach.close_port(home.lan.now());
  home.lan.drain();
  home.lan.run_for(1s);
  CHECK(home.lan.rules_of_ours().empty());
  CHECK(home.reach.port_state() == Port::given_back);
  CHECK(home.reach.reach() == Reach::open);

  home.ask();
  CHECK(home.reach.port_state() == Port::asking);
  REQUIRE(home.wait());
  CHECK(home.reach.port_state() == Port::held);
  CHECK(home.reach.grant()->external == external);
  home.reach.close(home.lan.now());
  home.lan.drain();
  home.lan.run_for(1s);
  CHECK(home.lan.rules_of_ours().empty());
  CHECK(home.journal.entries().empty());
}

TEST_CASE("A port that leads to another NAT opens nothing, and none at all is told with its reason",
          "[mesh][own_reach][sim]") {
  Home inner{[](sim::RouterConfig& router) { router.external = *parse_ip_address("192.168.1.2"); }};
  inner.ask();
  REQUIRE(inner.wait());
  CHECK(inner.reach.port_state() == Port::useless);
  CHECK(inner.reach.reach() == Reach::unknown);
  CHECK_FALSE(inner.reach.findings().has_port);

  Home mute{[](sim::RouterConfig& router) {
    portmap::zoo::nat_pmp_only(router);
    router.nat_pmp.presence = sim::Presence::off;
  }};
  mute.ask();
  const auto event = mute.wait();
  REQUIRE(event);
  CHECK(std::holds_alternative<OwnReach::PortRefused>(*event));
  CHECK(mute.reach.port_state() == Port::refused);
  REQUIRE(mute.reach.refused());
  CHECK(mute.reach.refused()->diagnosis.rule);
  CHECK(mute.reach.is_settled());
}
}  // namespace natkit::mesh
