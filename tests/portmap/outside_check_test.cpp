#include "natkit/portmap/outside_check.hpp"

#include "catch.hpp"
#include "outside_world.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;

namespace {
using Setting = OutsideWorld::Setting;

OutsideCheck::Config over_ipv4(Protocol protocol) {
  return {.servers = {server4},
          .protocol = protocol,
          .external_port = 4000,
          .internal = {internal4},
          .expected = {external4}};
}

OutsideResult check(const Setting& setting, const OutsideCheck::Config& config) {
  OutsideWorld world{1, setting};
  const auto results = world.run(config);
  CHECK(world.is_finished);
  REQUIRE(results.size() == 1);
  return results[0];
}
}  // namespace

TEST_CASE("A port through which the token arrives is open", "[outside_check]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  const auto result = check({}, over_ipv4(protocol));
  CHECK(result.openness == Openness::open);
  CHECK(result.reason == OutsideReason::token_arrived);
  CHECK(result.tried == Endpoint{external4, 4000});
  CHECK(result.arrived_at == internal4);
  REQUIRE(result.arrived_from);
  CHECK(result.arrived_from->address == at("198.51.100.1:1").address);  // not the address that was asked
  CHECK(result.address_as_expected == true);
  CHECK(result.listening == Listening::yes);
  CHECK(result.likely.empty());
}

TEST_CASE("The answer is there within two round trips where the port is open", "[outside_check]") {
  OutsideWorld world{1, {}};
  const auto begun = world.now();
  world.run(over_ipv4(Protocol::udp));
  CHECK(world.now() - begun <= 4 * 20ms);
}

TEST_CASE("The server closes its connection before we do, so that the port is free for the program",
          "[outside_check]") {
  OutsideWorld world{1, {}};
  const auto begun = world.now();
  CHECK(world.run(over_ipv4(Protocol::tcp)).at(0).openness == Openness::open);
  const auto closed = begun + 5 * 20ms + stun::ReachabilityChecker::Config{}.tcp_linger + 20ms;  // as its FIN arrives
  CHECK(world.now() >= closed);
  CHECK(world.now() - begun <= 300ms);
}

TEST_CASE("Nothing leaves from the internal port, and nothing goes anywhere but to the server", "[outside_check]") {
  OutsideWorld world{1, {.router = GENERATE(Router::forwards, Router::drops)}};
  world.run(over_ipv4(GENERATE(Protocol::udp, Protocol::tcp)));
  REQUIRE_FALSE(world.sent_by_host.empty());
  for (const auto& out : world.sent_by_host) {
    CHECK(out.remote == server4);
    CHECK(out.socket == SocketId{0});
  }
  REQUIRE(world.changes_of_host.size() == 4);
  CHECK(std::get<SocketWish>(world.changes_of_host[0]).local == Endpoint{internal4.address, 0});
  CHECK(std::get<SocketWish>(world.changes_of_host[1]).local == internal4);
  CHECK(std::get<SocketEnd>(world.changes_of_host[3]).socket == SocketId{1});
}

TEST_CASE("A port is closed when we listen, the server sends, and nothing comes", "[outside_check]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  OutsideWorld world{1, {.router = Router::drops}};
  const auto begun = world.now();
  const auto result = world.run(over_ipv4(protocol)).at(0);
  CHECK(result.openness == Openness::closed);
  CHECK(result.reason == OutsideReason::nothing_arrived);
  CHECK(result.tries >= 2);
  REQUIRE(result.sent_from);
  CHECK(result.sent_from->address == at("198.51.100.1:1").address);
  // These cannot be told apart, and so all of them are named.
  using enum LikelyCause;
  CHECK(result.likely == std::vector{host_firewall, not_mapped, shadowed, filtered_on_way});
  CHECK(to_text(result).ends_with(
      "none arrived; it may be the firewall of this computer, a router that does not forward the port, another rule of "
      "the router that takes the port or a filter of the provider, which cannot be told apart from here"));
  CHECK(world.now() - begun <= 5s);
}

TEST_CASE("A refused connection is a closed port", "[outside_check]") {
  const auto result = check({.router = Router::refuses}, over_ipv4(Protocol::tcp));
  CHECK(result.openness == Openness::closed);
  CHECK(result.reason == OutsideReason::refused);
}

