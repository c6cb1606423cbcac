#include "natkit/stun/receipt.hpp"

#include "natkit/stun/integrity.hpp"
#include "responder_fixture.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace natkit::test;

namespace {
using namespace std::chrono_literals;

struct Asker {
  Endpoint at;
  std::uint32_t socket;  // of the server's that it asks
};

Bytes receipt_request(const Asker& asker, Change change, Fingerprint fingerprint) {
  auto writer = request();
  if (change != Change::nothing) writer.add_change_request(change);
  add_receipt_request(writer, asker.at.address.family(), fingerprint);
  if (fingerprint == Fingerprint::follows) writer.add_fingerprint();
  return writer.finish();
}
const Asker v4{endpoint("203.0.113.7:40000"), 0};
const Asker v6{endpoint("[2001:db8:c::7]:40000"), 4};
}  // namespace

TEST_CASE("A plain request for a receipt learns that the server is ours, its second port and a cookie", "[receipt]") {
  const auto asker = GENERATE(v4, v6);
  const auto fingerprint = GENERATE(Fingerprint::none, Fingerprint::follows);
  Server server{complete()};
  const auto bytes = receipt_request(asker, Change::nothing, fingerprint);
  CHECK(bytes.size() == receipt_request_bytes(asker.at.address.family()));
  const auto answers = server.ask(bytes, asker.at, asker.socket);
  REQUIRE(answers.size() == 1);
  const auto message = parsed(answers[0]);
  CHECK(message.mapped_endpoint() == asker.at);
  CHECK(receipt(message) == complete().listeners[asker.socket].endpoint);
  CHECK(second_port(message) == 3479);
  CHECK(cookie(message));
  CHECK(message.find(AttributeType::other_address));
  CHECK(message.find(AttributeType::response_origin));
  CHECK(message.find(AttributeType::mapped_address));
  CHECK(answers[0].payload.size() <= bytes.size());
  CHECK(server.machine.counters().allowance_bytes == 0);
}

TEST_CASE("A changed answer comes with a receipt from the asked socket, both paid for by the request", "[receipt]") {
  const auto asker = GENERATE(v4, v6);
  const auto change = GENERATE(Change::port, Change::address, Change::address_and_port);
  const auto fingerprint = GENERATE(Fingerprint::none, Fingerprint::follows);
  Server server{complete()};
  const auto bytes = receipt_request(asker, change, fingerprint);
  const auto answers = server.ask(bytes, asker.at, asker.socket);
  REQUIRE(answers.size() == 2);
  const auto message = parsed(answers[0]);
  CHECK_FALSE(receipt(message));
  CHECK(message.find(AttributeType::mapped_address));  // nothing had to be left out
  CHECK(answers[1].socket == SocketId{asker.socket});
  CHECK(answers[1].remote == asker.at);
  const auto slip = parsed(answers[1]);
  CHECK(slip.message_class() == MessageClass::success);
  CHECK(slip.transaction_id() == some_id());
  CHECK(receipt(slip) == answers[0].local);
  CHECK(slip.mapped_endpoint() == asker.at);
  CHECK(answers[0].payload.size() + answers[1].payload.size() <= bytes.size());
  CHECK(server.machine.counters().receipts == 1);
  CHECK(server.machine.counters().allowance_bytes == 0);
}

TEST_CASE("A request too small to pay for a receipt gets the changed answer alone", "[receipt]") {
  Server server{complete()};
  const auto small = request().add_change_request(Change::port).add(AttributeType::natkit_receipt, {}).finish();
  const auto answers = server.ask(small, v4.at);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].socket == SocketId{1});
  CHECK(server.machine.counters().receipts == 0);
}

TEST_CASE("A request that pays just for the barest answer and receipt gets both", "[receipt]") {
  Server server{complete()};
  const auto bytes = request().add_change_request(Change::port).add(AttributeType::natkit_receipt, Bytes(36)).finish();
  REQUIRE(bytes.size() == 68);
  const auto answers = server.ask(bytes, v4.at);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].payload.size() == 32);  // the mapped address, and nothing else
  CHECK(answers[1].payload.size() == 32);
  CHECK(receipt(parsed(answers[1])) == endpoint("192.0.2.1:3479"));
}

