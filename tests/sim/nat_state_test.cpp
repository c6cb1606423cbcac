// What a NAT remembers, for how long, and how much of it.
#include "nat_bench.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

TEST_CASE("A mapping lives as long as its lifetime and not a moment longer", "[nat][lifetime]") {
  NatBench bench{{.allocation = PortAllocation::random, .mapping_lifetime = 120s}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  CHECK(bench.in(server, *mapped, start + 120s - 1ns) == inside);
  CHECK_FALSE(bench.in(server, *mapped, start + 120s));
  CHECK(bench.out(inside, server, start + 120s) != mapped);
}

TEST_CASE("Packets from the inside always prolong a mapping, packets from outside only by the refresh rule",
          "[nat][lifetime]") {
  const auto refresh = GENERATE(Refresh::outbound, Refresh::outbound_and_inbound);
  NatBench bench{{.mapping_lifetime = 120s, .refresh = refresh}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  REQUIRE(bench.out(inside, server, start + 100s) == mapped);
  REQUIRE(bench.in(server, *mapped, start + 200s) == inside);
  CHECK(bench.in(server, *mapped, start + 300s).has_value() == (refresh == Refresh::outbound_and_inbound));
}

TEST_CASE("Packets that are filtered prolong nothing", "[nat][lifetime]") {
  NatBench bench{{.mapping_lifetime = 120s, .refresh = Refresh::outbound_and_inbound}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  REQUIRE_FALSE(bench.in(server_ip2, *mapped, start + 100s));
  CHECK_FALSE(bench.in(server, *mapped, start + 121s));
}

TEST_CASE("A filter entry may end before its mapping does", "[nat][lifetime]") {
  NatBench bench{{.allocation = PortAllocation::random, .mapping_lifetime = 300s, .filter_lifetime = 60s}};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  REQUIRE(bench.out(inside, server_ip2, start + 50s) == mapped);
  CHECK_FALSE(bench.in(server, *mapped, start + 61s));
  CHECK(bench.in(server_ip2, *mapped, start + 61s) == inside);
  CHECK(bench.out(inside, server, start + 299s) == mapped);
}

TEST_CASE("A Linux NAT forgets a flow without an answer sooner", "[nat][lifetime]") {
  const bool answered = GENERATE(false, true);
  NatBench bench{linux_masquerade()};
  const auto mapped = bench.out(inside, server);
  REQUIRE(mapped);
  if (answered) REQUIRE(bench.in(server, *mapped, start + 1s) == inside);
  CHECK(bench.in(server, *mapped, start + 31s).has_value() == answered);
  CHECK_FALSE(bench.in(server, *mapped, start + 200s));
}

TEST_CASE("A host cannot have more mappings than its quota, and gets room when one expires", "[nat][quota]") {
  NatBench bench{{.mapping_lifetime = 120s, .mappings_per_host = 3}};
  for (int n = 0; n < 3; ++n) CHECK(bench.out(socket_of(inside, n), server, start + n * 1s));
  CHECK_FALSE(bench.out(socket_of(inside, 3), server, start + 3s));
  CHECK(bench.out(other_host, server, start + 3s));
  CHECK(bench.out(socket_of(inside, 1), server, start + 3s));  // an old socket is served
  CHECK(bench.out(socket_of(inside, 3), server, start + 120s));
}

TEST_CASE("A full table refuses new mappings and keeps the old ones", "[nat][quota]") {
  NatBench bench{{.mapping = Behavior::address_and_port_dependent, .mapping_lifetime = 120s, .table_size = 10}};
  for (int n = 0; n < 1000; ++n) (void)bench.out(socket_of(inside, n), server);
  CHECK(bench.nat().mapping_count() == 10);
  CHECK(bench.out(inside, server));
  CHECK(bench.out(socket_of(inside, 999), server, start + 121s));
}

TEST_CASE("Tuples kept for strangers are bounded: past the table's size none is kept", "[nat][quota]") {
  NatConfig config = linux_masquerade(Unsolicited::accept);
  config.table_size = 10;
  NatBench bench{config};
  for (int n = 0; n < 11; ++n) CHECK_FALSE(bench.in(socket_of(server, n), {external, inside.port}));
  CHECK(bench.out(inside, socket_of(server, 10))->port == inside.port);
  CHECK(bench.out(inside, socket_of(server, 9))->port != inside.port);
}
