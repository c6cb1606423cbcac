// Where the server's own port does not answer over UDP: which others do, and over what.
#include "catch.hpp"
#include "natkit/stun/responder.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
const auto server = address("198.51.100.1");
using Places = std::vector<std::pair<Protocol, std::uint16_t>>;

/// A server that serves at these ports, asked at its usual one.
probe::Report ask(const Places& places) {
  sim::Network net{1};
  stun::Responder::Config config;
  std::vector<sim::Binding> bindings;
  for (const auto& [protocol, port] : places) {
    const SocketId socket{static_cast<std::uint32_t>(bindings.size())};
    config.listeners.push_back({.socket = socket, .endpoint = {server, port}, .protocol = protocol});
    bindings.push_back({.socket = socket, .local = {server, port}, .protocol = protocol});
  }
  stun::Responder responder{config, net.rng()};
  net.add_host({.addresses = {server}}).attach(responder, bindings);
  auto& home = net.add_nat();
  home.set_link({.delay = 25ms});
  probe::Probe machine{
      {.servers = {{.name = "server", .address = {server, port1}}}, .timing = {.extent = probe::Timing::Extent::full}},
      net.rng()};
  net.run(machine, home);
  return classify(machine.trace());
}

bool has(const probe::Report& report, std::string_view transport, std::uint16_t port) {
  return report.ways_out &&
         std::ranges::find(*report.ways_out, probe::WayOut{transport, {server, port}}) != report.ways_out->end();
}
}  // namespace

TEST_CASE("A server that answers over UDP is asked for no other way", "[probe][ways]") {
  CHECK_FALSE(ask({{Protocol::udp, port1}}).ways_out);
}

TEST_CASE("Ports that are let out are named, and that UDP is blocked at the usual one", "[probe][ways]") {
  const auto report = ask({{Protocol::udp, 443}, {Protocol::tcp, 443}});
  CHECK(report.udp == probe::UdpState::blocked);
  CHECK(has(report, "udp", 443));
  CHECK(has(report, "tcp", 443));
  CHECK_FALSE(has(report, "udp", 53));
  CHECK_FALSE(has(report, "tcp", 80));
  CHECK(report.ipv4->mapping.is_unknown());  // what another port shows says nothing of the one that was asked for
}

TEST_CASE("The usual port over TCP is a way out, too", "[probe][ways]") {
  const auto report = ask({{Protocol::tcp, port1}});
  CHECK(report.udp == probe::UdpState::blocked);
  REQUIRE(report.ways_out);
  CHECK(*report.ways_out == std::vector{probe::WayOut{"tcp", {server, port1}}});
}

TEST_CASE("Where nothing answers at all, nothing is said of UDP", "[probe][ways]") {
  const auto report = ask({});
  CHECK(report.udp == probe::UdpState::unknown);
  REQUIRE(report.ways_out);
  CHECK(report.ways_out->empty());
  CHECK(report.packets_sent <= 120);
}
