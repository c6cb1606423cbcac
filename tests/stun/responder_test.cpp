#include "natkit/stun/responder.hpp"

#include "natkit/stun/integrity.hpp"
#include "responder_fixture.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace natkit::test;

namespace {
const Endpoint client = endpoint("203.0.113.7:40000");
const Endpoint client6 = endpoint("[2001:db8:c::7]:40000");

void check_refused(const Datagram& answer, AttributeType because) {
  const auto message = parsed(answer);
  CHECK(message.message_class() == MessageClass::error);
  CHECK(message.transaction_id() == some_id());
  CHECK(message.error_code() == 420);
  const auto unknown = message.unknown_attributes();
  REQUIRE(unknown);
  REQUIRE(unknown->all().size() == 1);
  CHECK(unknown->all()[0] == because);
}
}  // namespace

TEST_CASE("A bare request gets everything RFC 5780 asks for, from where it was sent to", "[responder]") {
  const auto [socket, from, origin, other, size] =
      GENERATE(table<std::uint32_t, std::string_view, std::string_view, std::string_view, std::size_t>({
          {0, "203.0.113.7:40000", "192.0.2.1:3478", "198.51.100.1:3479", 68},
          {3, "203.0.113.7:40000", "198.51.100.1:3479", "192.0.2.1:3478", 68},
          {5, "[2001:db8:c::7]:40000", "[2001:db8:a::1]:3479", "[2001:db8:b::1]:3478", 116},
      }));
  Server server{complete()};
  const auto answers = server.ask(request().finish(), endpoint(from), socket);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].socket == SocketId{socket});
  CHECK(answers[0].local == endpoint(origin));
  CHECK(answers[0].remote == endpoint(from));
  CHECK(answers[0].payload.size() == size);
  const auto message = parsed(answers[0]);
  CHECK(message.message_class() == MessageClass::success);
  CHECK(message.transaction_id() == some_id());
  CHECK(message.endpoint(AttributeType::xor_mapped_address) == endpoint(from));
  CHECK(message.endpoint(AttributeType::mapped_address) == endpoint(from));
  CHECK(message.endpoint(AttributeType::response_origin) == endpoint(origin));
  CHECK(message.endpoint(AttributeType::other_address) == endpoint(other));
  CHECK(verify_fingerprint(message) == Integrity::absent);
  CHECK_FALSE(receipt(message));
  CHECK_FALSE(cookie(message));
  CHECK(server.machine.counters().answered == 1);
}

TEST_CASE("CHANGE-REQUEST is answered from the socket of RFC 5780's table", "[responder]") {
  const auto [change, socket] = GENERATE(table<Change, std::uint32_t>({
      {Change::nothing, 0},
      {Change::port, 1},
      {Change::address, 2},
      {Change::address_and_port, 3},
  }));
  Server server{complete()};
  const auto offset = GENERATE(0U, 4U);
  const auto answers =
      server.ask(request().add_change_request(change).finish(), offset == 0 ? client : client6, offset);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].socket == SocketId{socket + offset});
  const auto sender = complete().listeners[socket + offset].endpoint;
  CHECK(answers[0].local == sender);
  CHECK(parsed(answers[0]).endpoint(AttributeType::response_origin) == sender);
  CHECK(parsed(answers[0]).endpoint(AttributeType::other_address) == complete().listeners[3 + offset].endpoint);
}

TEST_CASE("A server that is not complete announces no other address and refuses CHANGE-REQUEST", "[responder]") {
  Server server{GENERATE(one_address(), one_socket())};
  const auto plain = server.ask(request().finish(), client);
  REQUIRE(plain.size() == 1);
  CHECK_FALSE(parsed(plain[0]).find(AttributeType::other_address));
  const auto change = GENERATE(Change::nothing, Change::port, Change::address, Change::address_and_port);
  const auto answers = server.ask(request().add_change_request(change).finish(), client);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].socket == SocketId{0});
  check_refused(answers[0], AttributeType::change_request);
  CHECK(server.machine.counters().refused == 1);
}

TEST_CASE("Two addresses without the same two ports are not a complete server", "[responder]") {
  Server server{{.listeners = {listener(0, "192.0.2.1:3478"), listener(1, "198.51.100.1:3478"),
                               listener(2, "192.0.2.1:3479"), listener(3, "198.51.100.1:4000")}}};
  CHECK_FALSE(parsed(server.ask(request().finish(), client).at(0)).find(AttributeType::other_address));
}

