// More than one router: beside one another, behind one another, in two families, or a thousand of them.
#include <array>

#include "catch.hpp"
#include "natkit/portmap/diagnosis.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using sim::IgdConfig;
using sim::PcpConfig;
using sim::Presence;
using sim::SsdpConfig;

const auto inner_external = IpAddress::v4(0x0A000002);  // 10.0.0.2
const auto outer_inside = IpAddress::v4(0x0A000001);    // 10.0.0.1
const auto beside_inside = IpAddress::v4(0xC0A84DFE);   // 192.168.77.254
const auto beside_external = IpAddress::v4(0x0B000002);

using Set = void (*)(RouterConfig&);
void all_three(RouterConfig& /*router*/) {}
void nothing(RouterConfig& router) {
  upnp_only(router);
  router.ssdp.presence = router.igd.presence = Presence::off;
}

RouterConfig made_by(Set set) {
  RouterConfig router;
  set(router);
  return router;
}

/// A run of one keeper, from its start to what it decides.
struct Run {
  explicit Run(Keeper::Config config, Lan& network)
      : lan(network), keeper(std::make_unique<Keeper>(std::move(config), journal, rng)) {
    lan.attach(*keeper);
  }
  ~Run() { lan.kill(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void decide() {
    REQUIRE(lan.run_until([&] { return is_decided(*keeper); }, 12s));
  }
  [[nodiscard]] const Keeper::Held& held() const {
    REQUIRE(keeper->outcome(0).held);
    return *keeper->outcome(0).held;
  }
  [[nodiscard]] Endpoint external() const { return held().layers.back().external; }
  [[nodiscard]] Diagnosis diagnosis(const Route& route) const {
    REQUIRE(keeper->outcome(0).failed);
    return diagnose(symptoms_of({.internal = inside}, route, *keeper->outcome(0).failed));
  }
  [[nodiscard]] bool is_open() { return keeper->outcome(0).held && lan.reach(Protocol::udp, external()) == inside; }
  void end() {
    REQUIRE(release(lan, *keeper));
    CHECK(lan.rules_of_ours().empty());
    CHECK(journal.entries().empty());
  }

  Lan& lan;
  SeededRng rng{1};
  MemoryJournal journal;
  std::unique_ptr<Keeper> keeper;
};
}  // namespace

// Two gateways on one network -----------------------------------------------------------------------------------------

namespace {
/// The second router, which is no way out of this host, answers faster.
sim::PortMapper& add_beside(Lan& lan, Set set = upnp_only) {
  auto router = made_by(set);
  router.inside = beside_inside;
  router.external = beside_external;
  router.ssdp.delay = 1ms;
  return lan.add_router(router);
}
}  // namespace

TEST_CASE("Zoo: of two gateways the one on the way out is asked, however fast the other one is", "[zoo][sim]") {
  const auto set = GENERATE(+all_three, +upnp_only, +nat_pmp_only, +pcp_only);
  Lan lan{1};
  lan.add_router(made_by(set));
  auto& beside = add_beside(lan, all_three);
  Run run{wishing(lan), lan};
  run.decide();
  CHECK(run.is_open());
  CHECK(beside.rules(lan.now()).empty());
  run.end();
}

TEST_CASE("Zoo: of two UPnP gateways a connected one goes before one that is not", "[zoo][sim]") {
  Lan lan{1};
  auto config = made_by(upnp_only);
  config.igd.status = "Disconnected";
  lan.add_router(config);
  auto& beside = add_beside(lan);
  Run run{wishing(lan), lan};
  run.decide();
  CHECK(run.external() == Endpoint{beside_external, inside_port});
  CHECK(beside.forward(lan.now(), Protocol::udp, inside_port) == inside);
  run.end();
}

TEST_CASE("Zoo: a gateway beside a mute router is used, and another run can take the mapping back", "[zoo][sim]") {
  Lan lan{1};
  lan.add_router(made_by(nothing));
  auto& beside = add_beside(lan);
  MemoryJournal journal;
  SeededRng rng{1};
  {
    Keeper keeper{wishing(lan), journal, rng};
    lan.attach(keeper);
    REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
    REQUIRE(keeper.outcome(0).held);
    CHECK(beside.forward(lan.now(), Protocol::udp, inside_port) == inside);
    lan.kill();
  }
  const auto results = collect(lan, journal, rng);
  REQUIRE(results.size() == 1);
  CHECK(results[0].end == Removal::Result::End::gone);
  CHECK(lan.rules_of_ours().empty());
}

// One behind the other ------------------------------------------------------------------------------------------------

namespace {
RouterConfig inner(Set set) {
  auto router = made_by(set);
  router.external = inner_external;
  return router;
}
RouterConfig outer(Set set) {
  auto router = made_by(set);
  router.inside = outer_inside;
  return router;
}
Keeper::Config through_all(const Lan& lan) {
  auto config = wishing(lan);
  config.layers = Keeper::Layers::all;
  return config;
}
}  // namespace

TEST_CASE("Zoo: two NATs are gone through whatever each of them speaks, and left clean", "[zoo][layers][sim]") {
  const auto first = GENERATE(+all_three, +upnp_only, +nat_pmp_only, +pcp_only);
  const auto second = GENERATE(+all_three, +upnp_only, +nat_pmp_only, +pcp_only);
  Lan lan{1};
  lan.add_router(inner(first));
  lan.add_outer_router(outer(second));
  Run run{through_all(lan), lan};
  run.decide();
  REQUIRE(run.held().layers.size() == 2);
  CHECK(run.held().layers[0].gateway == lan.route().router);
  CHECK(run.held().layers[1].gateway == outer_inside);
  CHECK(run.external().address == RouterConfig{}.external);
  CHECK(run.is_open());
  CHECK(run.journal.entries().size() == 2);
  run.end();
}

TEST_CASE("Zoo: three NATs in a row are gone through", "[zoo][layers][sim]") {
  Lan lan{1};
  lan.add_router(inner(all_three));
  auto middle = outer(nat_pmp_only);
  middle.external = IpAddress::v4(0xAC100002);  // 172.16.0.2
  lan.add_outer_router(middle);
  auto last = made_by(upnp_only);
  last.inside = IpAddress::v4(0xAC100001);
  lan.add_outer_router(last);
  Run run{through_all(lan), lan};
  run.decide();
  CHECK(run.held().layers.size() == 3);
  CHECK(run.is_open());
  run.end();
}

TEST_CASE("Zoo: without --through-all the nearest gateway alone is asked, and its address is told",
          "[zoo][layers][sim]") {
  Lan lan{1};
  lan.add_router(inner(all_three));
  auto& second = lan.add_outer_router(outer(all_three));
  Run run{wishing(lan), lan};
  run.decide();
  CHECK(run.held().layers.size() == 1);
  CHECK(run.external().address == inner_external);
  CHECK(second.rules(lan.now()).empty());
  run.end();
}

TEST_CASE("Zoo: when the outer gateway refuses, the inner mapping is taken back", "[zoo][layers][sim]") {
  const auto set = GENERATE(
      +nothing, +[](RouterConfig& r) { r.table_size = 0; },
      +[](RouterConfig& r) {
        r.pcp.speaks = PcpConfig::Speaks::not_authorized, r.nat_pmp.presence = Presence::off,
        r.ssdp.presence = Presence::off;
      });
  Lan lan{1};
  lan.add_router(inner(all_three));
  lan.add_outer_router(outer(set));
  auto config = through_all(lan);
  config.goal = Keeper::Goal::once;
  Run run{config, lan};
  run.decide();
  REQUIRE(run.keeper->outcome(0).failed);
  CHECK(run.keeper->outcome(0).failed->gateways == std::vector{outer_inside});
  const auto diagnosis = run.diagnosis(lan.route());
  CHECK(diagnosis.cause == Cause::double_nat);
  CHECK(diagnosis.sentence.find("10.0.0.1") != std::string::npos);
  REQUIRE(lan.run_to_end(bound));
  CHECK(lan.rules_of_ours().empty());
  CHECK(run.journal.entries().empty());
}

TEST_CASE("Zoo: a provider's NAT that answers nothing is told as what it is", "[zoo][layers][sim]") {
  Lan lan{1};
  auto home = made_by(all_three);
  home.external = IpAddress::v4(0x64400007);  // 100.64.0.7, RFC 6598
  lan.add_router(home);
  auto provider = made_by(nothing);
  provider.inside = IpAddress::v4(0x64400001);
  lan.add_outer_router(provider);
  Run run{through_all(lan), lan};
  run.decide();
  const auto diagnosis = run.diagnosis(lan.route());
  INFO(diagnosis.sentence);
  CHECK(diagnosis.cause == Cause::carrier_nat);
  REQUIRE(release(lan, *run.keeper));
  CHECK(lan.rules_of_ours().empty());
}

TEST_CASE("Zoo: the same network on both sides of a NAT is told, because nobody behind it can be asked",
          "[zoo][layers][sim]") {
  // Quirk 26: 192.168.77.0/24 twice. The outer router has the inner one's very address, or another one of the same
  // network, which this host would look for on its own side.
  const auto address = GENERATE(IpAddress::v4(0xC0A84D01), IpAddress::v4(0xC0A84DC8));
  Lan lan{1};
  auto first = made_by(all_three);
  first.external = IpAddress::v4(0xC0A84D32);  // 192.168.77.50
  lan.add_router(first);
  auto second = made_by(all_three);
  second.inside = address;
  lan.add_outer_router(second);
  auto config = through_all(lan);
  config.goal = Keeper::Goal::once;
  Run run{config, lan};
  const auto began = lan.now();
  run.decide();
  CHECK(lan.now() - began < 1s);
  const auto diagnosis = run.diagnosis(lan.route());
  INFO(diagnosis.sentence);
  CHECK(diagnosis.cause == Cause::double_nat);
  CHECK(diagnosis.next_step == NextStep::join_routers);
  CHECK(diagnosis.sentence.find("same network") != std::string::npos);
  CHECK(diagnosis.sentence.find("192.168.77.50") != std::string::npos);
  REQUIRE(lan.run_to_end(bound));
  CHECK(lan.rules_of_ours().empty());
}

TEST_CASE("Zoo: whichever of two NATs restarts, the way through both is back within two seconds",
          "[zoo][layers][sim]") {
  const auto which = GENERATE(std::size_t{0}, std::size_t{1});
  Lan lan{1};
  lan.add_router(inner(all_three));
  lan.add_outer_router(outer(all_three));
  Run run{through_all(lan), lan};
  run.decide();
  const auto before = run.external();
  lan.run_for(100s);
  lan.routers()[which]->reboot(lan.now(), 1s);
  lan.run_for(1s);
  // The outer one's announcement does not come through the inner one: that waits for the next renewal.
  REQUIRE(lan.run_until([&] { return run.is_open(); }, which == 0 ? 2s : 7200s));
  CHECK(run.external() == before);
  run.end();
}

TEST_CASE("Zoo: killed, a run through two NATs leaves nothing that another one cannot take back",
          "[zoo][layers][sim]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    SeededRng dice{seed};
    Lan lan{seed};
    const std::array<Set, 4> kinds{all_three, upnp_only, nat_pmp_only, pcp_only};
    lan.add_router(inner(kinds.at(dice.below(4))));
    lan.add_outer_router(outer(kinds.at(dice.below(4))));
    MemoryJournal journal;
    {
      Keeper keeper{through_all(lan), journal, dice};
      lan.attach(keeper);
      lan.run_for(std::chrono::microseconds{dice.below(500'000)});
      lan.kill();
    }
    lan.run_for(1s);
    collect(lan, journal, dice);
    CHECK(lan.rules_of_ours().empty());
    CHECK(journal.entries().empty());
  }
}

// IPv6: nothing to translate, a port to be let through
// ------------------------------------------------------------------

namespace {
RouterConfig with_v6(Set set) {
  auto router = made_by(set);
  router.inside_v6 = router_v6;
  router.igd.pinholes = IgdConfig::Pinholes::allowed;
  return router;
}
Keeper::Config wishing_v6(const Lan& lan, const std::vector<IpAddress>& addresses = {host_address_v6}) {
  auto config = wishing(lan);
  config.routes.clear();
  config.wishes.clear();
  for (const auto& address : addresses) {
    config.routes.push_back(lan.route_v6(address));
    config.wishes.push_back({.internal = {address, inside_port}});
  }
  return config;
}
void end_v6(Run& run) {
  REQUIRE(release(run.lan, *run.keeper));
  CHECK(run.lan.routers()[0]->pinholes(run.lan.now()).empty());
  CHECK(run.journal.entries().empty());
}
}  // namespace

TEST_CASE("Zoo: a port of an IPv6 address is opened by PCP or by an IGD pinhole", "[zoo][ipv6][sim]") {
  const auto [set, via] =
      GENERATE(table<Set, Method>({{all_three, Method::pcp}, {pcp_only, Method::pcp}, {upnp_only, Method::upnp}}));
  Lan lan{1};
  lan.add_router(with_v6(set));
  Run run{wishing_v6(lan), lan};
  run.decide();
  INFO("by " << to_text(via));
  CHECK(run.held().layers[0].via == via);
  CHECK(run.external() == Endpoint{host_address_v6, inside_port});
  CHECK(lan.reach(Protocol::udp, run.external()) == run.external());
  CHECK_FALSE(lan.reach(Protocol::tcp, run.external()));
  CHECK(lan.routers()[0]->pinholes(lan.now()).size() == 1);
  for (const auto& url : lan.fetched()) CHECK(url.starts_with("http://[fe80::1]:5000/"));

  lan.run_for(5h);  // renewals
  CHECK(lan.reach(Protocol::udp, run.external()) == run.external());
  CHECK(lan.routers()[0]->pinholes(lan.now()).size() == 1);
  lan.routers()[0]->reboot(lan.now(), 1s);
  lan.run_for(1s);
  CHECK(lan.run_until([&] { return lan.reach(Protocol::udp, run.external()).has_value(); }, 2s));
  // A pinhole has a number, and one whose number is still on its way cannot be closed.
  lan.run_for(1s);
  end_v6(run);
}

TEST_CASE("Zoo: of several IPv6 addresses each is opened by a request from itself", "[zoo][ipv6][sim]") {
  // Quirk 25: a stable and a temporary address on one interface; routers refuse requests for another (miniupnp#731).
  const auto set = GENERATE(+pcp_only, +upnp_only);
  Lan lan{1};
  lan.add_router(with_v6(set));
  Run run{wishing_v6(lan, {host_address_v6, temporary_v6}), lan};
  run.decide();
  for (std::size_t wish = 0; wish < 2; ++wish) {
    REQUIRE(run.keeper->outcome(wish).held);
    const auto& external = run.keeper->outcome(wish).held->layers[0].external;
    CHECK(lan.reach(Protocol::udp, external) == external);
  }
  CHECK(lan.routers()[0]->pinholes(lan.now()).size() == 2);
  end_v6(run);
}

TEST_CASE("Zoo: pinholes that a router does not allow are refused by name", "[zoo][ipv6][sim]") {
  // Quirk 24: a Fritz!Box with InboundPinholeAllowed 0; a router of old without the service.
  const auto pinholes = GENERATE(IgdConfig::Pinholes::not_allowed, IgdConfig::Pinholes::absent);
  Lan lan{1};
  auto router = with_v6(upnp_only);
  router.igd.pinholes = pinholes;
  lan.add_router(router);
  Run run{wishing_v6(lan), lan};
  run.decide();
  const auto diagnosis = run.diagnosis(lan.route_v6());
  INFO(diagnosis.sentence);
  CHECK(diagnosis.cause == Cause::switched_off);
  CHECK(diagnosis.next_step == NextStep::switch_on);
  end_v6(run);
}

TEST_CASE("Zoo: IPv4 and IPv6 of one host are held side by side", "[zoo][ipv6][sim]") {
  Lan lan{1};
  lan.add_router(with_v6(all_three));
  auto config = wishing_v6(lan);
  config.routes.push_back(lan.route());
  config.wishes.push_back({.internal = inside});
  Run run{config, lan};
  run.decide();
  REQUIRE(run.keeper->outcome(0).held);
  REQUIRE(run.keeper->outcome(1).held);
  CHECK(lan.reach(Protocol::udp, run.keeper->outcome(1).held->layers[0].external) == inside);
  CHECK(lan.rules_of_ours().size() == 1);
  end_v6(run);
  CHECK(lan.rules_of_ours().empty());
}

// A thousand answers --------------------------------------------------------------------------------------------------

TEST_CASE("Zoo: a thousand devices that answer SSDP before the router do not hide it", "[zoo][flood][sim]") {
  Lan lan{1};
  lan.add_router(made_by(upnp_only));
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto liar = made_by(upnp_only);
    liar.inside = IpAddress::v4(0xC0A80000 + i);  // 192.168.0.0 …
    liar.ssdp.delay = 1ms;
    liar.igd.services = IgdConfig::Services::none;
    lan.add_router(liar);
  }
  Run run{wishing(lan), lan};
  run.decide();
  CHECK(run.is_open());
  CHECK(lan.fetched().size() <= 32);
  run.end();
}

TEST_CASE("Zoo: a thousand locations of one host are not all read", "[zoo][flood][sim]") {
  // Whoever forges the router's address can hide it from UPnP, but neither hold us up nor have us fetch at will.
  Lan lan{1};
  auto router = made_by(upnp_only);
  router.ssdp.decoys = 1000;
  lan.add_router(router);
  Run run{wishing(lan), lan};
  const auto began = lan.now();
  run.decide();
  REQUIRE(run.keeper->outcome(0).failed);
  CHECK(lan.now() - began < 3s);
  CHECK(lan.fetched().size() <= 6);
}
}  // namespace natkit::portmap::zoo
