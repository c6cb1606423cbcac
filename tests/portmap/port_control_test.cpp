#include "natkit/portmap/port_control.hpp"

#include <deque>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr MappingId mapping{9};
const Endpoint router = "192.168.1.1:5351"_ep;

/// One conversation, its clock, and what the test's gateway says.
struct Talk {
  Instant now{1h};
  PortControl control;

  explicit Talk(PortControl::Speak speak = PortControl::Speak::either)
      : control({.socket = SocketId{4}, .server = router, .client = "192.168.1.2"_ip, .speak = speak, .timing = {}}) {}

  void ask(std::chrono::seconds lifetime = 7200s) {
    control.ask(
        now, {.id = mapping, .internal_port = 6112, .external = {{}, 6112}, .lifetime = lifetime, .nonce = {1, 2, 3}});
  }
  /// Everything that left, PCP and NAT-PMP apart.
  struct Sent {
    std::vector<pcp::Request> pcp;
    std::vector<natpmp::Request> nat_pmp;
  };
  Sent sent() {
    Sent all;
    while (const auto out = control.poll_transmit()) {
      CHECK(out->remote == router);
      if (const auto request = pcp::parse_request(out->payload)) all.pcp.push_back(*request);
      if (const auto request = natpmp::parse_request(out->payload)) all.nat_pmp.push_back(*request);
    }
    return all;
  }
  bool hear(Bytes payload, const Endpoint& from = router) {
    return control.handle_datagram(now, {.socket = SocketId{4}, .remote = from, .payload = std::move(payload)});
  }
  void grant_pcp(std::uint16_t port, pcp::Nonce nonce = {1, 2, 3}, std::chrono::seconds lifetime = 3600s) {
    hear(pcp::write_response(
        {.lifetime = lifetime, .epoch = epoch, .operation = pcp::Map{nonce, 17, 6112, {"203.0.113.7"_ip, port}}}));
  }
  void grant_nat_pmp(std::uint16_t port) {
    hear(natpmp::write_response({.epoch = epoch, .body = natpmp::MappingResponse{Protocol::udp, 6112, port, 3600s}}));
  }
  void tell_address() {
    hear(natpmp::write_response({.epoch = epoch, .body = natpmp::AddressResponse{"203.0.113.7"_ip}}));
  }
  void pass(Duration time) {
    const auto end = now + time;
    while (const auto due = control.poll_timeout()) {
      if (*due > end) break;
      now = std::max(now, *due);
      control.handle_timeout(now);
    }
    now = end;
  }
  template <class Event>
  std::optional<Event> next() {
    const auto event = control.poll_event();
    if (!event || !std::holds_alternative<Event>(*event)) return std::nullopt;
    return std::get<Event>(*event);
  }
  std::chrono::seconds epoch{100};
};
}  // namespace

TEST_CASE("PCP is asked at once, beside a harmless question by NAT-PMP", "[port_control]") {
  Talk talk;
  talk.ask();
  const auto sent = talk.sent();
  REQUIRE(sent.pcp.size() == 1);
  CHECK(std::get<pcp::Map>(sent.pcp[0].operation).internal_port == 6112);
  REQUIRE(sent.nat_pmp.size() == 1);
  CHECK(std::holds_alternative<natpmp::AddressRequest>(sent.nat_pmp[0]));
  talk.grant_pcp(7000);
  const auto granted = talk.next<PortControl::Granted>();
  REQUIRE(granted);
  CHECK(granted->via == Method::pcp);
  CHECK(granted->external == "203.0.113.7:7000"_ep);
  CHECK_FALSE(talk.control.poll_timeout());
}

TEST_CASE("Who refuses PCP's version is asked by NAT-PMP on the same socket", "[port_control]") {
  Talk talk;
  talk.ask();
  static_cast<void>(talk.sent());
  talk.hear(*from_hex("0081000100000064"));  // version 0, result 1: what RFC 6886 §3.5 wants
  const auto sent = talk.sent();
  REQUIRE(sent.nat_pmp.size() == 1);
  CHECK(std::get<natpmp::MappingRequest>(sent.nat_pmp[0]).external_port == 6112);
  talk.tell_address();
  talk.grant_nat_pmp(6113);
  const auto granted = talk.next<PortControl::Granted>();
  REQUIRE(granted);
  CHECK(granted->via == Method::nat_pmp);
  CHECK(granted->external == "203.0.113.7:6113"_ep);
}

TEST_CASE("Who is silent to PCP but answers NAT-PMP is asked by NAT-PMP after a grace", "[port_control]") {
  Talk talk;
  talk.ask();
  static_cast<void>(talk.sent());
  talk.tell_address();
  talk.pass(99ms);
  CHECK(talk.sent().nat_pmp.empty());
  talk.pass(1ms);
  CHECK(talk.sent().nat_pmp.size() == 1);
}

