#include "natkit/probe/probe.hpp"

#include <algorithm>

#include "catch.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;
using enum Behavior;

namespace {
bool has_reason(const probe::Report& report, std::string_view about, std::string_view reason) {
  return std::ranges::any_of(report.evidence,
                             [&](const auto& item) { return item.about == about && item.reason == reason; });
}

/// A STUN server that knows nothing of RFC 5780 and answers whatever it gets from where it was asked.
class PlainServer {
 public:
  explicit PlainServer(std::optional<Endpoint> other = {}) : other_(other) {}
  void start(Instant) {}
  void handle_timeout(Instant) {}
  void handle_datagram(Instant, const Datagram& in) {
    const auto request = stun::parse_message(in.payload);
    if (!request) return;
    stun::MessageWriter writer{stun::MessageClass::success, stun::Method::binding, request->transaction_id()};
    writer.add_endpoint(stun::AttributeType::xor_mapped_address, in.remote);
    if (other_) writer.add_endpoint(stun::AttributeType::other_address, *other_);
    reply_ = Datagram{.socket = in.socket,
                      .protocol = in.protocol,
                      .local = in.local,
                      .remote = in.remote,
                      .payload = writer.finish()};
  }
  std::optional<Datagram> poll_transmit() { return std::exchange(reply_, std::nullopt); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return std::nullopt; }

 private:
  std::optional<Endpoint> other_;
  std::optional<Datagram> reply_;
};

/// Its UDP socket, and its TCP listener.
std::vector<sim::Binding> bindings(const IpAddress& server) {
  return {{.socket = SocketId{0}, .local = {server, port1}},
          {.socket = SocketId{1}, .local = {server, port1}, .protocol = Protocol::tcp}};
}

/// A home behind a port-restricted NAT, and one server of the test's choice.
struct Home {
  template <SansIo M>
  probe::Report ask(M& server) {
    auto& host = net.add_host({.addresses = {address("198.51.100.1")}});
    host.attach(server, bindings(address("198.51.100.1")));
    return ask_nobody();
  }
  probe::Report ask_nobody() {
    auto& home = net.add_nat();
    home.set_link({.delay = 25ms});
    probe::Probe machine{{.servers = {{.name = "server", .address = {address("198.51.100.1"), port1}}}}, net.rng()};
    net.run(machine, home);
    return classify(machine.trace());
  }
  sim::Network net{1};
};
}  // namespace

TEST_CASE("Probe needs two round trips and a guard, its server unknown beforehand", "[probe][sim]") {
  World world{7};
  auto& home = world.net.add_nat({.filtering = address_and_port_dependent});
  home.set_link({.delay = 25ms});
  const auto report = world.measure(world.net.add_host(home));
  CHECK(report.ipv4->mapping == BehaviorSet{endpoint_independent});
  CHECK(report.ipv4->filtering == BehaviorSet{address_and_port_dependent});
  CHECK(report.ipv4->nat == true);
  CHECK(report.elapsed <= 115ms + 40ms);
  CHECK(report.packets_sent <= 40);
}

TEST_CASE("Probe measures a host without NAT", "[probe][sim]") {
  World world{3};
  SECTION("on the open internet") {
    const auto report = world.measure(world.net.add_host());
    CHECK(report.ipv4->nat == false);
    CHECK(report.ipv4->filtering == BehaviorSet{endpoint_independent});
  }
  SECTION("behind a firewall") {
    auto& firewall = world.net.add_firewall({.filtering = address_and_port_dependent});
    const auto report = world.measure(world.net.add_host({.addresses = {address("192.0.2.77")}}, firewall));
    CHECK(report.ipv4->nat == false);
    CHECK(report.ipv4->filtering == BehaviorSet{address_and_port_dependent});
  }
}

