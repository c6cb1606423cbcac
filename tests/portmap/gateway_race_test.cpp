// One gateway asked in several languages at once: who wins, and what becomes of the others.
#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using Set = void (*)(RouterConfig&);

/// A keeper's race, decided; what stands at the router then.
struct Race {
  explicit Race(const RouterConfig& config, const sim::LinkConfig& link = {.delay = 100us}, std::uint64_t seed = 1)
      : lan(seed, link), rng(seed) {
    lan.add_router(config);
    keeper = std::make_unique<Keeper>(wishing(lan), journal, rng);
    lan.attach(*keeper);
    REQUIRE(lan.run_until([&] { return is_decided(*keeper); }, bound));
    took = lan.now() - Instant{};
    lan.run_for(3s);  // whoever lost has had his say, too
  }
  [[nodiscard]] const Grant& grant() const {
    REQUIRE(keeper->outcome(0).held);
    return keeper->outcome(0).held->layers[0];
  }

  Lan lan;
  SeededRng rng;
  MemoryJournal journal;
  std::unique_ptr<Keeper> keeper;
  Duration took{};
};
}  // namespace

TEST_CASE("PCP's answer ends the race before UPnP has asked for anything", "[gateway]") {
  const Race race{{}};
  CHECK(race.grant().via == Method::pcp);
  CHECK(race.took <= 1ms);
  CHECK(race.lan.fetched().empty());
}

TEST_CASE("UPnP alone is there as soon as the router's own delay is over", "[gateway]") {
  RouterConfig config;
  upnp_only(config);
  const Race race{config};
  CHECK(race.grant().via == Method::upnp);
  CHECK(race.took <= 60ms);  // miniupnpd holds its answer to SSDP back for 50 ms
}

TEST_CASE("Where NAT-PMP and UPnP both answer, one rule stands", "[gateway]") {
  // Whichever comes first, with tables of their own or a common one, and however long UPnP takes.
  for (const auto tables : {RouterConfig::Tables::one, RouterConfig::Tables::upnp_apart})
    for (const auto delay : {300us, 10'000us, 40'000us, 60'000us, 90'000us, 150'000us}) {
      INFO("UPnP takes " << delay.count() << " us, tables " << static_cast<int>(tables));
      RouterConfig config;
      config.pcp.speaks = sim::PcpConfig::Speaks::silent;
      config.tables = tables;
      config.igd.delay = delay;
      Race race{config};
      CHECK(race.lan.rules_of_ours().size() == 1);
      CHECK(race.lan.reach(Protocol::udp, race.grant().external) == inside);
      REQUIRE(release(race.lan, *race.keeper));
      CHECK(race.lan.rules_of_ours().empty());
      CHECK(race.journal.entries().empty());
    }
}

TEST_CASE("A slow PCP and a fast UPnP leave one rule, whoever wins", "[gateway]") {
  for (auto delay = 5ms; delay <= 400ms; delay += 15ms) {
    INFO("one way " << delay.count() << " ms");
    RouterConfig config;
    config.igd.delay = 300us;
    config.ssdp.delay = 0ms;
    Race race{config, {.delay = delay}};
    CHECK(race.lan.rules_of_ours().size() == 1);
    CHECK(race.lan.reach(Protocol::udp, race.grant().external) == inside);
    REQUIRE(release(race.lan, *race.keeper));
    CHECK(race.lan.rules_of_ours().empty());
  }
}

TEST_CASE("One method that is named is the only one that is asked", "[gateway]") {
  const auto only = GENERATE(Method::pcp, Method::nat_pmp, Method::upnp);
  INFO(to_text(only));
  Lan lan{1};
  lan.add_router({});
  MemoryJournal journal;
  SeededRng rng{1};
  Keeper keeper{wishing(lan, {.internal = inside, .only = only}), journal, rng};
  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
  REQUIRE(keeper.outcome(0).held);
  CHECK(keeper.outcome(0).held->layers[0].via == only);
  CHECK(lan.fetched().empty() == (only != Method::upnp));
  CHECK(lan.rules_of_ours().size() == 1);
}

TEST_CASE("Every method that refused is heard with its own reason", "[gateway]") {
  RouterConfig config;
  config.pcp.speaks = sim::PcpConfig::Speaks::not_authorized;
  config.igd.permission = sim::IgdConfig::Permission::nobody;
  const Race race{config};
  const auto& failed = race.keeper->outcome(0).failed;
  REQUIRE(failed);
  std::map<Method, Cause> causes;
  for (const auto& refusal : failed->refusals) causes[refusal.method] = refusal.cause;
  CHECK(causes[Method::pcp] == Cause::switched_off);
  CHECK(causes[Method::upnp] == Cause::not_authorized);
}
}  // namespace natkit::portmap::zoo