TEST_CASE("Somebody else who answers in our place is told: a rule that shadows ours", "[outside_check]") {
  const auto result = check({.router = Router::sends_elsewhere}, over_ipv4(GENERATE(Protocol::udp, Protocol::tcp)));
  CHECK(result.openness == Openness::closed);
  CHECK(result.reason == OutsideReason::another_answered);
  CHECK(result.likely == std::vector{LikelyCause::shadowed});
}

TEST_CASE("Where a program holds the port, its answer proves it open", "[outside_check]") {
  const auto [protocol, reason] = GENERATE(table<Protocol, OutsideReason>({
      {Protocol::udp, OutsideReason::port_answered},
      {Protocol::tcp, OutsideReason::port_accepted},
  }));
  const auto result = check({.holder = Holder::answers}, over_ipv4(protocol));
  CHECK(result.openness == Openness::open);
  CHECK(result.reason == reason);
  CHECK(result.listening == Listening::port_taken);
}

TEST_CASE("The silence of a program that holds a UDP port proves nothing", "[outside_check]") {
  const auto result = check({.router = GENERATE(Router::forwards, Router::drops), .holder = Holder::is_silent},
                            over_ipv4(Protocol::udp));
  CHECK(result.openness == Openness::unknown);
  CHECK(result.reason == OutsideReason::holder_silent);
  CHECK(to_text(result).starts_with("unknown: a program holds the port and did not answer"));
}

TEST_CASE("Without an internal port only the server's word counts", "[outside_check]") {
  auto config = over_ipv4(Protocol::udp);
  config.internal.clear();
  CHECK(check({.holder = Holder::answers}, config).reason == OutsideReason::port_answered);
  CHECK(check({}, config).reason == OutsideReason::nobody_listened);
  config.protocol = Protocol::tcp;
  CHECK(check({.holder = Holder::answers}, config).openness == Openness::open);
  CHECK(check({}, config).reason == OutsideReason::refused);
  const auto silent = check({.router = Router::drops}, config);
  CHECK(silent.openness == Openness::closed);
  CHECK(silent.reason == OutsideReason::connection_silent);
}

TEST_CASE("An address that differs from the router's claim is the likely cause", "[outside_check]") {
  const auto [claimed, cause] = GENERATE(table<std::string_view, LikelyCause>({
      {"198.51.100.77", LikelyCause::other_wan},
      {"192.168.0.4", LikelyCause::double_nat},
      {"100.64.3.4", LikelyCause::carrier_nat},
  }));
  auto config = over_ipv4(Protocol::udp);
  config.expected = {*parse_ip_address(claimed)};
  const auto closed = check({.router = Router::drops}, config);
  CHECK(closed.address_as_expected == false);
  CHECK(closed.likely == std::vector{cause});
  const auto open = check({}, config);  // mapped through all of it: the claim does not matter
  CHECK(open.openness == Openness::open);
  CHECK(open.address_as_expected == false);
}

TEST_CASE("A server that says nothing, or not this, leaves it unknown", "[outside_check]") {
  const auto config = over_ipv4(Protocol::udp);
  CHECK(check({.is_server_alive = false}, config).reason == OutsideReason::server_silent);
  CHECK(check({.checker = std::nullopt}, config).reason == OutsideReason::server_cannot_check);
  CHECK(
      check({.checker = stun::ReachabilityChecker::Config{.checks_per_address = {.burst = 0, .per_second = 0}}}, config)
          .reason == OutsideReason::server_busy);
}

TEST_CASE("A busy server is asked again", "[outside_check]") {
  stun::ReachabilityChecker::Config slow;
  slow.checks_per_address = {.burst = 1, .per_second = 0.5};
  OutsideWorld world{1, {.router = Router::forwards, .checker = slow}};
  auto config = over_ipv4(Protocol::udp);
  config.external_port = 4001;
  CHECK(world.run(config).at(0).openness == Openness::open);
  CHECK(world.run(config).at(0).openness == Openness::open);
}

TEST_CASE("A server that sees a private address though the router's is public is not outside", "[outside_check]") {
  const auto result = check({.external = internal4.address}, over_ipv4(Protocol::udp));
  CHECK(result.openness == Openness::unknown);
  CHECK(result.reason == OutsideReason::server_inside);
}

