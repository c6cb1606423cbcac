// What happens to a mapping that is held: routers restart, addresses change, the machine sleeps, leases are many.
#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
struct Household {
  explicit Household(std::uint64_t seed, void (*set)(RouterConfig&) = [](RouterConfig&) {}) : lan(seed), rng(seed) {
    RouterConfig config;
    set(config);
    lan.add_router(config);
    keeper = std::make_unique<Keeper>(wishing(lan), journal, rng);
    lan.attach(*keeper);
    REQUIRE(lan.run_until([&] { return is_decided(*keeper); }, bound));
    REQUIRE(keeper->outcome(0).held);
  }
  [[nodiscard]] Endpoint external() const { return keeper->outcome(0).held->layers.back().external; }
  [[nodiscard]] bool is_open() { return lan.reach(Protocol::udp, external()) == inside; }
  sim::PortMapper& router() { return *lan.routers()[0]; }

  Lan lan;
  SeededRng rng;
  MemoryJournal journal;
  std::unique_ptr<Keeper> keeper;
};
}  // namespace

TEST_CASE("Zoo: a router that returns with an empty table has its mapping back within two seconds", "[zoo][sim]") {
  const auto set = GENERATE(
      +[](RouterConfig&) {}, +pcp_only, +nat_pmp_only, +upnp_only,
      +[](RouterConfig& r) { upnp_only(r), r.igd.restart_port = sim::IgdConfig::RestartPort::another; });
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Household home{seed, set};
    const auto before = home.external();
    home.lan.run_for(100s + std::chrono::seconds{seed * 7});
    home.router().reboot(home.lan.now(), std::chrono::seconds{seed});
    home.lan.run_for(std::chrono::seconds{seed});
    REQUIRE(home.lan.run_until([&] { return home.is_open(); }, 2s));
    CHECK(home.external() == before);
    REQUIRE(release(home.lan, *home.keeper));
    CHECK(home.lan.rules_of_ours().empty());
    CHECK(home.journal.entries().empty());
  }
}

TEST_CASE("Zoo: a router that restarts without a word has its mapping back by the next renewal", "[zoo][sim]") {
  Household home{1, +[](RouterConfig& r) { r.announces = RouterConfig::Announces::nothing; }};
  home.lan.run_for(100s);
  home.router().reboot(home.lan.now(), 1s);
  CHECK(home.lan.run_until([&] { return home.is_open(); }, 7200s * 5 / 8));
}

TEST_CASE("Zoo: a new external address is told within two seconds", "[zoo][sim]") {
  const auto set = GENERATE(+[](RouterConfig&) {}, +nat_pmp_only);
  Household home{1, set};
  const auto port = home.external().port;
  home.lan.run_for(100s);
  home.router().set_external(home.lan.now(), IpAddress::v4(0x0B000077));
  REQUIRE(home.lan.run_until([&] { return home.external().address == IpAddress::v4(0x0B000077); }, 2s));
  CHECK(home.external().port == port);
  CHECK(home.is_open());
}

TEST_CASE("Zoo: over days a mapping is never closed and never lapses", "[zoo][sim]") {
  const auto set = GENERATE(
      +[](RouterConfig&) {}, +nat_pmp_only, +upnp_only,
      +[](RouterConfig& r) {
        upnp_only(r);
        r.igd.leases = sim::IgdConfig::Leases::silently_shortened;
      });
  Household home{1, set};
  for (int minute = 0; minute < 2 * 24 * 60; minute += 5) {
    home.lan.run_for(300s);
    REQUIRE(home.is_open());
  }
}

TEST_CASE("Zoo: a machine that slept over its lease has it back within two seconds of waking", "[zoo][sim]") {
  Household home{1};
  const auto before = home.external();
  home.lan.suspend_for(5h);
  REQUIRE(home.lan.rules_of_ours().empty());
  REQUIRE(home.lan.run_until([&] { return home.is_open(); }, 2s));
  CHECK(home.external() == before);
}

TEST_CASE("Zoo: a host with another address maps that one", "[zoo][sim]") {
  Household home{1};
  const auto moved = IpAddress::v4(0xC0A84D17);
  home.lan.run_for(60s);
  home.lan.set_host(moved);
  home.keeper->handle_routes(home.lan.now(), {home.lan.route()});
  home.lan.drain();
  const auto is_back = [&] {
    return home.keeper->outcome(0).held &&
           home.lan.reach(Protocol::udp, home.external()) == Endpoint{moved, inside_port};
  };
  REQUIRE(home.lan.run_until(is_back, 5s));
}

TEST_CASE("Zoo: a grant whose answer was lost is met again by the next try, with its nonce", "[zoo][sim]") {
  Lan lan{1};
  RouterConfig config;
  pcp_only(config);
  lan.add_router(config);
  lan.lose_answers_for(1100ms);
  MemoryJournal journal;
  SeededRng rng{1};
  Keeper keeper{wishing(lan), journal, rng};
  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
  REQUIRE(keeper.outcome(0).failed);
  REQUIRE(lan.rules_of_ours().size() == 1);  // it did what we asked, and we do not know
  REQUIRE(lan.run_until([&] { return keeper.outcome(0).held.has_value(); }, bound));
  CHECK(lan.reach(Protocol::udp, keeper.outcome(0).held->layers[0].external) == inside);
  REQUIRE(release(lan, keeper));
  CHECK(lan.rules_of_ours().empty());
}

TEST_CASE("Zoo: what a router made of questions whose answers were all lost is taken back without a word from it",
          "[zoo][sim]") {
  const auto set = GENERATE(pcp_only, nat_pmp_only);
  Lan lan{1};
  RouterConfig config;
  set(config);
  lan.add_router(config);
  lan.lose_answers_for(10s);
  MemoryJournal journal;
  SeededRng rng{1};
  auto wish = wishing(lan);
  wish.goal = Keeper::Goal::once;
  Keeper keeper{wish, journal, rng};
  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, 1100ms));
  CHECK(keeper.outcome(0).failed);
  CHECK(journal.entries().empty());
  lan.run_for(1s);
  CHECK(lan.rules_of_ours().empty());
}

TEST_CASE("Zoo: a thousand leases of one run are renewed in time and not all at once", "[zoo][sim]") {
  Lan lan{1};
  lan.add_router({});
  MemoryJournal journal;
  SeededRng rng{1};
  auto config = wishing(lan);
  config.wishes.clear();
  for (std::uint16_t port = 0; port < 1000; ++port)
    config.wishes.push_back({.internal = {host_address, static_cast<std::uint16_t>(10000 + port)}});
  Keeper keeper{config, journal, rng};
  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
  REQUIRE(lan.rules_of_ours().size() == 1000);

  std::size_t busiest = 0;
  for (int second = 0; second < 7200; second += 10) {
    const auto before = lan.datagrams_sent();
    lan.run_for(10s);
    busiest = std::max(busiest, lan.datagrams_sent() - before);
  }
  CHECK(lan.rules_of_ours().size() == 1000);
  CHECK(busiest <= 200);  // 1000 renewals over an eighth of the lifetime: 11 in ten seconds on average
  REQUIRE(release(lan, keeper));
  CHECK(lan.rules_of_ours().empty());
}
}  // namespace natkit::portmap::zoo
