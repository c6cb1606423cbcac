#include "natkit/stun/reachability.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
const ReachToken token{1, 2, 3, 4, 5, 6, 7, 8};
const AddressCookie some_cookie{8, 7, 6, 5, 4, 3, 2, 1};
Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }
TransactionId id() {
  TransactionId made;
  made.bytes.fill(0x5a);
  return made;
}
}  // namespace

TEST_CASE("A reachability question says protocol, port and token, and carries the cookie", "[reachability]") {
  const auto family = GENERATE(Family::ipv4, Family::ipv6);
  const ReachQuestion asked{GENERATE(Protocol::udp, Protocol::tcp), 4000, token};
  const auto bytes = write_reach_request(id(), family, asked, some_cookie);
  const auto message = parse_message(bytes);
  REQUIRE(message);
  CHECK(message->transaction_id() == id());
  CHECK(parse_reach(*message) == asked);
  REQUIRE(message->find(AttributeType::natkit_cookie));
  CHECK(to_hex(*message->find(AttributeType::natkit_cookie)) == "0807060504030201");
  CHECK(message->unknown_to({}).is_empty());  // foreign servers pass over it
}

TEST_CASE("No answer and no probe is longer than the question that caused it", "[reachability]") {
  const auto [family, mapped] = GENERATE(
      table<Family, std::string_view>({{Family::ipv4, "203.0.113.7:40000"}, {Family::ipv6, "[2001:db8:c::7]:40000"}}));
  const ReachQuestion asked{Protocol::tcp, 65535, token};
  const auto bare = write_reach_request(id(), family, asked, std::nullopt);
  CHECK(bare.size() == reach_request_bytes(family));
  CHECK(write_reach_request(id(), family, asked, some_cookie).size() >= bare.size());
  CHECK(write_reach_answer(id(), {.seen = endpoint(mapped), .origin = endpoint(mapped)}).size() <= bare.size());
  CHECK(write_reach_probe(id(), asked).size() <= bare.size());
}

TEST_CASE("A reachability report comes back as it was written", "[reachability]") {
  const ReachReport report{.state = GENERATE(ReachState::under_way, ReachState::sent, ReachState::forbidden),
                           .tries = 3,
                           .seen = endpoint("203.0.113.7:40000"),
                           .origin = endpoint("198.51.100.1:40001")};
  const auto bytes = write_reach_answer(id(), report);
  const auto back = parse_reach_report(*parse_message(bytes));
  REQUIRE(back);
  CHECK(back->state == report.state);
  CHECK(back->tries == 3);
  CHECK(back->seen == report.seen);
  CHECK(back->origin == report.origin);
}

TEST_CASE("A malformed question or report is none", "[reachability]") {
  const auto with = [](MessageClass message_class, AttributeType type, const Bytes& value) {
    return MessageWriter{message_class, Method::binding, id()}
        .add_endpoint(AttributeType::xor_mapped_address, endpoint("203.0.113.7:1"))
        .add(type, value)
        .finish();
  };
  const auto question = [&](const Bytes& value) {
    const auto bytes = with(MessageClass::request, AttributeType::natkit_reach, value);
    return parse_reach(*parse_message(bytes)).has_value();
  };
  CHECK(question({17, 0, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK_FALSE(question({17, 0, 1, 2, 1, 2, 3, 4, 5, 6, 7}));
  CHECK_FALSE(question({1, 0, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8}));  // neither TCP nor UDP
  CHECK_FALSE(question({}));
  const auto report = [&](MessageClass message_class, const Bytes& value) {
    const auto bytes = with(message_class, AttributeType::natkit_reach_report, value);
    return parse_reach_report(*parse_message(bytes)).has_value();
  };
  CHECK(report(MessageClass::success, {8, 0, 0, 0}));
  CHECK_FALSE(report(MessageClass::success, {9, 0, 0, 0}));  // a state of a later version
  CHECK_FALSE(report(MessageClass::success, {1, 0, 0}));
  CHECK_FALSE(report(MessageClass::error, {1, 0, 0, 0}));
}
