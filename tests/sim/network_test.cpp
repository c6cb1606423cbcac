#include "natkit/sim/network.hpp"

#include "catch.hpp"
#include "literals.hpp"
#include "machines.hpp"
#include "natkit/sim/pcap.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const Endpoint ip1_port1 = "198.51.100.1:3478"_ep;
const Endpoint ip1_port2 = "198.51.100.1:3479"_ep;
const Endpoint ip2_port1 = "198.51.100.2:3478"_ep;
const Endpoint ip2_port2 = "198.51.100.2:3479"_ep;
constexpr SocketId one{1}, two{2}, three{3};

/// A network with a reflector on two addresses and two ports.
struct World {
  explicit World(std::uint64_t seed = 1) : net(seed) {
    server_host.attach(
        reflector,
        {{SocketId{0}, ip1_port1}, {SocketId{1}, ip1_port2}, {SocketId{2}, ip2_port1}, {SocketId{3}, ip2_port2}});
  }
  Network net;
  Reflector reflector;
  Host& server_host = net.add_host({.addresses = {ip1_port1.address, ip2_port1.address}});
};
}  // namespace

TEST_CASE("A host on the internet is seen under its own address", "[network]") {
  World world;
  auto& host = world.net.add_host({.addresses = {"198.51.100.7"_ip}, .link = {.delay = 20ms}});
  Asker asker{{{one, ip1_port1}}};
  CHECK(world.net.run(asker, host) == RunEnd::finished);
  REQUIRE(asker.answers.size() == 1);
  const auto& answer = asker.answers.front();
  CHECK(answer.text == to_text(answer.local));
  CHECK(answer.local.address == "198.51.100.7"_ip);
  CHECK(answer.from == ip1_port1);
  CHECK(answer.after == 40ms);
}

TEST_CASE("speed", "[.speed]") {
  for (int i = 0; i < 10000; ++i) {
    World world{static_cast<std::uint64_t>(i)};
    auto& home = world.net.add_nat({.mapping = Behavior::endpoint_independent});
    home.set_link({.delay = 25ms, .jitter = 30ms, .loss = 0.1, .duplicate = 0.05, .reorder = 0.05});
    std::vector<Asker::Ask> asks;
    for (int n = 0; n < 30; ++n) asks.push_back({SocketId(n % 10), n % 2 ? ip1_port1 : ip2_port2});
    Asker asker{asks};
    world.net.run(asker, home);
    REQUIRE(asker.answers.size() > 5);
  }
}
