// What another run takes back, from the journal alone.
#include "natkit/portmap/removal.hpp"

#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using Set = void (*)(RouterConfig&);
using End = Removal::Result::End;

/// A run made a mapping and was killed.
struct Leftover {
  explicit Leftover(Set set, const Wish& wish = {.internal = inside}) : lan(1), rng(1) {
    RouterConfig config;
    set(config);
    lan.add_router(config);
    Keeper keeper{wishing(lan, wish), journal, rng};
    lan.attach(keeper);
    REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
    REQUIRE(keeper.outcome(0).held);
    lan.kill();
    REQUIRE(lan.rules_of_ours().size() == 1);
    REQUIRE(journal.entries().size() == 1);
  }
  sim::PortMapper& router() { return *lan.routers()[0]; }
  Removal::Result take_back() {
    const auto results = collect(lan, journal, rng);
    REQUIRE(results.size() == 1);
    return results[0];
  }

  Lan lan;
  SeededRng rng;
  MemoryJournal journal;
};
}  // namespace

TEST_CASE("A mapping is taken back by the method that made it", "[removal]") {
  const auto [set, via] = GENERATE(
      table<Set, Method>({{pcp_only, Method::pcp}, {nat_pmp_only, Method::nat_pmp}, {upnp_only, Method::upnp}}));
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  INFO(to_text(via));
  Leftover left{set, {.protocol = protocol, .internal = inside}};
  CHECK(left.lan.rules_of_ours()[0].via == via);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
  CHECK(left.journal.entries().empty());
}

TEST_CASE("A mapping without an end is taken back like any other", "[removal]") {
  Leftover left{+[](RouterConfig& r) {
    upnp_only(r);
    r.igd.leases = sim::IgdConfig::Leases::permanent_or_725;
  }};
  CHECK_FALSE(left.lan.rules_of_ours()[0].expires);
  left.lan.run_for(24h * 30);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
}

TEST_CASE("What the router has forgotten meanwhile is gone, whatever it says of it", "[removal]") {
  const auto set = GENERATE(
      +pcp_only, +nat_pmp_only, +upnp_only,
      +[](RouterConfig& r) { upnp_only(r), r.igd.delete_absent = sim::IgdConfig::DeleteAbsent::says_714; });
  Leftover left{set};
  left.router().reboot(left.lan.now(), 1s);
  left.lan.run_for(2s);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.journal.entries().empty());
}

TEST_CASE("What stands at our port for another host by now is left alone", "[removal]") {
  Leftover left{upnp_only};
  left.router().reboot(left.lan.now(), 1s);
  left.router().plant({.protocol = Protocol::udp,
                       .external_port = inside_port,
                       .internal = {another_host, inside_port},
                       .via = Method::upnp,
                       .description = "game"});
  left.lan.run_for(2s);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.router().rules(left.lan.now()).size() == 1);
}

TEST_CASE("A device that describes itself at another port after its restart is found again", "[removal]") {
  Leftover left{+[](RouterConfig& r) {
    upnp_only(r);
    r.igd.leases = sim::IgdConfig::Leases::permanent_or_725;
    r.reboots = RouterConfig::Reboots::keep_permanent;
    r.igd.restart_port = sim::IgdConfig::RestartPort::another;
  }};
  left.router().reboot(left.lan.now(), 1s);
  left.lan.run_for(2s);
  REQUIRE(left.lan.rules_of_ours().size() == 1);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
}

TEST_CASE("A router that does not answer keeps its entry in the journal, within the time", "[removal]") {
  const auto set = GENERATE(+pcp_only, +nat_pmp_only, +upnp_only);
  Leftover left{set};
  left.router().reboot(left.lan.now(), 1h);
  const auto began = left.lan.now();
  CHECK(left.take_back().end == End::unreachable);
  CHECK(left.lan.now() - began <= 3s);
  REQUIRE(left.journal.entries().size() == 1);
  CHECK(left.journal.entries()[0].stage == JournalEntry::Stage::releasing);
  // The next run asks again.
  left.lan.run_for(1h);
  CHECK(left.take_back().end == End::gone);
  CHECK(left.journal.entries().empty());
}

TEST_CASE("An entry of a network that this host has left is unreachable at once, and nobody is asked", "[removal]") {
  Leftover left{pcp_only};
  auto elsewhere = left.lan.route();
  elsewhere.router = IpAddress::v4(0x0A000001);
  const auto sent = left.lan.datagrams_sent();
  Removal removal{{.entries = left.journal.entries(), .routes = {elsewhere}, .run = RunId{2}}, left.journal, left.rng};
  left.lan.attach(removal);
  CHECK(removal.results()[0].end == End::unreachable);
  CHECK_FALSE(removal.poll_timeout());
  CHECK(left.lan.datagrams_sent() == sent);
  CHECK(left.journal.entries().size() == 1);
}