TEST_CASE("Probe measures IPv6 as it measures IPv4", "[probe][sim]") {
  World world{3, Server::two_addresses, Family::ipv6};
  auto& firewall = world.net.add_firewall({.filtering = address_dependent});
  const auto report = world.measure(world.net.add_host({.addresses = {address("2001:db8:77::1")}}, firewall));
  REQUIRE(report.ipv6);
  CHECK(report.ipv6->nat == false);
  CHECK(report.ipv6->mapping == BehaviorSet{endpoint_independent});
  CHECK(report.ipv6->filtering == BehaviorSet{address_dependent});
  CHECK_FALSE(report.ipv4);
}

TEST_CASE("A server with one address and two ports leaves a set, not a guess", "[probe][sim]") {
  const auto [mapping, filtering, mapping_left,
              filtering_left] = GENERATE(table<Behavior, Behavior, BehaviorSet, BehaviorSet>({
      {endpoint_independent,
       endpoint_independent,
       {endpoint_independent, address_dependent},
       {endpoint_independent, address_dependent}},
      {address_dependent,
       address_dependent,
       {endpoint_independent, address_dependent},
       {endpoint_independent, address_dependent}},
      {address_and_port_dependent, address_and_port_dependent, address_and_port_dependent, address_and_port_dependent},
  }));
  World world{5, Server::two_ports};
  auto& home =
      world.net.add_nat({.mapping = mapping, .filtering = filtering, .allocation = sim::PortAllocation::random});
  const auto report = world.measure(world.net.add_host(home));
  CHECK(report.ipv4->mapping == mapping_left);
  CHECK(report.ipv4->filtering == filtering_left);
  CHECK(report.servers.front().behavior_discovery == false);
}

TEST_CASE("A server with one address and one port tells only the address", "[probe][sim]") {
  World world{5, Server::one_port};
  const auto report = world.measure(world.net.add_host(world.net.add_nat()));
  CHECK(report.udp == probe::UdpState::ok);
  CHECK(report.ipv4->mapped);
  CHECK(report.ipv4->nat == true);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(has_reason(report, "ipv4.mapping", "one-endpoint-only"));
  CHECK(has_reason(report, "ipv4.filtering", "server-refuses-change-request"));
}

TEST_CASE("A server that ignores CHANGE-REQUEST does not make every NAT a full cone", "[probe][sim]") {
  PlainServer server;
  const auto report = Home{}.ask(server);
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(has_reason(report, "ipv4.filtering", "server-ignores-change-request"));
}

TEST_CASE("A server whose OTHER-ADDRESS is its own address proves no mapping", "[probe][sim]") {
  PlainServer server{Endpoint{address("198.51.100.1"), port1}};
  const auto report = Home{}.ask(server);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(report.ipv4->filtering.is_unknown());
  CHECK(report.servers.front().behavior_discovery == false);
}

TEST_CASE("A second address that does not answer leaves the verdict open", "[probe][sim]") {
  PlainServer server{Endpoint{address("198.51.100.99"), port2}};
  const auto report = Home{}.ask(server);
  CHECK(report.ipv4->mapping.is_unknown());
  CHECK(has_reason(report, "ipv4.mapping", "second-endpoint-silent"));
}

TEST_CASE("Nobody there: the run ends at its timeout and claims nothing", "[probe][sim]") {
  Home home;
  const auto report = home.ask_nobody();
  CHECK(report.udp == probe::UdpState::unknown);
  CHECK(report.elapsed == probe::Timing{}.timeout);
  CHECK_FALSE(report.ipv4->mapped);
  CHECK(has_reason(report, "udp", "no-answer"));
}

TEST_CASE("Blocked UDP is told from a dead server by TCP", "[probe][sim]") {
  Home home;
  PlainServer server;
  auto& host = home.net.add_host({.addresses = {address("198.51.100.1")}});
  host.attach(server, bindings(address("198.51.100.1")));
  const auto policy = GENERATE(sim::Policy::drop, sim::Policy::reject);
  auto& firewall = home.net.add_firewall({.udp = policy});
  firewall.set_link({.delay = 25ms});
  probe::Probe machine{{.servers = {{.name = "server", .address = {address("198.51.100.1"), port1}}}}, home.net.rng()};
  home.net.run(machine, home.net.add_host({.addresses = {address("192.0.2.77")}}, firewall));
  const auto report = classify(machine.trace());
  CHECK(report.udp == probe::UdpState::blocked);
  CHECK(report.elapsed < 1500ms);
}

