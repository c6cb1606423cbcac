// What the keeper does and when: one host, one honest router unless a test says otherwise.
#include "natkit/portmap/keeper.hpp"

#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using Set = void (*)(RouterConfig&);

struct Home {
  explicit Home(Set set = [](RouterConfig&) {}, std::uint64_t seed = 1) : lan(seed), rng(seed) {
    RouterConfig config;
    set(config);
    lan.add_router(config);
    keeper = std::make_unique<Keeper>(wishing(lan), journal, rng);
    lan.attach(*keeper);
  }
  void decide() {
    REQUIRE(lan.run_until([&] { return is_decided(*keeper); }, bound));
    REQUIRE(keeper->outcome(0).held);
  }
  /// What happened since this was asked last.
  template <class Event>
  std::vector<Event> events() {
    std::vector<Event> all;
    while (auto event = keeper->poll_event())
      if (const auto* one = std::get_if<Event>(&*event)) all.push_back(*one);
    return all;
  }
  void ask_release() {
    keeper->release(lan.now());
    lan.drain();
  }
  [[nodiscard]] Endpoint external() const { return keeper->outcome(0).held->layers[0].external; }
  sim::PortMapper& router() { return *lan.routers()[0]; }

  Lan lan;
  SeededRng rng;
  MemoryJournal journal;
  std::unique_ptr<Keeper> keeper;
};

/// How long after the grant the first renewal leaves.
Duration time_of_renewal(Set set, std::uint64_t seed) {
  Home home{set, seed};
  home.decide();
  const auto granted_at = home.lan.now();
  home.lan.run_for(2s);  // a search by SSDP that is under way goes on to its end
  const auto sent = home.lan.datagrams_sent();
  const auto fetched = home.lan.fetched().size();
  REQUIRE(home.lan.run_until([&] { return home.lan.datagrams_sent() > sent || home.lan.fetched().size() > fetched; },
                             7200s));
  return home.lan.now() - granted_at;
}

/// The journal of a disk that is full.
class FullJournal final : public Journal {
 public:
  Result<void> put(const JournalEntry& /*entry*/) override {
    return std::unexpected(Error{Errc::usage, "journal-not-writable", "no space left on device", {}});
  }
  Result<void> note(const JournalEntry& entry) override { return put(entry); }
  Result<void> erase(MappingId /*id*/) override { return {}; }
};
/// The journal of a disk that others keep busy.
class SlowJournal final : public Journal {
 public:
  explicit SlowJournal(Lan& lan) : lan_(&lan) {}
  Result<void> put(const JournalEntry& entry) override {
    lan_->stall(5s);
    return entries_.put(entry);
  }
  Result<void> note(const JournalEntry& entry) override { return entries_.note(entry); }
  Result<void> erase(MappingId id) override { return entries_.erase(id); }

 private:
  Lan* lan_;
  MemoryJournal entries_;
};
}  // namespace

TEST_CASE("A disk that takes seconds does not count as a router that is silent", "[keeper]") {
  Lan lan{1};
  RouterConfig config;
  GENERATE(as<Set>{}, upnp_only, nat_pmp_only, pcp_only)(config);
  lan.add_router(config);
  SlowJournal slow{lan};
  SeededRng rng{1};
  Keeper keeper{wishing(lan), slow, rng};
  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));
  CHECK(keeper.outcome(0).held);
}

TEST_CASE("Nothing is asked of a gateway before the journal has it", "[keeper]") {
  Home home;
  CHECK(home.journal.entries().size() == 1);
  CHECK(home.journal.entries()[0].stage == JournalEntry::Stage::asking);
  CHECK(home.router().rules(home.lan.now()).empty());

  Lan lan{1};
  lan.add_router({});
  FullJournal full;
  SeededRng rng{1};
  Keeper keeper{wishing(lan), full, rng};
  lan.attach(keeper);
  lan.run_for(1s);
  REQUIRE(keeper.outcome(0).failed);
  CHECK(keeper.outcome(0).failed->error);
  CHECK(lan.rules_of_ours().empty());
}

TEST_CASE("PCP is renewed at a random point between a half and five eighths, the others at half", "[keeper]") {
  std::set<Duration> points;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    const auto point = time_of_renewal(pcp_only, seed);
    CHECK(point >= 3600s - 1s);
    CHECK(point <= 4500s + 1s);
    points.insert(point);
  }
  CHECK(points.size() == 20);
  CHECK(*points.rbegin() - *points.begin() > 300s);
  for (const Set set : {Set{nat_pmp_only}, Set{upnp_only}}) {
    const auto point = time_of_renewal(set, 1);
    CHECK(point >= 3600s - 1s);
    CHECK(point <= 3600s + 1s);
  }
}

TEST_CASE("A mapping that is moved by its router is told with both addresses", "[keeper]") {
  Home home;
  home.decide();
  const auto before = home.external();
  static_cast<void>(home.events<Keeper::Granted>());
  home.router().reboot(home.lan.now(), 1s);
  home.router().plant(
      {.protocol = Protocol::udp, .external_port = inside_port, .internal = {another_host, 1}, .via = Method::upnp});
  REQUIRE(home.lan.run_until([&] { return home.external() != before; }, 5s));
  const auto moved = home.events<Keeper::Moved>();
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].before == before);
  CHECK(home.lan.reach(Protocol::udp, home.external()) == inside);
}