TEST_CASE("A wrong nonce takes nothing back, and the entry stays", "[removal]") {
  Leftover left{pcp_only};
  auto entry = left.journal.entries()[0];
  entry.nonce[0] ^= 1U;
  REQUIRE(left.journal.put(entry));
  const auto result = left.take_back();
  CHECK(result.end == End::refused);
  REQUIRE_FALSE(result.refusals.empty());
  CHECK(left.lan.rules_of_ours().size() == 1);
  CHECK(left.journal.entries().size() == 1);
}

TEST_CASE("What any method may have made is asked back by NAT-PMP where PCP is not allowed to", "[removal]") {
  // Killed before its answer came: the entry does not say who made the rule. UPnP knows only rules of its own.
  Leftover left{+[](RouterConfig& r) {
                  r.pcp.speaks = sim::PcpConfig::Speaks::not_authorized;
                  r.tables = RouterConfig::Tables::upnp_apart;
                },
                {.internal = inside, .only = Method::nat_pmp}};
  auto entry = left.journal.entries()[0];
  entry.stage = JournalEntry::Stage::asking;
  entry.only.reset();
  entry.via.reset();
  REQUIRE(left.journal.put(entry));
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
}

TEST_CASE("A stray beside what UPnP made goes with it, also where PCP is not allowed to take it", "[removal]") {
  const auto maker = Method::nat_pmp;
  Leftover left{+[](RouterConfig& r) {
                  r.pcp.speaks = sim::PcpConfig::Speaks::not_authorized;
                  r.tables = RouterConfig::Tables::upnp_apart;
                },
                {.internal = inside, .only = maker}};
  Keeper keeper{wishing(left.lan, {.internal = inside, .only = Method::upnp}), left.journal, left.rng};
  left.lan.attach(keeper);
  REQUIRE(left.lan.run_until([&] { return is_decided(keeper); }, bound));
  left.lan.kill();
  REQUIRE(left.lan.rules_of_ours().size() == 2);
  // Of the two entries only that of UPnP is left, with the nonce that both had.
  auto entries = left.journal.entries();
  const auto stray = std::ranges::find(entries, maker, [](const JournalEntry& one) { return one.via; });
  auto known = *std::ranges::find(entries, Method::upnp, [](const JournalEntry& one) { return one.via; });
  known.nonce = stray->nonce;
  known.only.reset();
  REQUIRE(left.journal.erase(stray->id));
  REQUIRE(left.journal.put(known));
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
}

TEST_CASE("A rule whose port was never told is known by the id in its description", "[removal]") {
  Leftover left{upnp_only};
  auto entry = left.journal.entries()[0];
  entry.stage = JournalEntry::Stage::asking;  // killed before the answer
  entry.via.reset();
  entry.external = {};
  entry.control_url.clear();
  entry.service_type.clear();
  entry.location.clear();
  REQUIRE(left.journal.put(entry));
  CHECK(left.take_back().end == End::gone);
  CHECK(left.lan.rules_of_ours().empty());
}

TEST_CASE("The inner layer falls with the outer one", "[removal][layers]") {
  Lan lan{1};
  RouterConfig first;
  first.external = IpAddress::v4(0x0A000002);
  lan.add_router(first);
  RouterConfig second;
  second.inside = IpAddress::v4(0x0A000001);
  lan.add_outer_router(second);
  MemoryJournal journal;
  SeededRng rng{1};
  auto config = wishing(lan);
  config.layers = Keeper::Layers::all;
  {
    Keeper keeper{config, journal, rng};
    lan.attach(keeper);
    REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
    lan.kill();
  }
  const auto entries = journal.entries();
  REQUIRE(entries.size() == 2);
  const auto outer = std::ranges::find_if(entries, [](const JournalEntry& one) { return one.inner.has_value(); });
  REQUIRE(outer != entries.end());
  CHECK(std::ranges::find(entries, *outer->inner, &JournalEntry::id) != entries.end());
  for (const auto& result : collect(lan, journal, rng)) CHECK(result.end == End::gone);
  CHECK(lan.rules_of_ours().empty());
  CHECK(journal.entries().empty());
}
}  // namespace natkit::portmap::zoo
