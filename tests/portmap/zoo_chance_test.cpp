// Thousands of runs over routers of random make and networks of random quality, and machines killed at random moments:
// whatever happens, no grant is wrong, every run ends, and what is left behind stands in the journal.
#include <array>

#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using sim::IgdConfig;
using sim::NatPmpConfig;
using sim::PcpConfig;
using sim::Presence;
using sim::SsdpConfig;

template <class Enum>
Enum pick(Rng& rng, std::uint64_t count) {
  return static_cast<Enum>(rng.below(count));
}

/// Honest, but with any combination of the quirks.
RouterConfig random_router(Rng& rng) {
  RouterConfig router;
  router.pcp.speaks = pick<PcpConfig::Speaks>(rng, 5);
  router.pcp.nonce_check = pick<PcpConfig::NonceCheck>(rng, 3);
  router.pcp.delete_absent = pick<PcpConfig::DeleteAbsent>(rng, 2);
  router.pcp.announce = pick<PcpConfig::AnnounceOpcode>(rng, 3);
  router.nat_pmp.presence = pick<Presence>(rng, 2);
  router.nat_pmp.port_zero = pick<NatPmpConfig::PortZero>(rng, 2);
  router.nat_pmp.result = rng.chance(0.8) ? NatPmpConfig::Result::as_is : pick<NatPmpConfig::Result>(rng, 3);
  router.ssdp.presence = rng.chance(0.8) ? Presence::on : Presence::off;
  router.ssdp.hears = pick<SsdpConfig::Hears>(rng, 3);
  router.ssdp.targets = pick<SsdpConfig::Targets>(rng, 4);
  router.ssdp.copies = 1 + rng.below(3);
  router.igd.delay = std::chrono::microseconds{300 + rng.below(200'000)};
  router.igd.services = pick<IgdConfig::Services>(rng, 5);
  router.igd.leases = pick<IgdConfig::Leases>(rng, 7);
  router.igd.conflict = pick<IgdConfig::Conflict>(rng, 3);
  router.igd.again = pick<IgdConfig::Again>(rng, 2);
  router.igd.delete_absent = pick<IgdConfig::DeleteAbsent>(rng, 2);
  router.igd.add_any = pick<IgdConfig::AddAny>(rng, 2);
  router.tables = pick<RouterConfig::Tables>(rng, 2);
  return router;
}

sim::LinkConfig random_link(Rng& rng) {
  return {.delay = std::chrono::microseconds{50 + rng.below(2000)},
          .jitter = std::chrono::microseconds{rng.below(5000)},
          .loss = 0.15 * rng.unit(),
          .duplicate = 0.2 * rng.unit(),
          .reorder = 0.2 * rng.unit()};
}

/// Every rule that leads to us is one that the journal knows, and so could be taken back by `gc`.
bool are_all_written_down(Lan& lan, const MemoryJournal& journal) {
  const auto entries = journal.entries();
  return std::ranges::all_of(lan.rules_of_ours(), [&](const sim::Rule& rule) {
    return std::ranges::any_of(entries, [&](const JournalEntry& entry) {
      return entry.protocol == rule.protocol && entry.internal_port == rule.internal.port;
    });
  });
}

void make_run(std::uint64_t seed) {
  INFO("seed " << seed);
  SeededRng dice{seed};
  Lan lan{seed, random_link(dice)};
  const auto router = random_router(dice);
  lan.add_router(router);
  MemoryJournal journal;
  const auto protocol = pick<Protocol>(dice, 2);
  Keeper keeper{wishing(lan, {.protocol = protocol, .internal = inside}), journal, dice};

  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, 15s));
  const auto& outcome = keeper.outcome(0);
  if (outcome.held) {
    const auto& external = outcome.held->layers[0].external;
    CHECK(lan.reach(protocol, {router.external, external.port}) == inside);
    if (!external.address.is_unspecified()) CHECK(external.address == router.external);
    CHECK(journal.entries().size() == 1);
  }
  // What the network still holds back could make a mapping anew after its removal, or be that removal.
  lan.run_for(50ms);
  CHECK(are_all_written_down(lan, journal));
  REQUIRE(release(lan, keeper));
  CHECK(are_all_written_down(lan, journal));
}
}  // namespace

