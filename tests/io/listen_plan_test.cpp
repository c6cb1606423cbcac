#include "natkit/io/listen_plan.hpp"

#include <map>
#include <set>
#include <string>

#include "catch.hpp"

using namespace natkit;

namespace {
Endpoint at(std::string_view text) { return *parse_endpoint(text, 0); }

std::vector<io::InterfaceAddress> machine(std::initializer_list<std::pair<const char*, const char*>> addresses) {
  std::vector<io::InterfaceAddress> here;
  for (const auto& [interface, address] : addresses) here.push_back({interface, *parse_ip_address(address)});
  return here;
}

/// "192.0.2.1:3478 192.0.2.1:3479 | 127.0.0.1:3478 …": the UDP endpoints, group by group, in order.
std::string groups(const io::ListenWish& wish, const std::vector<io::InterfaceAddress>& here = {}) {
  const auto planned = io::plan_listeners(wish, here);
  if (!planned) return planned.error().reason;
  std::vector<std::uint32_t> order;
  std::map<std::uint32_t, std::string> texts;
  for (const auto& [listener, group] : *planned) {
    if (listener.protocol != Protocol::udp) continue;
    if (!texts.contains(group)) order.push_back(group);
    texts[group] += (texts[group].empty() ? "" : " ") + to_text(listener.endpoint);
  }
  std::string all;
  for (const auto group : order) all += (all.empty() ? "" : " | ") + texts[group];
  return all;
}
}  // namespace

TEST_CASE("Two addresses with two ports each are four sockets, for UDP and for TCP", "[listen_plan]") {
  const auto planned = io::plan_listeners({.listen = {at("192.0.2.1:3478")}, .alternates = {at("192.0.2.2")}}, {});
  REQUIRE(planned);
  REQUIRE(planned->size() == 8);
  std::set<SocketId> ids;
  std::set<TransportAddress> addresses;
  for (const auto& [listener, group] : *planned) {
    CHECK(group == planned->front().group);
    ids.insert(listener.socket);
    addresses.insert({listener.protocol, listener.endpoint});
  }
  CHECK(ids.size() == 4);
  CHECK(addresses.size() == 8);
  CHECK(addresses.contains({Protocol::tcp, at("192.0.2.2:3479")}));
}

TEST_CASE("Free ports are two for all addresses of a family", "[listen_plan]") {
  const auto planned = io::plan_listeners({.listen = {at("127.0.0.1:0"), at("127.0.0.2:0")}, .alternates = {}}, {});
  REQUIRE(planned);
  REQUIRE(planned->size() == 8);
  std::map<IpAddress, std::set<std::uint32_t>> slots;
  for (const auto& [listener, group] : *planned) {
    CHECK(listener.endpoint.port == 0);
    slots[listener.endpoint.address].insert(listener.port_slot);
  }
  for (const auto& [address, of_address] : slots) CHECK(of_address.size() == 2);
}

TEST_CASE("By default all addresses are served, and those go together that one client can reach", "[listen_plan]") {
  const io::ListenWish all{.listen = {at("0.0.0.0:1"), at("[::]:1")}, .alternates = {}};
  CHECK(groups(all, machine({{"lo", "127.0.0.1"}, {"eth0", "192.0.2.1"}, {"eth1", "198.51.100.1"}})) ==
        "127.0.0.1:1 127.0.0.1:2 | 192.0.2.1:1 192.0.2.1:2 198.51.100.1:1 198.51.100.1:2");
  CHECK(groups(all, machine({{"eth0", "192.168.0.1"}, {"eth1", "192.168.7.1"}})) ==
        "192.168.0.1:1 192.168.0.1:2 | 192.168.7.1:1 192.168.7.1:2");
  CHECK(groups(all, machine({{"eth0", "192.168.0.1"}, {"eth0", "192.168.0.2"}, {"docker0", "172.17.0.1"}})) ==
        "192.168.0.1:1 192.168.0.1:2 192.168.0.2:1 192.168.0.2:2 | 172.17.0.1:1 172.17.0.1:2");
  CHECK(groups(all, machine({{"eth0", "2001:db8::1"}, {"eth0", "fe80::1"}, {"eth0", "192.0.2.1"}})) ==
        "192.0.2.1:1 192.0.2.1:2 | [2001:db8::1]:1 [2001:db8::1]:2");
  CHECK(groups(all) == "no-address");
}

TEST_CASE("Addresses that the user lists go together unless one is public and the other is not", "[listen_plan]") {
  CHECK(groups({.listen = {at("10.0.0.1:5"), at("192.168.7.1:5")}, .alternates = {}}) ==
        "10.0.0.1:5 10.0.0.1:6 192.168.7.1:5 192.168.7.1:6");
  CHECK(groups({.listen = {at("10.0.0.1:5"), at("192.0.2.1:5")}, .alternates = {}}) ==
        "10.0.0.1:5 10.0.0.1:6 | 192.0.2.1:5 192.0.2.1:6");
}

TEST_CASE("An alternate is found first, and goes with whatever it was given for", "[listen_plan]") {
  CHECK(groups({.listen = {at("10.0.0.1:5"), at("10.0.0.2:5")}, .alternates = {at("192.0.2.1:9")}}) ==
        "192.0.2.1:5 192.0.2.1:9 10.0.0.1:5 10.0.0.1:9 10.0.0.2:5 10.0.0.2:9");
  // One that is listened on already.
  CHECK(groups({.listen = {at("192.0.2.1:5"), at("10.0.0.2:5")}, .alternates = {at("192.0.2.1")}}) ==
        "192.0.2.1:5 192.0.2.1:6 10.0.0.2:5 10.0.0.2:6");
  // Of its own scope, where that is listened on.
  CHECK(groups({.listen = {at("0.0.0.0:5")}, .alternates = {at("192.0.2.2")}},
               machine({{"lo", "127.0.0.1"}, {"eth0", "10.0.0.1"}, {"eth0", "192.0.2.1"}})) ==
        "192.0.2.2:5 192.0.2.2:6 192.0.2.1:5 192.0.2.1:6 | 127.0.0.1:5 127.0.0.1:6 | 10.0.0.1:5 10.0.0.1:6");
  // Of its own family.
  CHECK(groups({.listen = {at("192.0.2.1:5"), at("[2001:db8::1]:5")}, .alternates = {at("[2001:db8::2]:8")}}) ==
        "[2001:db8::2]:5 [2001:db8::2]:8 [2001:db8::1]:5 [2001:db8::1]:8 | 192.0.2.1:5 192.0.2.1:6");
}

TEST_CASE("The same address with another port as alternate sets the second port only", "[listen_plan]") {
  CHECK(groups({.listen = {at("192.0.2.1:5")}, .alternates = {at("192.0.2.1:9")}}) == "192.0.2.1:5 192.0.2.1:9");
  CHECK(groups({.listen = {at("192.0.2.1:5"), at("192.0.2.1:6")}, .alternates = {}}) == "192.0.2.1:5 192.0.2.1:6");
}

TEST_CASE("An alternate that cannot be one is refused", "[listen_plan]") {
  CHECK(groups({.listen = {at("192.0.2.1:5")}, .alternates = {at("192.0.2.2:5")}}) == "bad-alternate");
  CHECK(groups({.listen = {at("192.0.2.1:5")}, .alternates = {at("[2001:db8::1]:6")}}) == "bad-alternate");
  CHECK(groups({.listen = {at("192.0.2.1:5")}, .alternates = {at("0.0.0.0:6")}}) == "bad-alternate");
}