TEST_CASE("Listeners of different groups are not each other's alternates", "[responder]") {
  auto config = complete();
  config.listeners[2].group = config.listeners[3].group = 1;
  Server server{config};
  CHECK_FALSE(server.machine.alternates(0).is_complete());
  CHECK(server.machine.alternates(0).port == 1U);
  CHECK_FALSE(parsed(server.ask(request().finish(), client).at(0)).find(AttributeType::other_address));
}

TEST_CASE("A socket bound to every address answers from the one that was asked", "[responder]") {
  Server server{{.listeners = {listener(0, "0.0.0.0:3478"), listener(1, "0.0.0.0:3479")}}};
  server.machine.handle_datagram(
      {}, {.local = endpoint("192.0.2.9:3478"), .remote = client, .payload = request().finish()});
  const auto answer = server.machine.poll_transmit();
  REQUIRE(answer);
  CHECK(answer->local == endpoint("192.0.2.9:3478"));
  CHECK(parsed(*answer).endpoint(AttributeType::response_origin) == endpoint("192.0.2.9:3478"));
}

TEST_CASE("A client of RFC 3489 gets the attributes it knows", "[responder]") {
  Server server{complete()};
  const auto answers = server.ask(request(classic_cookie).add_change_request(Change::port).finish(), client);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].socket == SocketId{1});
  const auto message = parsed(answers[0]);
  CHECK(message.cookie() == classic_cookie);
  CHECK(message.endpoint(AttributeType::mapped_address) == client);
  CHECK(message.endpoint(AttributeType::source_address_3489) == endpoint("192.0.2.1:3479"));
  CHECK(message.endpoint(AttributeType::changed_address_3489) == endpoint("198.51.100.1:3479"));
  CHECK_FALSE(message.find(AttributeType::xor_mapped_address));
  CHECK_FALSE(message.find(AttributeType::other_address));

  Server small{one_socket()};  // such clients send CHANGE-REQUEST even when they want no change
  const auto plain = small.ask(request(classic_cookie).add_change_request(Change::nothing).finish(), client);
  REQUIRE(plain.size() == 1);
  CHECK(parsed(plain[0]).endpoint(AttributeType::mapped_address) == client);
  Server medium{one_address()};  // it has another port, but may not pass for a server that knows them all
  check_refused(medium.ask(request(classic_cookie).add_change_request(Change::port).finish(), client).at(0),
                AttributeType::change_request);
  check_refused(small.ask(request(classic_cookie).add_change_request(Change::port).finish(), client).at(0),
                AttributeType::change_request);
}

TEST_CASE("FINGERPRINT is answered with FINGERPRINT, and a wrong one with silence", "[responder]") {
  Server server{complete()};
  auto bytes = request().add_fingerprint().finish();
  const auto answers = server.ask(bytes, client);
  REQUIRE(answers.size() == 1);
  CHECK(verify_fingerprint(parsed(answers[0])) == Integrity::right);
  bytes.back() ^= 1U;
  CHECK(server.ask(bytes, client).empty());
  CHECK(server.machine.counters().bad_fingerprint == 1);
}

TEST_CASE("An unknown attribute that must be understood is refused by name, an optional one is passed over",
          "[responder]") {
  Server server{complete()};
  const auto strange = static_cast<AttributeType>(0x7ABC);
  check_refused(server.ask(request().add_u32(strange, 0).finish(), client).at(0), strange);
  const auto optional = static_cast<AttributeType>(0xFABC);
  CHECK(parsed(server.ask(request().add_u32(optional, 0).finish(), client).at(0)).mapped_endpoint() == client);
  // RFC 3489's way to have the answer sent to somebody else
  check_refused(server
                    .ask(request(classic_cookie)
                             .add_endpoint(AttributeType::response_address_3489, endpoint("203.0.113.9:9"))
                             .finish(),
                         client)
                    .at(0),
                AttributeType::response_address_3489);
}

TEST_CASE("RESPONSE-PORT sends the answer to another port of the asking address", "[responder]") {
  Server server{complete()};
  const auto answers = server.ask(
      request().add_u16(AttributeType::response_port, 4242).add(static_cast<AttributeType>(0xFABC), Bytes(80)).finish(),
      client);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].remote == Endpoint{client.address, 4242});
  CHECK(parsed(answers[0]).mapped_endpoint() == client);
  CHECK(parsed(server.ask(request().add_u16(AttributeType::response_port, 0).finish(), client).at(0)).error_code() ==
        400);
}

