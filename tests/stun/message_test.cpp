#include "natkit/stun/message.hpp"

#include <vector>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
constexpr auto optional_type = static_cast<AttributeType>(0xFABC);

MessageWriter request(std::uint32_t cookie = magic_cookie) {
  return {MessageClass::request, Method::binding, TransactionId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}, cookie};
}

Endpoint random_endpoint(Rng& rng) {
  const auto port = static_cast<std::uint16_t>(rng.next());
  if (rng.chance(0.5)) return {IpAddress::v4(static_cast<std::uint32_t>(rng.next())), port};
  std::array<std::uint8_t, 16> bytes{};
  rng.fill(bytes);
  return {IpAddress::v6(bytes), port};
}
}  // namespace

TEST_CASE("Every class and method survives the wire", "[message]") {
  for (const auto message_class :
       {MessageClass::request, MessageClass::indication, MessageClass::success, MessageClass::error}) {
    for (unsigned method = 0; method < 0x1000; ++method) {
      const auto bytes = MessageWriter{message_class, static_cast<Method>(method), {}}.finish();
      const auto message = parse_message(bytes);
      REQUIRE(message);
      REQUIRE(message->message_class() == message_class);
      REQUIRE(message->method() == static_cast<Method>(method));
    }
  }
  CHECK(to_hex(MessageWriter{MessageClass::success, Method::allocate, {}}.finish()).starts_with("0103"));
  CHECK(to_hex(MessageWriter{MessageClass::error, Method::channel_bind, {}}.finish()).starts_with("0119"));
  CHECK(to_hex(MessageWriter{MessageClass::indication, Method::send, {}}.finish()).starts_with("0016"));
}

TEST_CASE("Random messages come back as they were written", "[message]") {
  SeededRng rng{11};
  for (int run = 0; run < 2000; ++run) {
    const auto id = make_transaction_id(rng);
    MessageWriter writer{MessageClass::success, Method::binding, id};
    std::vector<Bytes> values(rng.below(6));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i].resize(rng.below(40));
      rng.fill(values[i]);
      writer.add(static_cast<AttributeType>(0xF000 + i), values[i]);
    }
    const auto mapped = random_endpoint(rng);
    const auto other = random_endpoint(rng);
    const auto number = rng.next();
    writer.add_endpoint(AttributeType::xor_mapped_address, mapped)
        .add_endpoint(AttributeType::other_address, other)
        .add_u64(AttributeType::ice_controlling, number)
        .add_u32(AttributeType::priority, static_cast<std::uint32_t>(number))
        .add_u16(AttributeType::response_port, static_cast<std::uint16_t>(number));
    const auto size = writer.size();
    const auto bytes = writer.finish();
    REQUIRE(bytes.size() == size);
    const auto message = parse_message(bytes);
    REQUIRE(message);
    CHECK(message->transaction_id() == id);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto found = message->find(static_cast<AttributeType>(0xF000 + i));
      REQUIRE(found);
      CHECK(Bytes(found->begin(), found->end()) == values[i]);
    }
    CHECK(message->endpoint(AttributeType::xor_mapped_address) == mapped);
    CHECK(message->endpoint(AttributeType::other_address) == other);
    CHECK(message->u64(AttributeType::ice_controlling) == number);
    CHECK(message->u32(AttributeType::priority) == static_cast<std::uint32_t>(number));
    CHECK(message->u16(AttributeType::response_port) == static_cast<std::uint16_t>(number));
  }
}

TEST_CASE("An XOR address does not show its bytes on the wire, the others do", "[message]") {
  const Endpoint endpoint = parse_endpoint("192.0.2.1:3478").value();
  const auto shown = [&](AttributeType type) {
    return to_hex(request().add_endpoint(type, endpoint).finish()).find("0d96c0000201") != std::string::npos;
  };
  for (const auto type : {AttributeType::xor_mapped_address, AttributeType::xor_peer_address,
                          AttributeType::xor_relayed_address, AttributeType::natkit_receipt}) {
    CHECK_FALSE(shown(type));
  }
  for (const auto type :
       {AttributeType::mapped_address, AttributeType::other_address, AttributeType::response_origin}) {
    CHECK(shown(type));
  }
}

TEST_CASE("The mapped endpoint is the XOR one where both are there", "[message]") {
  const auto xored = parse_endpoint("192.0.2.1:1").value();
  const auto plain = parse_endpoint("192.0.2.2:2").value();  // as a NAT that rewrites payloads would have changed it
  const auto both = request()
                        .add_endpoint(AttributeType::mapped_address, plain)
                        .add_endpoint(AttributeType::xor_mapped_address, xored)
                        .finish();
  CHECK(parse_message(both)->mapped_endpoint() == xored);
  const auto old = request().add_endpoint(AttributeType::mapped_address, plain).finish();
  CHECK(parse_message(old)->mapped_endpoint() == plain);
  CHECK_FALSE(parse_message(request().finish())->mapped_endpoint());
}

TEST_CASE("What is not a message is refused with its reason", "[message]") {
  const auto [hex, error] = GENERATE(table<std::string_view, ParseError>({
      {"", ParseError::not_stun},
      {"000100002112a442000000000000000000000000", ParseError{99}},  // a good one, to be sure of the others

      {"000100002112a4420000000000000000000000", ParseError::not_stun},              // 19 bytes
      {"400100002112a442000000000000000000000000", ParseError::not_stun},            // channel data
      {"800100002112a442000000000000000000000000", ParseError::not_stun},            // RTP
      {"000100042112a442000000000000000000000000", ParseError::bad_length},          // shorter than it says
      {"000100002112a44200000000000000000000000000000000", ParseError::bad_length},  // longer
      {"000100022112a4420000000000000000000000000000", ParseError::bad_length},      // no multiple of four
      {"000100042112a44200000000000000000000000080220001", ParseError::bad_attribute},
      {"000100082112a4420000000000000000000000008022000500000000", ParseError::bad_attribute},
      {"000100082112a442000000000000000000000000802200ff00000000", ParseError::bad_attribute},
  }));
  const auto bytes = from_hex(hex).value_or(Bytes{});
  const auto message = parse_message(bytes);
  if (error == ParseError{99}) {
    CHECK(message);
  } else {
    REQUIRE_FALSE(message);
    CHECK(message.error() == error);
  }
}

