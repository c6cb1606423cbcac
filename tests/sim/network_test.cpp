#include "natkit/sim/network.hpp"

#include <set>

#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
/// Two cones in a row, or their opposites, as one observer with fresh sockets sees them (RFC 5780 §4.3 and §4.4).
struct Seen {
  Behavior mapping{};
  Behavior filtering{};
  bool operator==(const Seen&) const = default;
};

Seen observe(World& world, Gateway& home) {
  Asker asker{{
      {one, ip1_port1},
      {one, ip1_port2, {from_ip1_port2}},
      {one, ip2_port1, {from_ip2_port1}},
      {two, ip1_port1, {from_ip1_port1, from_ip1_port2, from_ip2_port2}},
  }};
  CHECK(world.net.run(asker, home) == RunEnd::finished);
  const auto mapped = asker.told(one, ip1_port1);
  REQUIRE((mapped && asker.told(two, ip1_port1)));
  using enum Behavior;
  Seen seen{address_and_port_dependent, address_and_port_dependent};
  if (asker.told(one, ip1_port2) == mapped) seen.mapping = address_dependent;
  if (asker.told(one, ip2_port1) == mapped) seen.mapping = endpoint_independent;
  if (asker.told(two, ip1_port2)) seen.filtering = address_dependent;
  if (asker.told(two, ip2_port2)) seen.filtering = endpoint_independent;
  return seen;
}
}  // namespace

TEST_CASE("A host on the internet is seen under its own address, one round trip later", "[network]") {
  World world;
  auto& host = world.net.add_host({.addresses = {"198.51.100.7"_ip}, .link = {.delay = 20ms}});
  Asker asker{{{one, ip1_port1}}};
  CHECK(world.net.run(asker, host) == RunEnd::finished);
  REQUIRE(asker.answers.size() == 1);
  const auto& answer = asker.answers.front();
  CHECK(answer.local.address == "198.51.100.7"_ip);
  CHECK(answer.text == to_text(answer.local));
  CHECK(answer.from == ip1_port1);
  CHECK(answer.after == 40ms);
}

TEST_CASE("A link may be slower in one direction", "[network]") {
  World world;
  auto& home = world.net.add_nat();
  home.set_link({.delay = 30ms}, {.delay = 10ms});
  auto& host = world.net.add_host({.link = {.delay = 5ms}, .downlink = LinkConfig{.delay = 1ms}}, home);
  Asker asker{{{one, ip1_port1}}};
  world.net.run(asker, host);
  REQUIRE(asker.answers.size() == 1);
  CHECK(asker.answers.front().after == 46ms);
}

TEST_CASE("Stacked NATs show the stricter of their behaviours, in either order", "[network][grid]") {
  using enum Behavior;
  const auto inner_mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto inner_filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto outer_mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto outer_filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto allocation = GENERATE(PortAllocation::preserving, PortAllocation::preserving_with_overload,
                                   PortAllocation::random, PortAllocation::block);
  const NatConfig inner{.mapping = inner_mapping, .filtering = inner_filtering, .allocation = allocation};
  const NatConfig outer{.mapping = outer_mapping, .filtering = outer_filtering};
  World world;
  auto& carrier = world.net.add_nat(outer);
  auto& home = world.net.add_nat(inner, carrier);
  const Seen expected{std::max(observable_mapping(inner), observable_mapping(outer)),
                      std::max(observable_filtering(inner), observable_filtering(outer))};
  CHECK(observe(world, home) == expected);
  CHECK(observe(world, home) == expected);  // and a second run changes nothing
}

TEST_CASE("A firewall without translation is seen by its filtering alone", "[network]") {
  using enum Behavior;
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  World world;
  auto& office = world.net.add_firewall({.filtering = filtering});
  CHECK(observe(world, office) == Seen{endpoint_independent, filtering});
  Asker asker{{{one, ip1_port1}}};
  world.net.run(asker, office);
  REQUIRE(asker.answers.size() == 1);
  CHECK(asker.answers.front().text == to_text(asker.answers.front().local));
}

TEST_CASE("Where UDP is blocked nothing comes back, whether dropped or rejected", "[network]") {
  const auto policy = GENERATE(Policy::drop, Policy::reject);
  World world;
  auto& office = world.net.add_firewall({.udp = policy});
  Asker asker{{{one, ip1_port1}, {two, ip2_port2}}};
  CHECK(world.net.run(asker, office) == RunEnd::finished);
  CHECK(asker.answers.empty());
  CHECK(world.reflector.heard == 0);
}

TEST_CASE("Hosts behind one NAT reach each other without it", "[network]") {
  World world;
  auto& home = world.net.add_nat();
  auto& neighbour = world.net.add_host(home);
  Reflector reflector;
  const Endpoint local{neighbour.addresses().front(), 9};
  neighbour.attach(reflector, {{SocketId{0}, local}});
  Asker asker{{{.socket = one, .to = local, .hop_limit = 1}}};
  world.net.run(asker, home);
  REQUIRE(asker.answers.size() == 1);
  CHECK(asker.answers.front().text == to_text(asker.answers.front().local));
  CHECK(home.nat()->mapping_count() == 0);
}

