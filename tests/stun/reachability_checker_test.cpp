#include "natkit/stun/reachability_checker.hpp"

#include "service_fixture.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const auto udp_4000 = question(Protocol::udp, 4000);
const auto tcp_4000 = question(Protocol::tcp, 4000);
const Endpoint target = endpoint("203.0.113.7:4000");

Datagram lost_connection(const CheckingServer& server) {
  return {.socket = server.wishes.at(0).socket, .protocol = Protocol::tcp, .remote = target};
}
std::string system_words(std::errc code) { return std::make_error_code(code).message(); }
}  // namespace

TEST_CASE("Who proved his address has one port of it tried, from the other address and a fresh port",
          "[reachability]") {
  CheckingServer server;
  const auto out = server.ask(udp_4000);
  REQUIRE(server.wishes.size() == 1);
  CHECK(server.wishes[0].protocol == Protocol::udp);
  CHECK(server.wishes[0].local == endpoint("198.51.100.1:0"));  // asked at 192.0.2.1
  REQUIRE(probes(out).size() == 1);
  CHECK(probes(out)[0].socket == server.wishes[0].socket);
  CHECK(probes(out)[0].remote == target);
  CHECK(parse_reach(parsed(probes(out)[0])) == udp_4000);
  const auto report = last_report(out);
  REQUIRE(report);
  CHECK(report->state == ReachState::under_way);
  CHECK(report->seen == asker);
  const auto again = last_report(server.ask(udp_4000));
  REQUIRE(again);
  CHECK(again->origin == endpoint("198.51.100.1:50000"));
}

TEST_CASE("A server with one address tries from a fresh port of that", "[reachability]") {
  CheckingServer server{{}, one_socket()};
  CHECK(probes(server.ask(udp_4000)).size() == 1);
  CHECK(server.wishes.at(0).local == endpoint("192.0.2.1:0"));
}

TEST_CASE("Three datagrams are sent, and then it is told that nothing came back", "[reachability]") {
  CheckingServer server;
  server.ask(udp_4000);
  const auto later = server.pass(5s);
  CHECK(probes(later).size() == 2);
  const auto report = last_report(later);
  REQUIRE(report);
  CHECK(report->state == ReachState::sent);
  CHECK(report->tries == 3);
  CHECK(server.ended == std::vector{server.wishes[0].socket});
  CHECK_FALSE(server.machine.poll_timeout());
  CHECK(server.machine.checker()->counters().silent == 1);
}

TEST_CASE("Whatever comes back from the port itself is an answer, and nothing else is", "[reachability]") {
  CheckingServer server;
  server.ask(udp_4000);
  const auto socket = server.wishes.at(0).socket;
  CHECK(server.receive({1}, {target.address, 4001}, socket).empty());
  CHECK(server.receive({1}, endpoint("203.0.113.8:4000"), socket).empty());
  const auto out = server.receive({1}, target, socket);
  REQUIRE(last_report(out));
  CHECK(last_report(out)->state == ReachState::answered);
  CHECK(server.ended == std::vector{socket});
  CHECK(server.pass(5s).empty());
}

TEST_CASE("Who asks again hears of the same check, during it and after it", "[reachability]") {
  CheckingServer server;
  server.ask(udp_4000);
  CHECK(probes(server.ask(udp_4000)).empty());
  server.pass(5s);
  const auto out = server.ask(udp_4000);
  CHECK(probes(out).empty());
  REQUIRE(last_report(out));
  CHECK(last_report(out)->state == ReachState::sent);
  CHECK(server.machine.checker()->counters().started == 1);
  CHECK(server.machine.checker()->counters().repeated == 2);
  CHECK(probes(server.ask(question(Protocol::udp, 4000, 2))).size() == 1);  // another token is another check
}

TEST_CASE("Over TCP it is told who accepts, refuses, or does neither", "[reachability]") {
  CheckingServer server;
  const auto out = server.ask(tcp_4000);
  REQUIRE(probes(out).size() == 1);
  CHECK(probes(out)[0].protocol == Protocol::tcp);
  const auto ends_as = [&](ReachState state) {
    const auto report = last_report(server.drain());
    REQUIRE(report);
    CHECK(report->state == state);
  };
  SECTION("accepted; and the connection is closed a moment later") {
    server.machine.handle_connected(server.now, server.wishes[0].socket, target);
    ends_as(ReachState::connected);
    CHECK(server.ended.empty());
    server.pass(1s);
    CHECK(server.ended.size() == 1);
    CHECK(last_report(server.ask(tcp_4000))->state == ReachState::connected);
  }
  SECTION("refused") {
    server.machine.handle_send_failure(server.now, lost_connection(server),
                                       system_words(std::errc::connection_refused));
    ends_as(ReachState::refused);
  }
  SECTION("prohibited by a firewall on the way") {
    server.machine.handle_send_failure(server.now, lost_connection(server), system_words(std::errc::host_unreachable));
    ends_as(ReachState::refused);
  }
  SECTION("the server has no way to there at all") {
    server.machine.handle_send_failure(server.now, lost_connection(server),
                                       system_words(std::errc::network_unreachable));
    ends_as(ReachState::unsent);
  }
  SECTION("neither") {
    const auto later = server.pass(3s);
    CHECK(probes(later).empty());
    CHECK(last_report(later)->state == ReachState::timed_out);
  }
}