TEST_CASE("An address of the host that stands no more takes its mapping along", "[keeper]") {
  // While both addresses are there, as when a cable is plugged in beside the radio, the old mapping can be taken back.
  Home home;
  home.decide();
  const Endpoint moved{IpAddress::v4(0xC0A84D17), inside_port};
  auto route = home.lan.route();
  route.local = moved.address;
  static_cast<void>(home.events<Keeper::Granted>());
  home.lan.add_address(moved.address);
  home.keeper->handle_routes(home.lan.now(), {route});
  home.lan.drain();
  REQUIRE(home.lan.run_until([&] { return home.lan.reach(Protocol::udp, home.external()) == moved; }, 5s));
  CHECK(home.events<Keeper::Lost>().size() == 1);
  CHECK(home.router().rules(home.lan.now()).size() == 1);
  CHECK(home.external().port == inside_port);
  CHECK(home.journal.entries().size() == 1);
}

TEST_CASE("Routes that stay change nothing", "[keeper]") {
  Home home;
  home.decide();
  const auto sent = home.lan.datagrams_sent();
  auto more = home.lan.route();
  more.local = IpAddress::v4(0x0A000005);
  home.keeper->handle_routes(home.lan.now(), {more, home.lan.route()});
  home.keeper->handle_routes(home.lan.now(), {});  // for a moment there is none: DHCP does that
  home.lan.drain();
  home.lan.run_for(1s);
  CHECK(home.lan.datagrams_sent() == sent);
  CHECK(home.keeper->outcome(0).held);
}

TEST_CASE("Released once or twice, everything is taken back once, and then it is the end", "[keeper]") {
  Home home;
  home.decide();
  home.ask_release();
  home.ask_release();
  REQUIRE(home.lan.run_to_end(bound));
  const auto released = home.events<Keeper::Released>();
  REQUIRE(released.size() == 1);
  CHECK(released[0].is_clean);
  CHECK(home.lan.rules_of_ours().empty());
  CHECK(home.journal.entries().empty());
  home.ask_release();
  CHECK_FALSE(home.keeper->poll_timeout());
  CHECK(home.events<Keeper::Released>().empty());
}

TEST_CASE("Released while it is still asking, nothing stays", "[keeper]") {
  const auto set = GENERATE(+[](RouterConfig&) {}, +upnp_only, +nat_pmp_only, +pcp_only);
  for (auto after = 0us; after < 200'000us; after += 3'700us) {
    INFO("after " << after.count() << " us");
    Home home{set};
    home.lan.run_for(after);
    home.ask_release();
    const auto began = home.lan.now();
    REQUIRE(home.lan.run_to_end(bound));
    CHECK(home.lan.now() - began <= 1500ms);
    home.lan.run_for(1s);
    CHECK(home.lan.rules_of_ours().empty());
  }
}

TEST_CASE("A router that is gone does not hold the end up, and the journal keeps what it has", "[keeper]") {
  Home home;
  home.decide();
  home.router().reboot(home.lan.now(), 1h);
  const auto began = home.lan.now();
  home.ask_release();
  REQUIRE(home.lan.run_to_end(bound));
  CHECK(home.lan.now() - began <= 1500ms);
  const auto released = home.events<Keeper::Released>();
  REQUIRE(released.size() == 1);
  CHECK_FALSE(released[0].is_clean);
  REQUIRE(home.journal.entries().size() == 1);
  CHECK(home.journal.entries()[0].stage == JournalEntry::Stage::releasing);
}

TEST_CASE("A router that confirms a deletion and keeps the rule is not believed", "[keeper]") {
  Home home{+[](RouterConfig& r) { upnp_only(r), r.igd.deletes = sim::IgdConfig::Deletes::in_words_only; }};
  home.decide();
  home.ask_release();
  REQUIRE(home.lan.run_to_end(bound));
  const auto released = home.events<Keeper::Released>();
  REQUIRE(released.size() == 1);
  CHECK_FALSE(released[0].is_clean);
  CHECK(home.journal.entries().size() == 1);
}

TEST_CASE("A forged announcement costs one question and changes nothing", "[keeper]") {
  Home home;
  home.decide();
  const auto before = home.external();
  home.lan.run_for(100s);
  static_cast<void>(home.events<Keeper::Granted>());
  const auto sent = home.lan.datagrams_sent();
  for (int i = 0; i < 1000; ++i) {
    home.keeper->handle_datagram(home.lan.now(),
                                 {.socket = SocketId{2},
                                  .remote = {home.lan.route().router, pcp::server_port},
                                  .payload = pcp::write_response({.epoch = 0s, .operation = pcp::Announce{}})});
    home.lan.drain();
  }
  home.lan.run_for(1s);
  CHECK(home.lan.datagrams_sent() - sent <= 2);
  CHECK(home.events<Keeper::Lost>().empty());
  CHECK(home.external() == before);
  CHECK(home.lan.reach(Protocol::udp, before) == inside);
}

TEST_CASE("A refused wish is tried again, less and less often", "[keeper]") {
  Home home{+[](RouterConfig& r) { r.table_size = 0; }};
  REQUIRE(home.lan.run_until([&] { return is_decided(*home.keeper); }, bound));
  home.lan.run_for(600s);
  const auto refused = home.events<Keeper::Refused>().size();
  CHECK(refused >= 10);
  CHECK(refused <= 25);  // 250 ms, doubled up to a minute
  home.router().config().table_size = 10;
  REQUIRE(home.lan.run_until([&] { return home.keeper->outcome(0).held.has_value(); }, 61s));
  CHECK(home.events<Keeper::Granted>().size() == 1);
}
}  // namespace natkit::portmap::zoo