TEST_CASE("Two homes may use the same addresses inside", "[network]") {
  World world;
  std::set<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    auto& host = world.net.add_host({.addresses = {"192.168.1.2"_ip}}, world.net.add_nat());
    Asker asker{{{one, ip1_port1}}};
    world.net.run(asker, host);
    REQUIRE(asker.answers.size() == 1);
    CHECK(asker.answers.front().local.address == "192.168.1.2"_ip);
    seen.insert(asker.answers.front().text);
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("A hairpinned packet reaches the neighbour's socket through the network", "[network]") {
  World world;
  auto& home =
      world.net.add_nat({.filtering = Behavior::endpoint_independent, .hairpin = Hairpin::with_external_source});
  auto& host = world.net.add_host(home);
  Asker first{{{one, ip1_port1}}};
  host.attach(first);
  world.net.run_for(500ms);
  const auto mapped = first.told(one, ip1_port1);
  REQUIRE(mapped);
  Asker second{{{.socket = two, .to = *parse_endpoint(*mapped), .reply_from = {'h', 'i'}}}};
  world.net.run(second, home, {.time = 100ms});
  REQUIRE(first.answers.size() == 2);
  CHECK(first.answers.back().text == "hi");
  CHECK(first.answers.back().from.address == home.addresses().front());
}

TEST_CASE("A packet needs a hop for each NAT and two for the internet", "[network]") {
  const auto [hops, heard] = GENERATE(table<int, int>({{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 1}}));
  World world;
  auto& home = world.net.add_nat({}, world.net.add_nat());
  Asker asker{{{.socket = one, .to = ip1_port1, .hop_limit = static_cast<std::uint8_t>(hops)}}};
  world.net.run(asker, home);
  CHECK(world.reflector.heard == heard);
}

TEST_CASE("A packet that dies between two NATs opens its own and leaves the other alone", "[network]") {
  World world;
  auto& mine = world.net.add_nat(linux_masquerade());
  auto& theirs = world.net.add_nat(linux_masquerade(Unsolicited::accept));
  auto& host = world.net.add_host(theirs);
  const Endpoint towards{theirs.addresses().front(), 40000};
  Asker opener{{{.socket = one, .to = towards, .hop_limit = 2}}};
  auto& opening_host = world.net.add_host(mine);
  world.net.packets().keep(100);
  world.net.run(opener, opening_host);
  CHECK(mine.nat()->mapping_count() == 1);
  int at_theirs = 0, complaints = 0;
  for (const auto& seen : world.net.packets().packets()) {
    if (seen.where == theirs.id()) ++at_theirs;
    if (seen.where == opening_host.id() && seen.packet.error && seen.packet.error->kind == IcmpKind::time_exceeded &&
        seen.packet.error->destination == towards)
      ++complaints;
  }
  CHECK(at_theirs == 0);
  CHECK(complaints == 1);
  CHECK(host.addresses().size() == 1);
}

TEST_CASE("A packet from outside needs a hop for the NAT, too, and its sender is told when it has none", "[network]") {
  const auto [hops, gets_in] = GENERATE(table<int, bool>({{3, false}, {4, true}}));
  World world;
  auto& home = world.net.add_nat({.filtering = Behavior::endpoint_independent});
  auto& inside = world.net.add_host(home);
  Asker waiting{{{one, ip1_port1}}};
  inside.attach(waiting);
  world.net.run_for(100ms);
  REQUIRE(waiting.answers.size() == 1);
  auto& stranger = world.net.add_host();
  const auto mapped = *parse_endpoint(waiting.answers.front().text);
  Asker knocking{{{.socket = one, .to = mapped, .hop_limit = static_cast<std::uint8_t>(hops)}}};
  world.net.packets().keep(100);
  world.net.run(knocking, stranger, {.time = 500ms});
  CHECK((waiting.answers.size() == 2) == gets_in);
  int complaints = 0;
  for (const auto& seen : world.net.packets().packets())
    if (seen.where == stranger.id() && seen.packet.error && seen.packet.error->destination == mapped) ++complaints;
  CHECK(complaints == (gets_in ? 0 : 1));
}

TEST_CASE("A packet that dies at the first NAT leaves no mapping", "[network]") {
  World world;
  auto& home = world.net.add_nat();
  Asker asker{{{.socket = one, .to = ip1_port1, .hop_limit = 1}}};
  world.net.run(asker, home);
  CHECK(home.nat()->mapping_count() == 0);
}

TEST_CASE("Lifetimes run in virtual time: a mapping of two minutes costs no waiting", "[network]") {
  const auto [pause, alive] = GENERATE(table<Duration, bool>({{119s, true}, {121s, false}}));
  World world;
  auto& home = world.net.add_nat({.allocation = PortAllocation::random, .mapping_lifetime = 120s});
  Asker asker{{{one, ip1_port1}, {.socket = one, .to = ip1_port1, .after = pause}}, 200s};
  world.net.run(asker, home);
  REQUIRE(asker.answers.size() == 2);
  CHECK((asker.answers[0].text == asker.answers[1].text) == alive);
}

TEST_CASE("Runs of a machine on one host never meet a port twice", "[network]") {
  World world;
  auto& host = world.net.add_host();
  std::set<std::uint16_t> ports;
  for (int run = 0; run < 200; ++run) {
    Asker asker{{{one, ip1_port1}, {two, ip1_port1}, {three, ip1_port1}}};
    world.net.run(asker, host);
    for (const auto& answer : asker.answers) {
      CHECK(ports.insert(answer.local.port).second);
      CHECK((answer.local.port >= first_ephemeral_port && answer.local.port <= last_ephemeral_port));
    }
  }
  CHECK(ports.size() == 600);
}

TEST_CASE("A home with both families translates IPv4 and only guards IPv6", "[network]") {
  World world;
  const auto server6 = "[2001:db8:5::1]:3478"_ep;
  auto& second = world.net.add_host({.addresses = {server6.address}});
  Reflector reflector;
  second.attach(reflector, {{SocketId{0}, server6}, {SocketId{1}, {server6.address, 3479}}});
  auto& guard = world.net.add_firewall({.family = Family::ipv6});
  auto& home = world.net.add_nat({.filtering = Behavior::endpoint_independent}, guard);
  auto& host = world.net.add_host({.addresses = {"192.168.1.2"_ip, "2001:db8:7::2"_ip}}, home);
  Asker asker{{{one, ip1_port1, {from_ip1_port1, from_ip2_port2}}, {one, server6, {0, 1}}}};
  world.net.run(asker, host);
  REQUIRE(asker.told(one, ip1_port1));
  CHECK(parse_endpoint(*asker.told(one, ip1_port1))->address == home.addresses().front());
  CHECK(asker.told(one, ip2_port2));
  REQUIRE(asker.told(one, server6));
  CHECK(parse_endpoint(*asker.told(one, server6))->address == "2001:db8:7::2"_ip);
  CHECK_FALSE(asker.told(one, {server6.address, 3479}));
}

TEST_CASE("A machine that sends to a family its host lacks is told so", "[network]") {
  World world;
  Asker asker{{{one, "[2001:db8::1]:3478"_ep}, {one, ip1_port1}}};
  world.net.run(asker, world.net.add_nat());
  CHECK(asker.failures == std::vector<std::string>{"Network is unreachable [2001:db8::1]:3478"});
  CHECK(asker.answers.size() == 1);
}

TEST_CASE("A run that would not end is ended by its limits", "[network]") {
  World world;
  auto& home = world.net.add_nat();
  Asker patient{{}, 2h};
  CHECK(world.net.run(patient, home, {.time = 1h}) == RunEnd::out_of_time);
  Asker talkative{std::vector<Asker::Ask>(100, {one, ip1_port1})};
  CHECK(world.net.run(talkative, home, {.events = 50}) == RunEnd::out_of_events);
}

TEST_CASE("Virtual time passes as far as it is told", "[network]") {
  World world;
  const Instant begin = world.net.now();
  CHECK(world.net.run_for(90s) == RunEnd::finished);
  CHECK(world.net.now() == begin + 90s);
  world.net.add_host({.link = {.delay = 20ms}}).attach(world.reflector);
  CHECK(world.net.run_until_idle() == RunEnd::finished);
  CHECK(world.net.now() == begin + 90s);
}

TEST_CASE("The same seed gives the same packets at the same times, another seed others", "[network][determinism]") {
  const auto trace = [](std::uint64_t seed) {
    World world{seed};
    world.net.packets().keep(10'000);
    auto& home = world.net.add_nat({.allocation = PortAllocation::random});
    home.set_link({.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.1, .reorder = 0.1});
    std::vector<Asker::Ask> asks;
    for (std::uint32_t n = 0; n < 40; ++n) asks.push_back({SocketId{n}, ip1_port1, {from_ip1_port1, from_ip2_port2}});
    Asker asker{asks};
    world.net.run(asker, home);
    return world.net.packets().packets();
  };
  const auto first = trace(42);
  CHECK(first.size() > 100);
  CHECK(trace(42) == first);
  CHECK(trace(43) != first);
}

TEST_CASE("The packet log keeps the last packets and no more than it was told", "[network]") {
  World world;
  world.net.packets().keep(10);
  Asker asker{std::vector<Asker::Ask>(100, {one, ip1_port1})};
  world.net.run(asker, world.net.add_nat());
  CHECK(world.net.packets().packets().size() == 10);
}

// Hidden: for whoever times the simulator. Under the sanitizers about half a millisecond a run, of 60 datagrams.
TEST_CASE("Ten thousand small runs over a bad link", "[.speed]") {
  std::vector<Asker::Ask> asks;
  for (std::uint32_t n = 0; n < 30; ++n) asks.push_back({SocketId{n % 10}, n % 2 == 0 ? ip1_port1 : ip2_port2});
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    World world{seed};
    auto& home = world.net.add_nat();
    home.set_link({.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.05});
    Asker asker{asks};
    world.net.run(asker, home);
    REQUIRE(asker.answers.size() > 5);
  }
}