TEST_CASE("Two servers with one address each and no word of each other tell endpoint-independent mapping",
          "[probe][sim]") {
  const auto [mapping, left] = GENERATE(table<Behavior, BehaviorSet>({
      {endpoint_independent, endpoint_independent},
      {address_dependent, {address_dependent, address_and_port_dependent}},
  }));
  sim::Network net{11};
  PlainServer one;
  PlainServer other;
  net.add_host({.addresses = {address("198.51.100.1")}}).attach(one, bindings(address("198.51.100.1")));
  net.add_host({.addresses = {address("198.51.100.2")}}).attach(other, bindings(address("198.51.100.2")));
  probe::Probe machine{
      {.servers = {{"one", {address("198.51.100.1"), port1}}, {"other", {address("198.51.100.2"), port1}}}}, net.rng()};
  net.run(machine, net.add_nat({.mapping = mapping, .allocation = sim::PortAllocation::random}));
  CHECK(classify(machine.trace()).ipv4->mapping == left);
}

TEST_CASE("One silent server of two delays the verdict, but does not change it", "[probe][sim]") {
  World world{13};
  auto& home = world.net.add_nat();
  probe::Probe machine{{.servers = {{"silent", {address("198.51.100.99"), port1}}, {"server", {world.first, port1}}}},
                       world.net.rng()};
  world.net.run(machine, home);
  const auto report = classify(machine.trace());
  CHECK(report.ipv4->mapping == BehaviorSet{endpoint_independent});
  CHECK(report.ipv4->filtering == BehaviorSet{address_and_port_dependent});
  CHECK_FALSE(report.servers.front().rtt);
  CHECK(report.elapsed <= 300ms);
}

TEST_CASE("Answers that nobody asked for are ignored", "[probe]") {
  SeededRng rng{1};
  probe::Probe machine{{.servers = {{"server", {address("198.51.100.1"), port1}}}}, rng};
  const Instant begin{1h};
  machine.start(begin);
  const auto request = machine.poll_transmit();
  REQUIRE(request);
  const auto events = machine.trace().events.size();
  const auto heard = [&](SocketId socket, const stun::TransactionId& id) {
    stun::MessageWriter writer{stun::MessageClass::success, stun::Method::binding, id};
    writer.add_endpoint(stun::AttributeType::xor_mapped_address, {address("203.0.113.1"), 1});
    machine.handle_datagram(begin, {.socket = socket, .remote = request->remote, .payload = writer.finish()});
    return machine.trace().events.size() - events;
  };
  const auto id = stun::parse_message(request->payload)->transaction_id();
  CHECK(heard(request->socket, stun::TransactionId{}) == 0);  // another id
  CHECK(heard(SocketId{99}, id) == 0);                        // another socket
  machine.handle_datagram(begin, {.socket = request->socket, .remote = request->remote, .payload = {0, 1, 2}});
  CHECK(machine.trace().events.size() == events);
  const auto counted = heard(request->socket, id);
  CHECK(counted >= 1);
  CHECK(heard(request->socket, id) == counted);  // a duplicate
}

TEST_CASE("A server without receipts gives the same verdicts on all nine pairs", "[probe][sim]") {
  const auto mapping = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  const auto filtering = GENERATE(endpoint_independent, address_dependent, address_and_port_dependent);
  World world{17, Server::foreign};
  auto& home =
      world.net.add_nat({.mapping = mapping, .filtering = filtering, .allocation = sim::PortAllocation::sequential});
  home.set_link({.delay = 25ms});
  const auto report = world.measure(world.net.add_host(home));
  CHECK(report.ipv4->mapping == BehaviorSet{mapping});
  CHECK(report.ipv4->filtering == BehaviorSet{filtering});
  CHECK(report.servers.front().behavior_discovery == true);
  CHECK(report.elapsed < 250ms);
}
