#include "natkit/sim/port_chooser.hpp"

#include <set>

#include "nat_bench.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const std::vector<IpAddress> pool{"203.0.113.1"_ip, "203.0.113.2"_ip, "203.0.113.3"_ip};

/// The external ports of a host's first `count` sockets.
std::vector<std::uint16_t> ports_of(NatBench& bench, const Endpoint& host, int count) {
  std::vector<std::uint16_t> ports;
  for (int n = 0; n < count; ++n) {
    const auto mapped = bench.out(socket_of(host, n), server);
    REQUIRE(mapped);
    ports.push_back(mapped->port);
  }
  return ports;
}
}  // namespace

TEST_CASE("Port preservation keeps the inside port until another socket has it", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::preserving}};
  CHECK(bench.out(inside, server) == Endpoint{external, inside.port});
  const auto other = bench.out(other_host, server);
  REQUIRE(other);
  CHECK(other->port != inside.port);
}

TEST_CASE("Port preservation leaves the well-known ports alone", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::preserving}};
  const auto mapped = bench.out({inside.address, 53}, server);
  REQUIRE(mapped);
  CHECK(mapped->port >= 1024);
}

TEST_CASE("Sequential allocation gives the next port to the next mapping, round the range", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::sequential, .first_port = 5000, .last_port = 5009}};
  const auto ports = ports_of(bench, inside, 10);
  for (std::size_t i = 1; i < ports.size(); ++i) CHECK(ports[i] == (ports[i - 1] == 5009 ? 5000 : ports[i - 1] + 1));
}

TEST_CASE("Block allocation keeps a host's ports in one block and hosts apart", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::block, .first_port = 1024, .block_size = 64}};
  const auto mine = ports_of(bench, inside, 64);
  const auto theirs = ports_of(bench, other_host, 64);
  const auto block = [](std::uint16_t port) { return (port - 1024) / 64; };
  for (const auto port : mine) CHECK(block(port) == block(mine.front()));
  for (const auto port : theirs) CHECK(block(port) == block(theirs.front()));
  CHECK(block(mine.front()) != block(theirs.front()));
  CHECK_FALSE(bench.out(socket_of(inside, 64), server));  // RFC 7422: a subscriber's block is all there is
}

TEST_CASE("A block returns to the pool when its host has no mapping left", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::block,
                  .first_port = 2048,
                  .last_port = 2111,
                  .block_size = 64,
                  .mapping_lifetime = 2min}};
  CHECK(bench.out(inside, server));
  CHECK_FALSE(bench.out(other_host, server, start + 1min));
  CHECK(bench.out(other_host, server, start + 3min));
}

TEST_CASE("Random allocation spreads over the whole range", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::random}};
  const auto ports = ports_of(bench, inside, 400);
  CHECK(std::set(ports.begin(), ports.end()).size() == 400);
  std::size_t in_lower_half = 0;
  for (const auto port : ports) {
    CHECK(port >= 1024);
    if (port < 33280) ++in_lower_half;
  }
  CHECK(in_lower_half > 140);
  CHECK(in_lower_half < 260);
}

TEST_CASE("Parity preservation gives even for even and odd for odd, to the last port", "[port_chooser]") {
  const auto [first, last] = GENERATE(table<std::uint16_t, std::uint16_t>({{5000, 5019}, {5001, 5020}, {5000, 5020}}));
  NatBench bench{{.allocation = PortAllocation::parity_preserving, .first_port = first, .last_port = last}};
  for (int n = 0; n < 20; ++n) {
    const auto mapped = bench.out(socket_of(inside, n), server);
    REQUIRE(mapped);
    CHECK(mapped->port % 2 == n % 2);
    CHECK((mapped->port >= first && mapped->port <= last));
  }
}

TEST_CASE("A NAT without a free port drops the packet and serves the sockets it knows", "[port_chooser]") {
  NatBench bench{{.allocation = PortAllocation::random, .first_port = 5000, .last_port = 5003}};
  const auto ports = ports_of(bench, inside, 4);
  CHECK_FALSE(bench.out(socket_of(inside, 4), server));
  CHECK(bench.out(inside, server_ip2) == Endpoint{external, ports.front()});
}

TEST_CASE("A pool of addresses is used singly, in pairs or arbitrarily", "[port_chooser]") {
  const auto [pooling, of_one_host, of_all_hosts] = GENERATE(table<AddressPooling, std::size_t, std::size_t>({
      {AddressPooling::single, 1, 1},
      {AddressPooling::paired, 1, 3},
      {AddressPooling::arbitrary, 3, 3},
  }));
  NatBench bench{{.external_addresses = pool, .pooling = pooling}};
  std::set<IpAddress> all;
  for (std::uint8_t host = 0; host < 20; ++host) {
    std::set<IpAddress> mine;
    for (int n = 0; n < 20; ++n) mine.insert(bench.out({IpAddress::v4(0x0a010002U + host), 40000}, server)->address);
    for (int n = 1; n < 20; ++n)
      mine.insert(bench.out(socket_of({IpAddress::v4(0x0a010002U + host), 40000}, n), server)->address);
    CHECK(mine.size() == of_one_host);
    all.merge(mine);
  }
  CHECK(all.size() == of_all_hosts);
}

TEST_CASE("An arbitrary pool gives each mapping of one socket another address, as far as it goes", "[port_chooser]") {
  NatBench bench{{.external_addresses = pool,
                  .mapping = Behavior::address_and_port_dependent,
                  .pooling = AddressPooling::arbitrary}};
  std::set<IpAddress> seen;
  for (const auto& destination : {server, server_port2, server_ip2})
    seen.insert(bench.out(inside, destination)->address);
  CHECK(seen.size() == 3);
  CHECK(bench.out(inside, server_ip2_port2));
}
