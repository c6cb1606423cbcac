#include "relay_world.hpp"

#include "catch.hpp"
#include "sim_capture.hpp"

using namespace natkit;
using namespace natkit::test;
using State = turn::Client::State;

namespace {
/// A number, and filler that it determines: so that a changed byte shows.
Bytes numbered(std::uint32_t number) {
  Bytes bytes(4 + number % 1100, static_cast<std::uint8_t>(number * 7));
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}
std::optional<std::uint32_t> number_in(ByteView bytes) {
  if (bytes.size() < 4) return std::nullopt;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  if (!std::ranges::equal(bytes, numbered(number))) return std::nullopt;
  return number;
}
/// The different ones that came; every one must be whole, and from this peer.
std::set<std::uint32_t> numbers_from(const RelayUser& user, const Endpoint& peer) {
  std::set<std::uint32_t> numbers;
  for (const auto& [when, got] : user.received) {
    CHECK(got.peer == peer);
    const auto number = number_in(got.payload);
    CHECK(number);
    if (number) numbers.insert(*number);
  }
  return numbers;
}
constexpr sim::LinkConfig rough{.delay = 20ms, .jitter = 20ms, .loss = 0.05, .duplicate = 0.02, .reorder = 0.05};
}  // namespace

TEST_CASE("On a clean line the first echo is back after three round trips to the relay", "[relay][sim]") {
  RelayWorld world{1, {.delay = 25ms}};
  CaptureOnFailure capture{world.net};
  const auto peer = world.add_echo("192.0.2.9"_ip);
  auto& user = world.add_user("alice");
  const auto begun = world.net.now();
  user.at(begun, [peer](turn::Client& client, Instant now) { client.send(now, peer, numbered(5)); });
  world.begin(user);
  world.net.run_for(1s);
  REQUIRE(user.received.size() == 1);
  // 50 ms for the 401; then Allocate, permission and data in one flight: 25 ms to the relay, 50 to the peer and
  // back, 25.
  CHECK(user.received[0].first - begun <= 152ms);
}

TEST_CASE("Data gets through a line that loses, doubles and overtakes", "[relay][sim]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    RelayWorld world{seed, rough};
    CaptureOnFailure capture{world.net};
    CAPTURE(seed);
    const auto peer = world.add_echo("192.0.2.9"_ip);
    auto& user = world.add_user("alice", {.server = {protocol, "198.51.100.1:3478"_ep}});
    const auto begun = world.net.now();
    for (std::uint32_t i = 0; i < 200; ++i)
      user.at(begun + i * 50ms, [peer, i](turn::Client& client, Instant now) { client.send(now, peer, numbered(i)); });
    world.begin(user);
    world.net.run_for(12s);
    CHECK(user.client.state() == State::ready);
    CHECK(numbers_from(user, peer).size() > 140);  // each has four lines to pass; and what came before the permission
  }
}

TEST_CASE("Two users of one relay meet, both behind the strictest NATs", "[relay][sim]") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    RelayWorld world{seed, rough};
    CaptureOnFailure capture{world.net};
    CAPTURE(seed);
    auto& alice = world.add_user("alice");
    auto& bob = world.add_user("bob");
    const auto begun = world.net.now();
    // Their signalling has told each of them the other's relayed address by then.
    for (std::uint32_t i = 0; i < 100; ++i) {
      alice.at(begun + 5s + i * 20ms, [&bob, i](turn::Client& client, Instant now) {
        if (const auto to = bob.client.relayed(Family::ipv4)) client.send(now, *to, numbered(i));
      });
      bob.at(begun + 5s + i * 20ms, [&alice, i](turn::Client& client, Instant now) {
        if (const auto to = alice.client.relayed(Family::ipv4)) client.send(now, *to, numbered(i));
      });
    }
    world.begin(alice);
    world.begin(bob);
    world.net.run_for(10s);
    REQUIRE(alice.client.relayed(Family::ipv4));
    REQUIRE(bob.client.relayed(Family::ipv4));
    CHECK(numbers_from(alice, *bob.client.relayed(Family::ipv4)).size() > 20);
    CHECK(numbers_from(bob, *alice.client.relayed(Family::ipv4)).size() > 20);
  }
}

TEST_CASE("A host that has only IPv4 meets one that has only IPv6", "[relay][sim]") {
  RelayWorld world{1};
  CaptureOnFailure capture{world.net};
  const auto peer = world.add_echo("2001:db8:7::9"_ip);
  auto& user = world.add_user("alice", {.families = turn::RelayedFamilies::both});
  user.at(world.net.now(), [peer](turn::Client& client, Instant now) { client.send(now, peer, numbered(7)); });
  world.begin(user);
  world.net.run_for(2s);
  CHECK(user.client.relayed(Family::ipv4));
  CHECK(user.client.relayed(Family::ipv6));
  CHECK(numbers_from(user, peer) == std::set<std::uint32_t>{7});
}

TEST_CASE("For hours allocation, permissions, channels and nonces are renewed in time, also through loss",
          "[relay][sim]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RelayWorld world{seed, rough};
    CaptureOnFailure capture{world.net};
    CAPTURE(seed);
    const auto peer = world.add_echo("192.0.2.9"_ip);
    auto& user = world.add_user("alice");
    const auto begun = world.net.now();
    constexpr std::uint32_t count = 3 * 3600 / 5;
    for (std::uint32_t i = 0; i < count; ++i)
      user.at(begun + i * 5s, [peer, i](turn::Client& client, Instant now) { client.send(now, peer, numbered(i)); });
    world.begin(user);
    world.net.run_for(3h);
    CHECK(user.client.state() == State::ready);
    CHECK(world.relay.counters().allocations == 1);
    const auto numbers = numbers_from(user, peer);
    CHECK(numbers.size() > count * 7 / 10);
    // Chance takes one in five; six in a row would be a gap of the permission.
    std::uint32_t last = 0;
    std::uint32_t longest_gap = 0;
    for (const auto number : numbers) longest_gap = std::max(longest_gap, number - std::exchange(last, number));
    CHECK(longest_gap < 12);
    CHECK(world.relay.counters().not_permitted < 5);  // what overtook the first permission
  }
}

TEST_CASE("A client that is switched off is forgotten when its time is over", "[relay][sim]") {
  RelayWorld world{1};
  auto& user = world.add_user("alice");
  auto& home = world.net.add_nat({});
  auto& host = world.net.add_host(home);
  host.attach(user);
  world.net.run_for(10s);
  REQUIRE(user.client.state() == State::ready);
  host.detach_last();
  world.net.run_for(580s);
  CHECK(world.relay.allocations() == 1);
  world.net.run_for(20s);
  CHECK(world.relay.allocations() == 0);
  CHECK_FALSE(world.relay.poll_timeout());
}

TEST_CASE("A client that closes is forgotten at once", "[relay][sim]") {
  RelayWorld world{1};
  auto& user = world.add_user("alice");
  user.at(world.net.now() + 5s, [](turn::Client& client, Instant now) { client.close(now); });
  world.begin(user);
  world.net.run_for(5050ms);
  CHECK(user.client.state() == State::closed);
  CHECK(world.relay.allocations() == 0);
}

TEST_CASE("A relay that is started anew is noticed by name", "[relay][sim]") {
  RelayWorld world{1};
  auto& user = world.add_user("alice");
  world.begin(user);
  world.net.run_for(5s);
  REQUIRE(user.client.state() == State::ready);
  world.restart_relay();
  world.net.run_for(600s);
  REQUIRE(user.client.failure());
  CHECK(user.client.failure()->kind == turn::Failure::Kind::allocation_lost);
}