TEST_CASE("A message of RFC 3489 is known by its missing cookie", "[message]") {
  const auto bytes = request(0x01020304).finish();
  const auto message = parse_message(bytes);
  REQUIRE(message);
  CHECK(message->is_classic());
  CHECK(message->cookie() == 0x01020304U);
  CHECK_FALSE(parse_message(request().finish())->is_classic());
}

TEST_CASE("Of several attributes of one type the first counts", "[message]") {
  const auto bytes = request().add_u32(AttributeType::priority, 1).add_u32(AttributeType::priority, 2).finish();
  CHECK(parse_message(bytes)->u32(AttributeType::priority) == 1U);
}

TEST_CASE("What follows the integrity attributes is passed over, except what may follow them", "[message]") {
  const Bytes key{1, 2, 3};
  const auto bytes = request()
                         .add_text(AttributeType::username, "before")
                         .add_message_integrity(key)
                         .add_text(AttributeType::realm, "after")
                         .add_message_integrity_sha256(key)
                         .add_text(AttributeType::nonce, "after both")
                         .add_message_integrity(key)
                         .add_fingerprint()
                         .add_text(AttributeType::software, "after all")
                         .finish();
  const auto message = parse_message(bytes).value();
  std::vector<AttributeType> seen;
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) seen.push_back(attribute->type);
  using enum AttributeType;
  CHECK(seen == std::vector{username, message_integrity, message_integrity_sha256, fingerprint});
  CHECK_FALSE(message.find(realm));
  CHECK_FALSE(message.text(software));
}

TEST_CASE("Values of the wrong size are nothing, not half a value", "[message]") {
  const auto sized = [](std::size_t size) { return request().add(optional_type, Bytes(size, 0x01)).finish(); };
  for (std::size_t size = 0; size < 30; ++size) {
    const auto bytes = sized(size);
    const auto message = parse_message(bytes).value();
    CHECK(message.u16(optional_type).has_value() == (size == 2 || size == 4));
    CHECK(message.u32(optional_type).has_value() == (size == 4));
    CHECK(message.u64(optional_type).has_value() == (size == 8));
    CHECK(message.endpoint(optional_type).has_value() == (size == 8));  // its family byte says IPv4
  }
  const auto family = [](std::uint8_t number, std::size_t size) {
    Bytes value(size);
    value[1] = number;
    return parse_message(request().add(optional_type, value).finish())->endpoint(optional_type).has_value();
  };
  CHECK(family(2, 20));
  CHECK_FALSE(family(2, 8));
  CHECK_FALSE(family(1, 20));
  CHECK_FALSE(family(0, 8));
  CHECK_FALSE(family(3, 8));
}

TEST_CASE("Error codes carry a number and a reason, and nonsense is none", "[message]") {
  const auto bytes = request().add_error(420, "Unknown Attribute").finish();
  const auto error = parse_message(bytes)->error();
  REQUIRE(error);
  CHECK(error->code == 420);
  CHECK(error->reason == "Unknown Attribute");
  CHECK(parse_message(request().add_error(699, "").finish())->error_code() == 699);
  for (const auto* const value : {"0000", "00000200", "00000700", "00000464", "000004"}) {  // 200, 700, 4 and 100
    CHECK_FALSE(parse_message(request().add(AttributeType::error_code, from_hex(value).value()).finish())->error());
  }
}

TEST_CASE("CHANGE-REQUEST is read by its two bits", "[message]") {
  for (const auto change : {Change::nothing, Change::port, Change::address, Change::address_and_port}) {
    CHECK(parse_message(request().add_change_request(change).finish())->change_request() == change);
  }
  CHECK(parse_message(request().add_u32(AttributeType::change_request, 0xFFFFFFFD).finish())->change_request() ==
        Change::address);
  CHECK_FALSE(parse_message(request().finish())->change_request());
}

TEST_CASE("Unknown attributes that must be understood are listed once each, and no more than a few", "[message]") {
  auto writer = request().add_u32(AttributeType::priority, 1).add_text(AttributeType::software, "optional");
  for (std::uint16_t i = 0; i < 100; ++i) {
    writer.add_u32(static_cast<AttributeType>(0x7000 + i), 0).add_u32(static_cast<AttributeType>(0x7000 + i), 0);
  }
  const auto bytes = writer.finish();
  const auto message = parse_message(bytes).value();
  const std::array known{AttributeType::priority};
  const auto unknown = message.unknown_to(known);
  REQUIRE(unknown.all().size() == AttributeTypes::most);
  CHECK(unknown.all()[0] == static_cast<AttributeType>(0x7000));
  CHECK(unknown.all()[1] == static_cast<AttributeType>(0x7001));
  CHECK(parse_message(request().add_u32(AttributeType::priority, 1).finish())->unknown_to(known).is_empty());

  const auto answer = MessageWriter{MessageClass::error, Method::binding, {}}
                          .add_error(420, "")
                          .add_unknown_attributes(unknown)
                          .finish();
  const auto listed = parse_message(answer)->unknown_attributes();
  REQUIRE(listed);
  CHECK(std::ranges::equal(listed->all(), unknown.all()));
}
