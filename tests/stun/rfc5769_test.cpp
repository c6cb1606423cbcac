// The sample messages of RFC 5769, byte for byte: read, verified, and (where our padding agrees) written again.
#include "catch.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
constexpr std::string_view password = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view id_hex = "b7e7a701bc34d686fa87dfae";

// §2.1
constexpr std::string_view sample_request =
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf";
// §2.2
constexpr std::string_view ipv4_response =
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96";
// §2.3
constexpr std::string_view ipv6_response =
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c";
// §2.4
constexpr std::string_view long_term_request =
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

TransactionId sample_id() {
  TransactionId id;
  const auto bytes = from_hex(id_hex).value();
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

// RFC 5769 pads with spaces, we pad with zeros (RFC 8489 §14 allows anything): compare with the padding set aside.
Bytes with_zero_padding(Bytes message) {
  for (std::size_t at = header_bytes; at + 4 <= message.size();) {
    const std::size_t size = static_cast<std::size_t>(message[at + 2]) << 8U | message[at + 3];
    at += 4 + size;
    for (; at % 4 != 0; ++at) message[at] = 0;
  }
  return message;
}

// Everything before the first integrity attribute: what a writer must get right by itself.
Bytes body_before_integrity(const Bytes& datagram) {
  const auto message = parse_message(datagram).value();
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    if (attribute->type == AttributeType::message_integrity) {
      return Bytes(datagram.begin() + 4, datagram.begin() + static_cast<std::ptrdiff_t>(cursor.position()));
    }
  }
  return datagram;
}
}  // namespace

TEST_CASE("The sample request of RFC 5769 is read and verified", "[rfc5769]") {
  const auto bytes = from_hex(sample_request).value();
  const auto message = parse_message(bytes).value();
  CHECK(message.message_class() == MessageClass::request);
  CHECK(message.method() == Method::binding);
  CHECK(message.transaction_id() == sample_id());
  CHECK_FALSE(message.is_classic());
  CHECK(message.text(AttributeType::software) == "STUN test client");
  CHECK(message.u32(AttributeType::priority) == 0x6e0001ffU);
  CHECK(message.u64(AttributeType::ice_controlled) == 0x932ff9b151263b36U);
  CHECK(message.text(AttributeType::username) == "evtj:h6vY");
  CHECK(verify_message_integrity(message, as_bytes(password)) == Integrity::right);
  CHECK(verify_message_integrity(message, as_bytes("another password")) == Integrity::wrong);
  CHECK(verify_fingerprint(message) == Integrity::right);
}

TEST_CASE("The IPv4 and IPv6 responses of RFC 5769 are read and verified", "[rfc5769]") {
  const auto [hex, mapped] = GENERATE(table<std::string_view, std::string_view>({
      {ipv4_response, "192.0.2.1:32853"},
      {ipv6_response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
  }));
  const auto bytes = from_hex(hex).value();
  const auto message = parse_message(bytes).value();
  CHECK(message.message_class() == MessageClass::success);
  CHECK(message.text(AttributeType::software) == "test vector");
  CHECK(message.mapped_endpoint() == parse_endpoint(mapped));
  CHECK(verify_message_integrity(message, as_bytes(password)) == Integrity::right);
  CHECK(verify_fingerprint(message) == Integrity::right);
}

TEST_CASE("The long-term request of RFC 5769 is verified with its MD5 key", "[rfc5769]") {
  const auto bytes = from_hex(long_term_request).value();
  const auto message = parse_message(bytes).value();
  CHECK(message.text(AttributeType::username) == "マトリックス");
  CHECK(message.text(AttributeType::nonce) == "f//499k954d6OL34oL9FSTvy64sA");
  CHECK(message.text(AttributeType::realm) == "example.org");
  const auto key = long_term_key_md5("マトリックス", "example.org", "TheMatrIX").value();
  CHECK(verify_message_integrity(message, key) == Integrity::right);
  CHECK(verify_fingerprint(message) == Integrity::absent);
}

TEST_CASE("The writer writes the messages of RFC 5769", "[rfc5769]") {
  const auto id = sample_id();
  const auto request = MessageWriter{MessageClass::request, Method::binding, id}
                           .add_text(AttributeType::software, "STUN test client")
                           .add_u32(AttributeType::priority, 0x6e0001ffU)
                           .add_u64(AttributeType::ice_controlled, 0x932ff9b151263b36U)
                           .add_text(AttributeType::username, "evtj:h6vY")
                           .add_message_integrity(as_bytes(password))
                           .add_fingerprint()
                           .finish();
  const auto response = [&](std::string_view mapped) {
    return MessageWriter{MessageClass::success, Method::binding, id}
        .add_text(AttributeType::software, "test vector")
        .add_endpoint(AttributeType::xor_mapped_address, parse_endpoint(mapped).value())
        .add_message_integrity(as_bytes(password))
        .add_fingerprint()
        .finish();
  };
  const auto check = [](const Bytes& ours, std::string_view theirs) {
    const auto expected = with_zero_padding(from_hex(theirs).value());
    CHECK(ours.size() == expected.size());
    CHECK(to_hex(body_before_integrity(ours)) == to_hex(body_before_integrity(expected)));
    const auto message = parse_message(ours).value();
    CHECK(verify_message_integrity(message, as_bytes(password)) == Integrity::right);
    CHECK(verify_fingerprint(message) == Integrity::right);
  };
  check(request, sample_request);
  check(response("192.0.2.1:32853"), ipv4_response);
  check(response("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), ipv6_response);

  TransactionId long_term_id;
  const auto long_term_bytes = from_hex(long_term_request).value();
  std::copy(long_term_bytes.begin() + 8, long_term_bytes.begin() + 20, long_term_id.bytes.begin());
  const auto long_term =  // its padding is zeros already, so this one is equal to the last byte of the HMAC
      MessageWriter{MessageClass::request, Method::binding, long_term_id}
          .add_text(AttributeType::username, "マトリックス")
          .add_text(AttributeType::nonce, "f//499k954d6OL34oL9FSTvy64sA")
          .add_text(AttributeType::realm, "example.org")
          .add_message_integrity(long_term_key_md5("マトリックス", "example.org", "TheMatrIX").value())
          .finish();
  CHECK(to_hex(long_term) == long_term_request);
}