TEST_CASE("Where NAT-PMP refuses and PCP had no time to answer, PCP is asked again before that counts",
          "[port_control]") {
  Talk talk;
  talk.ask();
  talk.tell_address();
  talk.pass(100ms);
  static_cast<void>(talk.sent());
  talk.hear(natpmp::write_response({.result = natpmp::ResultCode::out_of_resources,
                                    .epoch = talk.epoch,
                                    .body = natpmp::MappingResponse{Protocol::udp, 6112, 0, 0s}}));
  CHECK(talk.sent().pcp.size() == 1);
  CHECK_FALSE(talk.control.poll_event());
  SECTION("It had granted") {
    talk.grant_pcp(6112);
    CHECK(talk.next<PortControl::Granted>());
  }
  SECTION("It does not speak PCP") {
    talk.pass(1s);
    const auto refused = talk.next<PortControl::Refused>();
    REQUIRE(refused);
    CHECK(refused->refusal.method == Method::nat_pmp);
  }
}

TEST_CASE("A deletion that needs more resources has nothing to delete", "[port_control]") {
  Talk talk;
  const auto refuse = [&](pcp::ResultCode result) {
    talk.hear(pcp::write_response({.result = result,
                                   .lifetime = 30s,
                                   .epoch = talk.epoch,
                                   .operation = pcp::Map{{1, 2, 3}, 17, 6112, "0.0.0.0:0"_ep}}));
  };
  talk.ask(0s);
  refuse(pcp::ResultCode::no_resources);
  CHECK(talk.next<PortControl::Gone>());
  talk.ask(0s);
  refuse(pcp::ResultCode::not_authorized);
  CHECK(talk.next<PortControl::Refused>());
  talk.ask(3600s);
  refuse(pcp::ResultCode::no_resources);
  CHECK(talk.next<PortControl::Refused>());
}

TEST_CASE("Only what matches is believed: endpoint, nonce, port, protocol", "[port_control]") {
  Talk talk;
  talk.ask();
  CHECK_FALSE(talk.hear(pcp::write_response({}), "192.168.1.9:5351"_ep));
  talk.grant_pcp(7000, {9, 9, 9});
  talk.hear(pcp::write_response(
      {.lifetime = 60s, .epoch = talk.epoch, .operation = pcp::Map{{1, 2, 3}, 6, 6112, "203.0.113.7:1"_ep}}));
  talk.hear(pcp::write_response(
      {.lifetime = 60s, .epoch = talk.epoch, .operation = pcp::Map{{1, 2, 3}, 17, 6113, "203.0.113.7:1"_ep}}));
  talk.hear(Bytes(3, 0xff));
  CHECK_FALSE(talk.control.poll_event());
  // What was granted to an earlier question is no answer to a deletion.
  talk.ask(0s);
  talk.grant_pcp(7000);
  CHECK_FALSE(talk.next<PortControl::Gone>());
  talk.grant_pcp(0, {1, 2, 3}, 0s);
  CHECK(talk.next<PortControl::Gone>());
}

TEST_CASE("Silence is told after a second and three questions", "[port_control]") {
  Talk talk;
  talk.ask();
  talk.pass(999ms);
  CHECK_FALSE(talk.control.poll_event());
  CHECK(talk.sent().pcp.size() == 3);
  talk.pass(1ms);
  CHECK(talk.next<PortControl::Silent>());
  CHECK_FALSE(talk.control.poll_timeout());
}

TEST_CASE("A refusal says why, and carries the address that the gateway has outside", "[port_control]") {
  Talk talk;
  talk.ask();
  talk.hear(pcp::write_response({.result = pcp::ResultCode::no_resources,
                                 .lifetime = 30s,
                                 .operation = pcp::Map{{1, 2, 3}, 17, 6112, "100.64.0.7:0"_ep}}));
  const auto refused = talk.next<PortControl::Refused>();
  REQUIRE(refused);
  CHECK(refused->refusal.cause == Cause::table_full);
  CHECK(refused->wait == 30s);
  CHECK(refused->external == "100.64.0.7"_ip);
}

TEST_CASE("A clock that went back means that everything is forgotten", "[port_control]") {
  Talk talk;
  talk.ask();
  talk.epoch = 5000s;
  talk.grant_pcp(7000);
  CHECK(talk.next<PortControl::Granted>());
  talk.pass(100s);
  talk.epoch = 5100s;
  talk.ask();
  talk.grant_pcp(7000);
  CHECK(talk.next<PortControl::Granted>());
  talk.pass(100s);
  talk.epoch = 3s;
  talk.ask();
  talk.grant_pcp(7000);
  CHECK(talk.next<PortControl::StateLost>());
  CHECK(talk.next<PortControl::Granted>());
}

TEST_CASE("Where the address is what PCP objects to, NAT-PMP is tried, which needs none", "[port_control]") {
  Talk talk;
  talk.ask();
  static_cast<void>(talk.sent());
  talk.hear(pcp::write_response(
      {.result = pcp::ResultCode::address_mismatch, .operation = pcp::Map{{1, 2, 3}, 17, 6112, {}}}));
  CHECK(talk.sent().nat_pmp.size() == 1);
  CHECK_FALSE(talk.control.poll_event());
}