TEST_CASE("PADDING comes back no longer than it came, and not together with RESPONSE-PORT", "[responder]") {
  Server server{complete()};
  for (const std::size_t size : {100U, 101U, 1400U, 9000U}) {
    const auto bytes = request().add(AttributeType::padding, Bytes(size)).finish();
    const auto answers = server.ask(bytes, client);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].payload.size() <= bytes.size());
    CHECK(answers[0].payload.size() <= 1500 + 100);
    CHECK(answers[0].payload.size() + 4 > std::min<std::size_t>(bytes.size(), 1500));
    CHECK(parsed(answers[0]).find(AttributeType::padding));
    CHECK(parsed(answers[0]).endpoint(AttributeType::other_address));
  }
  const auto both = request().add(AttributeType::padding, Bytes(100)).add_u16(AttributeType::response_port, 9).finish();
  CHECK(parsed(server.ask(both, client).at(0)).error_code() == 400);
}

TEST_CASE("Malformed attributes are a bad request", "[responder]") {
  Server server{complete()};
  CHECK(parsed(server.ask(request().add_u64(AttributeType::change_request, 6).finish(), client).at(0)).error_code() ==
        400);
  CHECK(parsed(server.ask(request().add_u64(AttributeType::response_port, 6).finish(), client).at(0)).error_code() ==
        400);
}

TEST_CASE("Only Binding requests are answered", "[responder]") {
  Server server{complete()};
  const auto silent = [&](const Bytes& bytes) { CHECK(server.ask(bytes, client).empty()); };
  for (const auto message_class : {MessageClass::indication, MessageClass::success, MessageClass::error}) {
    silent(MessageWriter{message_class, Method::binding, some_id()}.finish());
  }
  silent(MessageWriter{MessageClass::request, Method::allocate, some_id()}.finish());
  CHECK(server.machine.counters().not_a_request == 4);
  silent({});
  silent({0x80, 0, 0, 0});
  silent(Bytes(19));
  auto longer = request().finish();
  longer.push_back(0);
  silent(longer);
  CHECK(server.machine.counters().not_stun == 4);
  // What the server says can be fed back to it: a loop of two servers ends at the first answer.
  const auto answer = server.ask(request().finish(), client).at(0).payload;
  silent(answer);
}

TEST_CASE("Nothing is sent to addresses that are nobody's, to port 0, or to the server itself", "[responder]") {
  Server server{complete()};
  for (const auto* const text : {"0.0.0.0:4000", "0.1.2.3:4000", "224.0.0.1:4000", "239.255.255.250:1900",
                                 "255.255.255.255:4000", "240.0.0.1:4000", "203.0.113.7:0", "[::]:4000",
                                 "[ff02::1]:4000", "192.0.2.1:3478", "198.51.100.1:3479", "[2001:db8:b::1]:3478"}) {
    INFO(text);
    CHECK(server.ask(request().finish(), endpoint(text)).empty());
  }
  CHECK(server.machine.counters().forbidden_peer == 12);
  // A client on the server's own host may not have the answer sent into another of its sockets.
  const auto request_to_own =
      request().add_u16(AttributeType::response_port, 3479).add(static_cast<AttributeType>(0xFABC), Bytes(80)).finish();
  CHECK(server.ask(request_to_own, endpoint("192.0.2.1:50000")).empty());
  CHECK(server.machine.counters().forbidden_peer == 13);
  CHECK(server.ask(request().finish(), client, 99).empty());
  CHECK(server.machine.counters().unknown_socket == 1);
}

TEST_CASE("Over TCP the answer comes back on its connection, and only plain requests are served", "[responder]") {
  auto config = complete();
  for (std::uint32_t i = 0; i < 4; ++i) {
    auto twin = config.listeners[i];
    twin.protocol = Protocol::tcp;
    config.listeners.push_back(twin);
  }
  Server server{config};
  const auto ask = [&](MessageWriter&& writer) { return server.ask(writer.finish(), client, 0, Protocol::tcp).at(0); };
  const auto answer = ask(request());
  CHECK(answer.protocol == Protocol::tcp);
  CHECK(answer.socket == SocketId{0});
  CHECK(answer.remote == client);
  CHECK(parsed(answer).endpoint(AttributeType::other_address) == endpoint("198.51.100.1:3479"));
  check_refused(ask(std::move(request().add_change_request(Change::port))), AttributeType::change_request);
  check_refused(ask(std::move(request().add_u16(AttributeType::response_port, 99))), AttributeType::response_port);
  check_refused(ask(std::move(request().add(AttributeType::padding, Bytes(40)))), AttributeType::padding);
}

TEST_CASE("The software names itself where the request pays for it", "[responder]") {
  auto config = complete();
  config.software = "natkit";
  Server server{config};
  CHECK_FALSE(parsed(server.ask(request().finish(), client).at(0)).find(AttributeType::software));
  const auto large = request().add(static_cast<AttributeType>(0xFABC), Bytes(80)).finish();
  CHECK(parsed(server.ask(large, client).at(0)).text(AttributeType::software) == "natkit");
}