TEST_CASE("A pinhole of IPv6 is checked at the address itself", "[outside_check]") {
  const auto result = check({}, {.servers = {server6},
                                 .protocol = GENERATE(Protocol::udp, Protocol::tcp),
                                 .external_port = 4000,
                                 .internal = {internal6},
                                 .expected = {internal6.address}});
  CHECK(result.openness == Openness::open);
  CHECK(result.tried == internal6);
}

TEST_CASE("IPv4 and IPv6 are judged apart", "[outside_check]") {
  auto config = over_ipv4(Protocol::udp);
  config.servers = {server6, server4, at("192.0.2.1:3479")};
  config.internal = {internal4};
  OutsideWorld world{1, {}};
  const auto results = world.run(config);
  REQUIRE(results.size() == 2);
  CHECK(results[0].family == Family::ipv6);
  CHECK(results[0].reason == OutsideReason::nobody_listened);
  CHECK(results[1].family == Family::ipv4);
  CHECK(results[1].openness == Openness::open);
}

TEST_CASE("Only our own token opens: others' datagrams and streams do not", "[outside_check]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  OutsideWorld world{1, {.router = Router::drops}};
  SeededRng rng{5};
  for (int i = 0; i < 200; ++i) {
    stun::ReachQuestion guess{.protocol = protocol, .port = 4000};
    rng.fill(guess.token);
    auto bytes = stun::write_reach_probe(stun::make_transaction_id(rng), guess);
    if (rng.chance(0.3)) bytes.resize(rng.below(bytes.size()));
    const Endpoint stranger{at("198.51.100.1:1").address, static_cast<std::uint16_t>(1000 + rng.below(50))};
    world.later(rng.below(900) * 1ms, [&world, bytes, stranger, protocol] {
      world.check().handle_datagram(
          world.now(), {.socket = SocketId{1}, .protocol = protocol, .remote = stranger, .payload = bytes});
    });
  }
  CHECK(world.run(over_ipv4(protocol)).at(0).openness == Openness::closed);
}

TEST_CASE("An address that cannot be sent from leaves it unknown at once", "[outside_check]") {
  SeededRng rng{1};
  OutsideCheck check{over_ipv4(Protocol::udp), rng};
  check.start(Instant{});
  static_cast<void>(check.poll_socket());
  check.handle_socket_failure(Instant{}, SocketId{0}, "Cannot assign requested address");
  CHECK_FALSE(check.poll_timeout());
  CHECK_FALSE(check.poll_transmit());
  CHECK(check.results().at(0).reason == OutsideReason::not_asked);
}

TEST_CASE("Whatever gets lost, no verdict is ever wrong", "[outside_check][loss]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  const double most_loss = GENERATE(0.02, 0.1, 0.25, 0.5);
  std::map<Openness, int> verdicts;
  int wrong = 0;
  int runs = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SeededRng dice{seed};
    const Setting setting{.router = static_cast<Router>(dice.below(4)),
                          .holder = static_cast<Holder>(dice.below(3)),
                          .loss = dice.unit() * most_loss,
                          .delay = 1ms * dice.below(150)};
    OutsideWorld world{seed, setting};
    const auto result = world.run(over_ipv4(protocol)).at(0);
    CHECK(world.is_finished);
    const bool is_open =
        setting.router == Router::forwards && (setting.holder != Holder::is_silent || protocol == Protocol::udp);
    // A program of another host that answers cannot be told from ours, where ours is not known.
    const bool is_ours = setting.router != Router::sends_elsewhere || setting.holder == Holder::nobody;
    ++runs;
    ++verdicts[result.openness];
    if (result.openness == Openness::open && !is_open && is_ours) ++wrong;
    if (result.openness == Openness::closed && is_open) ++wrong;
    if (wrong != 0) FAIL("seed " << seed << ": " << to_text(result));
  }
  if (most_loss <= 0.1) {  // the silent holders of a UDP port are a twelfth to a third
    CHECK(verdicts[Openness::unknown] <= (protocol == Protocol::udp ? runs * 6 / 10 : runs / 50));
  }
  CAPTURE(most_loss, verdicts[Openness::open], verdicts[Openness::closed], verdicts[Openness::unknown]);
  CHECK(wrong == 0);
}
