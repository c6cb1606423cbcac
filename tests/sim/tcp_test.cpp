#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
/// Notes when its connections stand.
class Connector : public Asker {
 public:
  using Asker::Asker;
  void handle_connected(Instant, SocketId socket, const Endpoint& remote) { connected.emplace_back(socket, remote); }
  std::vector<std::pair<SocketId, Endpoint>> connected;
};
static_assert(HearsConnections<Connector>);

/// A reflector that listens on TCP.
struct TcpWorld {
  TcpWorld() {
    server.attach(reflector, {{SocketId{from_ip1_port1}, ip1_port1, Protocol::tcp},
                              {SocketId{from_ip1_port2}, ip1_port2, Protocol::tcp}});
  }
  Network net{1};
  Reflector reflector;
  Host& server = net.add_host({.addresses = {ip1_port1.address}});
};

Asker::Ask over_tcp(SocketId socket, const Endpoint& to, Bytes reply_from = {from_ip1_port1}) {
  return {.socket = socket, .to = to, .reply_from = std::move(reply_from), .protocol = Protocol::tcp};
}
}  // namespace

TEST_CASE("The first answer over TCP takes two round trips, the next ones", "[network][tcp]") {
  TcpWorld world;
  auto& home = world.net.add_nat();
  home.set_link({.delay = 25ms});
  auto later = over_tcp(one, ip1_port1);
  later.after = 500ms;
  Asker asker{{over_tcp(one, ip1_port1), later}};
  world.net.run(asker, home);
  REQUIRE(asker.answers.size() == 2);
  CHECK(asker.answers[0].after == 100ms);
  CHECK(asker.answers[1].after == 550ms);
  CHECK(parse_endpoint(asker.answers[0].text)->address == home.addresses().front());
}

TEST_CASE("TCP loses, doubles and reorders nothing on a bad link", "[network][tcp]") {
  TcpWorld world;
  auto& home = world.net.add_nat();
  home.set_link({.delay = 25ms, .jitter = 100ms, .loss = 0.5, .duplicate = 0.5, .reorder = 0.5});
  std::vector<Asker::Ask> asks;
  for (int n = 0; n < 100; ++n) asks.push_back(over_tcp(one, ip1_port1, Bytes(static_cast<std::size_t>(n % 3), 0)));
  Asker asker{asks, 10s};
  world.net.run(asker, home);
  CHECK(world.reflector.heard == 100);
  CHECK(asker.answers.size() == 99);
}

TEST_CASE("TCP passes where UDP is blocked, and is blocked on its own", "[network][tcp]") {
  const auto [config, over_udp_heard, over_tcp_heard] = GENERATE(table<FirewallConfig, int, int>({
      {{.udp = Policy::drop}, 0, 1},
      {{.tcp = Policy::drop}, 1, 0},
  }));
  TcpWorld world;
  Reflector over_udp;
  world.server.attach(over_udp, {{SocketId{0}, ip1_port1}});
  auto& office = world.net.add_firewall(config);
  Asker asker{{{one, ip1_port1}, over_tcp(two, ip1_port1)}};
  world.net.run(asker, office);
  CHECK(over_udp.heard == over_udp_heard);
  CHECK(world.reflector.heard == over_tcp_heard);
}

TEST_CASE("A connection to a port where nobody listens is refused, and the machine is told", "[network][tcp]") {
  TcpWorld world;
  Asker asker{{over_tcp(one, {ip1_port1.address, 9})}};
  world.net.run(asker, world.net.add_nat());
  CHECK(asker.failures == std::vector<std::string>{"Connection refused 198.51.100.1:9"});
}

TEST_CASE("A firewall that rejects TCP is told from a closed port", "[network][tcp]") {
  TcpWorld world;
  Asker asker{{over_tcp(one, ip1_port1)}};
  world.net.run(asker, world.net.add_firewall({.tcp = Policy::reject}));
  CHECK(asker.failures == std::vector<std::string>{"No route to host 198.51.100.1:3478"});
}

TEST_CASE("A listener cannot open a connection to a client", "[network][tcp]") {
  TcpWorld world;
  Asker asker{{over_tcp(one, ip1_port1, {from_ip1_port1, from_ip1_port2})}};
  world.net.run(asker, world.net.add_host());
  CHECK(asker.answers.size() == 1);
  CHECK_FALSE(asker.told(one, ip1_port2));
}

TEST_CASE("A machine is told that its connection stands, though the other side never says a word", "[network][tcp]") {
  TcpWorld world;
  Connector silent{{over_tcp(one, ip1_port1, {})}};
  world.net.run(silent, world.net.add_nat());
  CHECK(silent.answers.empty());
  CHECK(silent.connected == std::vector{std::pair{one, ip1_port1}});
  Connector refused{{over_tcp(one, {ip1_port1.address, 9}, {})}};
  world.net.run(refused, world.net.add_nat());
  CHECK(refused.connected.empty());
}
