// One agent over TCP: when its checks leave, and what becomes of connections (RFC 6544).
#include <map>
#include <set>
#include <string>

#include "catch.hpp"
#include "ice/solo.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;

namespace {
constexpr SocketId active{7}, passive{8}, meeting{9};
const Endpoint remote = "198.51.100.9:7000"_ep;

Candidate tcp(Transport transport, const Endpoint& where, Kind kind = Kind::host) {
  return make_candidate(kind, transport, where, {.base = where});
}

/// With all three kinds of base.
struct TcpSolo : Solo {
  explicit TcpSolo(Role role = Role::controlling, Agent::Config config = {}) : Solo(role, std::move(config)) {
    agent.add_local(now, {.candidate = tcp(Transport::tcp_active, "192.168.1.10:9"_ep), .base = active});
    agent.add_local(now, {.candidate = tcp(Transport::tcp_passive, "192.168.1.10:5001"_ep), .base = passive});
    agent.add_local(now, {.candidate = tcp(Transport::tcp_so, "192.168.1.10:5002"_ep), .base = meeting});
  }
  void add_tcp(Transport transport, const Endpoint& where, Kind kind = Kind::server_reflexive) {
    agent.add_remote(now, tcp(transport, where, kind));
  }
  bool receive_tcp(SocketId socket, const Endpoint& from, Bytes payload) {
    return agent.handle_datagram(
        now, {.socket = socket, .protocol = Protocol::tcp, .remote = from, .payload = std::move(payload)});
  }
  bool answer_tcp(const Datagram& check) {
    const auto id = stun::parse_message(check.payload)->transaction_id();
    return receive_tcp(check.socket, check.remote,
                       write_success(id, "203.0.113.1:40000"_ep, peer.password, agent.dialect()));
  }
  void fail(const Datagram& check) { agent.handle_send_failure(now, check); }
};

std::vector<std::pair<double, Datagram>> over_tcp(std::vector<std::pair<double, Datagram>> sent) {
  std::erase_if(sent, [](const auto& one) { return one.second.protocol != Protocol::tcp; });
  return sent;
}
}  // namespace

TEST_CASE("What connects goes to what waits, and what meets to what meets", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_tcp(Transport::tcp_active, "198.51.100.9:9"_ep);
  solo.add_tcp(Transport::tcp_passive, "198.51.100.9:7001"_ep);
  solo.add_tcp(Transport::tcp_so, "198.51.100.9:7002"_ep);
  solo.begin();
  const auto sent = solo.run(1s);
  REQUIRE(sent.size() == 2);
  std::map<SocketId, Endpoint> went;
  for (const auto& [at, out] : sent) went[out.socket] = out.remote;
  CHECK(went == std::map<SocketId, Endpoint>{{active, "198.51.100.9:7001"_ep}, {meeting, "198.51.100.9:7002"_ep}});
}

TEST_CASE("TCP waits for UDP, and is not tried once a direct pair over UDP is valid", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_remote(remote);
  solo.add_tcp(Transport::tcp_so, remote);
  solo.begin();
  SECTION("UDP works") {
    solo.answer(solo.checks().at(0));
    CHECK(over_tcp(solo.run(1s)).empty());
  }
  SECTION("UDP does not work") {
    const auto tried = over_tcp(solo.run(1s));
    REQUIRE(tried.size() == 1);
    CHECK(tried[0].first == 300);
    solo.answer_tcp(tried[0].second);
    REQUIRE(solo.agent.path());
    CHECK(solo.agent.path()->protocol == Protocol::tcp);
    CHECK_FALSE(solo.agent.path()->is_relayed());
  }
  SECTION("UDP works, and is lost later") {
    const auto first = solo.checks().at(0);
    solo.answer(first);
    solo.pass(200ms);
    CHECK(over_tcp(solo.run(3s)).size() == 1);
    CHECK(solo.count<Agent::PathLost>() == 1);
  }
}

TEST_CASE("A relayed path does not hold TCP back, and a direct one over TCP is better", "[agent][tcp]") {
  TcpSolo solo;
  const auto where = "203.0.113.200:50000"_ep;
  solo.agent.add_local(solo.now, {.candidate = make_candidate(Kind::relayed, Transport::udp, where, {.base = where}),
                                  .base = SocketId{99}});
  solo.add_remote(remote);
  solo.add_tcp(Transport::tcp_so, "198.51.100.9:7002"_ep);
  solo.begin();
  for (const auto& check : solo.checks())
    if (check.socket == SocketId{99}) solo.answer(check);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->is_relayed());
  const auto tried = over_tcp(solo.run(350ms));
  REQUIRE(tried.size() == 1);
  solo.answer_tcp(tried[0].second);
  CHECK(solo.agent.path()->protocol == Protocol::tcp);
}

TEST_CASE("UDP that turns out to work later is better than TCP", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_remote(remote, Kind::server_reflexive);
  solo.add_tcp(Transport::tcp_passive, "198.51.100.9:7001"_ep, Kind::host);
  solo.begin();
  const auto udp = solo.checks().at(0);
  solo.answer_tcp(over_tcp(solo.run(350ms)).at(0).second);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->protocol == Protocol::tcp);
  solo.answer(udp);
  CHECK(solo.agent.path()->protocol == Protocol::udp);
}