TEST_CASE("A refusal is all the answer that a request for a receipt gets", "[receipt]") {
  Server server{one_socket()};
  const auto answers = server.ask(receipt_request(v4, Change::address_and_port, Fingerprint::none), v4.at);
  REQUIRE(answers.size() == 1);
  CHECK(parsed(answers[0]).error_code() == 420);
}

TEST_CASE("One address with two ports changes the port for those who ask for a receipt", "[receipt]") {
  Server server{one_address()};
  CHECK(second_port(parsed(server.ask(receipt_request(v4, Change::nothing, Fingerprint::none), v4.at).at(0))) == 3479);
  const auto answers = server.ask(receipt_request(v4, Change::port, Fingerprint::none), v4.at);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].socket == SocketId{1});
  CHECK_FALSE(parsed(answers[0]).find(AttributeType::other_address));
  CHECK(receipt(parsed(answers[1])) == endpoint("192.0.2.1:3479"));
}

TEST_CASE("RESPONSE-PORT is a detour too, and the receipt comes back to the asker", "[receipt]") {
  Server server{complete()};
  auto writer = request().add_u16(AttributeType::response_port, 4242);
  add_receipt_request(writer, Family::ipv4, Fingerprint::none);
  const auto answers = server.ask(writer.finish(), v4.at);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].remote == Endpoint{v4.at.address, 4242});
  CHECK(answers[1].remote == v4.at);
  CHECK(receipt(parsed(answers[1])) == endpoint("192.0.2.1:3478"));
}

TEST_CASE("An echoed cookie proves the address: answers may then be larger than the request", "[receipt]") {
  Server server{complete()};
  const auto issued =
      cookie(parsed(server.ask(receipt_request(v4, Change::nothing, Fingerprint::none), v4.at).at(0))).value();
  const auto with_cookie = [&](const Endpoint& from, ByteView value) {
    const auto bytes = request()
                           .add_change_request(Change::port)
                           .add(AttributeType::natkit_receipt, {})
                           .add(AttributeType::natkit_cookie, value)
                           .finish();
    return server.ask(bytes, from).size();
  };
  CHECK(with_cookie(v4.at, issued) == 2);
  CHECK(with_cookie({v4.at.address, 50000}, issued) == 2);  // any port of the address
  CHECK(with_cookie(endpoint("203.0.113.8:40000"), issued) == 1);
  CHECK(with_cookie(v4.at, {}) == 1);
  CHECK(with_cookie(v4.at, ByteView{issued}.first(7)) == 1);
  auto forged = issued;
  forged[0] ^= 1U;
  CHECK(with_cookie(v4.at, forged) == 1);
  server.now += 119s;
  CHECK(with_cookie(v4.at, issued) == 2);
  server.now += 1s;
  CHECK(with_cookie(v4.at, issued) == 1);
}

TEST_CASE("Even to a proven address PADDING is not longer than it came", "[receipt]") {
  Server server{complete()};
  const auto issued =
      cookie(parsed(server.ask(receipt_request(v4, Change::nothing, Fingerprint::none), v4.at).at(0))).value();
  const auto bytes = request().add(AttributeType::natkit_cookie, issued).add(AttributeType::padding, Bytes(8)).finish();
  const auto answers = server.ask(bytes, v4.at);
  REQUIRE(answers.size() == 1);
  CHECK(parsed(answers[0]).find(AttributeType::padding)->size() == 8);
  CHECK(parsed(answers[0]).find(AttributeType::other_address));
  CHECK(answers[0].payload.size() > bytes.size());  // which only a proven address may be sent
}

TEST_CASE("Two servers do not accept each other's cookies", "[receipt]") {
  SeededRng one{1};
  SeededRng two{2};
  const AddressCookies first{one, 60s};
  const AddressCookies second{two, 60s};
  const auto issued = first.issue(v4.at.address, Instant{});
  CHECK(first.is_right(issued, v4.at.address, Instant{}));
  CHECK_FALSE(second.is_right(issued, v4.at.address, Instant{}));
}

TEST_CASE("Receipts, cookies and ports are read from successful answers only", "[receipt]") {
  const auto bytes = request()
                         .add_endpoint(AttributeType::natkit_receipt, v4.at)
                         .add(AttributeType::natkit_cookie, Bytes(8))
                         .add_u16(AttributeType::natkit_second_port, 1)
                         .finish();
  const auto message = parse_message(bytes).value();
  CHECK_FALSE(receipt(message));
  CHECK_FALSE(cookie(message));
  CHECK_FALSE(second_port(message));
}