TEST_CASE("Zoo: over lossy networks and any mix of quirks no grant is wrong and nothing is forgotten", "[zoo][sim]") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) make_run(seed);
}

namespace {
/// One method named by the user, or none.
std::optional<Method> random_method(Rng& rng) {
  constexpr std::array methods{Method::pcp, Method::nat_pmp, Method::upnp};
  const auto place = rng.below(methods.size() + 1);
  return place < methods.size() ? std::optional{methods[place]} : std::nullopt;
}

/// A run that ends as `kill -9` does, at any moment of its life.
void kill_and_collect(std::uint64_t seed) {
  INFO("seed " << seed);
  SeededRng dice{seed};
  const bool is_lossy = dice.chance(0.5);
  Lan lan{seed, {.delay = 100us, .loss = is_lossy ? 0.1 : 0.0}};
  lan.add_router(random_router(dice));
  MemoryJournal journal;
  auto life = std::chrono::microseconds{dice.below(400'000)};
  {
    Keeper keeper{wishing(lan, {.internal = inside, .only = random_method(dice)}), journal, dice};
    lan.attach(keeper);
    const bool was_releasing = dice.chance(0.3);
    if (was_releasing) {
      lan.run_until([&] { return is_decided(keeper); }, bound);
      keeper.release(lan.now());
      lan.drain();
      life /= 4;
    }
    lan.run_for(life);
    lan.kill();
  }
  lan.run_for(1s);  // what was under way still arrives
  CHECK(are_all_written_down(lan, journal));

  // A run of `gc` that was not answered keeps the entry, and the next one asks again.
  for (int attempts = is_lossy ? 5 : 1; attempts > 0 && !journal.entries().empty(); --attempts)
    collect(lan, journal, dice);

  CHECK(lan.rules_of_ours().empty());
}
}  // namespace

TEST_CASE("Zoo: killed at any moment, a run leaves nothing that its journal cannot take back", "[zoo][sim]") {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) kill_and_collect(seed);
}

TEST_CASE("Zoo: the nonce in the journal opens a mapping of another run to renewal and removal", "[zoo][sim]") {
  Lan lan{1};
  RouterConfig router;
  pcp_only(router);
  lan.add_router(router);
  MemoryJournal journal;
  SeededRng rng{1};
  auto config = wishing(lan);
  config.goal = Keeper::Goal::once;
  Keeper first{config, journal, rng};
  lan.attach(first);
  REQUIRE(lan.run_to_end(bound));
  REQUIRE(first.outcome(0).held);
  REQUIRE(first.keep());
  lan.kill();
  lan.run_for(600s);

  config.run = RunId{2};
  config.known = journal.entries();
  Keeper second{config, journal, rng};
  lan.attach(second);
  REQUIRE(lan.run_to_end(bound));
  REQUIRE(second.outcome(0).held);
  lan.kill();
  REQUIRE(lan.rules_of_ours().size() == 1);
  CHECK(lan.rules_of_ours()[0].expires == lan.now() + 7200s - 100us);

  SECTION("A run without the journal is refused") {
    MemoryJournal another;
    config.known.clear();
    Keeper stranger{config, another, rng};
    lan.attach(stranger);
    REQUIRE(lan.run_to_end(bound));
    CHECK(stranger.outcome(0).failed);
    CHECK(lan.rules_of_ours().size() == 1);
    lan.kill();
  }
  const auto results = collect(lan, journal, rng);
  REQUIRE(results.size() == 1);
  CHECK(results[0].end == Removal::Result::End::gone);
  CHECK(lan.rules_of_ours().empty());
  CHECK(journal.entries().empty());
}
}  // namespace natkit::portmap::zoo