TEST_CASE("A socket that cannot be had is told, and what was to leave from it does not leave", "[reachability]") {
  CheckingServer server;
  const auto payload = write_reach_request(some_id(), Family::ipv4, udp_4000, server.cookie_for(asker));
  server.machine.handle_datagram(server.now, {.remote = asker, .payload = payload});
  const auto wish = std::get<SocketWish>(server.machine.poll_socket().value());
  server.machine.handle_socket_failure(server.now, wish.socket, "Too many open files");
  const auto out = server.drain();
  CHECK(probes(out).empty());
  CHECK(last_report(out)->state == ReachState::unsent);
}

TEST_CASE("Without proof, or where it is switched off, a question is answered like any other", "[reachability]") {
  const auto with_wrong_cookie = write_reach_request(some_id(), Family::ipv4, udp_4000, AddressCookie{});
  CheckingServer server;
  const auto cookie = server.cookie_for(asker);
  const auto right = write_reach_request(some_id(), Family::ipv4, udp_4000, cookie);
  const auto plain = [](const std::vector<Datagram>& out) {
    REQUIRE(out.size() == 1);
    CHECK(parsed(out[0]).message_class() == MessageClass::success);
    CHECK_FALSE(last_report(out));
  };
  plain(server.receive(with_wrong_cookie, asker));
  plain(server.receive(right, endpoint("203.0.113.8:40000")));  // somebody else's cookie
  plain(server.receive(write_reach_request(some_id(), Family::ipv4, udp_4000, {}), asker));
  CHECK(server.wishes.empty());

  SeededRng rng{7};
  Service off{complete(), std::nullopt, rng};
  off.handle_datagram(Instant{}, {.protocol = Protocol::udp, .remote = asker, .payload = right});
  plain({off.poll_transmit().value()});
  CHECK_FALSE(off.poll_socket());
}

TEST_CASE("TCP's handshake proves an address as well as a cookie does", "[reachability]") {
  auto config = one_socket();
  config.listeners.push_back(listener(9, "192.0.2.1:3478", Protocol::tcp));
  CheckingServer server{{}, config};
  const auto out =
      server.receive(write_reach_request(some_id(), Family::ipv4, udp_4000, {}), asker, SocketId{9}, Protocol::tcp);
  CHECK(probes(out).size() == 1);
  REQUIRE(last_report(out));
}

TEST_CASE("Over TCP a question may mean the very port that its connection is seen from", "[reachability]") {
  CheckingServer server;
  auto config = complete();
  config.listeners.push_back(listener(9, "192.0.2.1:3478", Protocol::tcp));
  CheckingServer over_tcp{{}, config};
  const auto out = over_tcp.receive(write_reach_request(some_id(), Family::ipv4, question(Protocol::tcp, 0), {}), asker,
                                    SocketId{9}, Protocol::tcp);
  REQUIRE(probes(out).size() == 1);
  CHECK(probes(out)[0].remote == asker);

  const auto over_udp = server.ask(question(Protocol::udp, 0));
  REQUIRE(last_report(over_udp));
  CHECK(last_report(over_udp)->state == ReachState::forbidden);
}

TEST_CASE("The server connects from the address that it is asked to connect from", "[reachability]") {
  auto config = complete();
  for (const auto& [socket, place] : {std::pair{9U, "192.0.2.1:3478"}, std::pair{10U, "192.0.2.1:3479"},
                                      std::pair{11U, "198.51.100.1:3478"}, std::pair{12U, "198.51.100.1:3479"}})
    config.listeners.push_back(listener(socket, place, Protocol::tcp));
  auto asked = question(Protocol::tcp, 4000);
  const auto [origin, address] = GENERATE(table<ReachOrigin, const char*>(
      {{ReachOrigin::other_address, "198.51.100.1:0"}, {ReachOrigin::same_address, "192.0.2.1:0"}}));
  asked.origin = origin;
  CheckingServer server{{}, config};
  const auto out =
      server.receive(write_reach_request(some_id(), Family::ipv4, asked, {}), asker, SocketId{9}, Protocol::tcp);
  REQUIRE(server.wishes.size() == 1);
  CHECK(server.wishes[0].local == endpoint(address));
  REQUIRE(last_report(out));
  CHECK(last_report(out)->origin->address == endpoint(address).address);
}

TEST_CASE("A question shorter than its answer is none", "[reachability]") {
  CheckingServer server;
  const auto cookie = server.cookie_for(endpoint("[2001:db8:c::7]:40000"));
  auto writer = request();
  writer.add(AttributeType::natkit_cookie, cookie);
  writer.add(AttributeType::natkit_reach, Bytes{17, 0, 15, 160, 1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_FALSE(last_report(server.receive(writer.finish(), endpoint("[2001:db8:c::7]:40000"), SocketId{4})));
  CHECK(server.wishes.empty());
}