TEST_CASE("A connection that was refused is tried again, soon at first", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_tcp(Transport::tcp_so, remote);
  solo.begin();
  std::vector<double> waits;
  auto last = solo.now;
  const auto began = solo.now;
  while (solo.now < began + 1500ms) {
    for (const auto& [at, check] : solo.run(1ms)) {
      waits.push_back(to_ms(solo.now - last));
      solo.fail(check);
      last = solo.now;
    }
  }
  // A round trip and a half of 50 ms, doubling.
  CHECK(waits == std::vector<double>{1, 75, 150, 300, 600});
}

TEST_CASE("A connection that ends takes its path along at once, and is made anew", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_tcp(Transport::tcp_so, remote);
  solo.begin();
  const auto check = solo.checks().at(0);
  solo.answer_tcp(check);
  REQUIRE(solo.agent.path());
  (void)solo.sent();
  solo.fail({.socket = meeting, .protocol = Protocol::tcp, .remote = remote, .payload = {}});
  CHECK_FALSE(solo.agent.path());
  CHECK(solo.count<Agent::PathLost>() == 1);
  const auto again = over_tcp(solo.run(200ms));
  REQUIRE(again.size() == 1);
  solo.answer_tcp(again[0].second);
  CHECK(solo.agent.path());
}

TEST_CASE("Who connects from an announced address is that host, though its port is new", "[agent][tcp]") {
  const auto [announced, kind] =
      GENERATE(table<std::string, Kind>({{"198.51.100.9:9", Kind::host}, {"10.0.0.7:9", Kind::peer_reflexive}}));
  TcpSolo solo{Role::controlled};
  solo.add_tcp(Transport::tcp_active, *parse_endpoint(announced), Kind::host);
  solo.begin();
  solo.receive_tcp(passive, remote, solo.check());
  solo.answer_tcp(solo.checks().at(0));
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->remote_kind == kind);
}

TEST_CASE("Whoever connects a hundred times, each time from another port, is let in each time", "[agent][tcp]") {
  TcpSolo solo{Role::controlled};
  solo.begin();
  for (std::uint16_t n = 0; n < 100; ++n) {
    const Endpoint from{remote.address, static_cast<std::uint16_t>(30000 + n)};
    solo.receive_tcp(passive, from, solo.check());
    const auto out = solo.checks();
    REQUIRE(out.size() == 1);
    REQUIRE(out[0].remote == from);
    solo.answer_tcp(out[0]);
    REQUIRE(solo.agent.path());
    solo.fail({.socket = passive, .protocol = Protocol::tcp, .remote = from, .payload = {}});
    CHECK(solo.agent.pairs().empty());
  }
}

TEST_CASE("A peer that names a thousand places makes us connect to two dozen", "[agent][tcp]") {
  TcpSolo solo;
  for (std::uint16_t n = 0; n < 1000; ++n)
    solo.add_tcp(n % 2 == 0 ? Transport::tcp_passive : Transport::tcp_so,
                 {IpAddress::v4(0xC6336400U + n % 250), static_cast<std::uint16_t>(2000 + n)});
  solo.begin();
  std::set<std::pair<SocketId, Endpoint>> connections;
  for (const auto& [at, out] : over_tcp(solo.run(60s))) connections.emplace(out.socket, out.remote);
  CHECK(connections.size() == CheckList::most_tcp_pairs);
}

TEST_CASE("Nobody can make us connect to ourselves, to many, or to a port of the system's", "[agent][tcp]") {
  const auto [where, is_allowed] = GENERATE(table<std::string, bool>({{"127.0.0.1:6379", false},
                                                                      {"0.0.0.0:7000", false},
                                                                      {"224.0.0.1:7000", false},
                                                                      {"198.51.100.9:25", false},
                                                                      {"198.51.100.9:1023", false},
                                                                      {"198.51.100.9:443", true},
                                                                      {"198.51.100.9:1024", true},
                                                                      {"192.168.1.11:7000", true}}));
  TcpSolo solo;
  INFO(where);
  solo.add_tcp(GENERATE(Transport::tcp_passive, Transport::tcp_so), *parse_endpoint(where));
  solo.begin();
  CHECK(solo.run(1s).empty() != is_allowed);
}

TEST_CASE("Where TCP alone is tried, the system's repeated SYNs get their time", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_tcp(Transport::tcp_so, remote);
  const bool is_alone = GENERATE(true, false);
  if (!is_alone) solo.add_remote(remote);
  solo.begin();
  solo.pass(1900ms);
  CHECK(solo.count<Agent::Failed>() == (is_alone ? 0 : 1));
  solo.pass(2s);
  CHECK(solo.count<Agent::Failed>() == 1);
}

TEST_CASE("A path over TCP is not taken for dead because what was lost is repeated", "[agent][tcp]") {
  TcpSolo solo;
  solo.add_tcp(Transport::tcp_so, remote);
  solo.begin();
  solo.answer_tcp(solo.checks().at(0));
  while (!solo.agent.path()->mapped) solo.pass(1ms);
  for (const auto& check : solo.checks()) solo.answer_tcp(check);
  solo.pass(3500ms);
  CHECK(solo.agent.path());
  solo.pass(2s);
  CHECK_FALSE(solo.agent.path());
}
