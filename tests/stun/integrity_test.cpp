#include "natkit/stun/integrity.hpp"

#include "catch.hpp"
#include "natkit/crypto/digest.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
const Bytes key{'s', 'e', 'c', 'r', 'e', 't'};

MessageWriter request() {
  MessageWriter writer{MessageClass::request, Method::binding, {}};
  writer.add_text(AttributeType::username, "name");
  return writer;
}

// Verdicts about a message that lives only as long as this call.
struct Verdicts {
  Integrity sha1, sha256, fingerprint;
  bool operator==(const Verdicts&) const = default;
};
Verdicts verify(const Bytes& bytes, ByteView with = key) {
  const auto message = parse_message(bytes).value();
  return {verify_message_integrity(message, with), verify_message_integrity_sha256(message, with),
          verify_fingerprint(message)};
}
constexpr auto absent = Integrity::absent;
constexpr auto right = Integrity::right;
constexpr auto wrong = Integrity::wrong;

// A message whose SHA-256 tag was cut to `size` bytes, as RFC 8489 §14.6 lets a sender do.
Bytes truncated(std::size_t size) {
  auto bytes = request().finish();
  ByteWriter writer{bytes};
  writer.patch_u16(2, static_cast<std::uint16_t>(bytes.size() + 4 + size - header_bytes));
  const auto tag = crypto::hmac_sha256(key, {bytes});
  writer.write_u16(static_cast<std::uint16_t>(AttributeType::message_integrity_sha256));
  writer.write_u16(static_cast<std::uint16_t>(size));
  Bytes value(tag.begin(), tag.end());
  value.resize(size);
  writer.write_bytes(value);
  writer.write_zeros((4 - size % 4) % 4);
  writer.patch_u16(2, static_cast<std::uint16_t>(bytes.size() - header_bytes));
  return bytes;
}
}  // namespace

TEST_CASE("Each integrity attribute is verified by itself and in company", "[integrity]") {
  CHECK(verify(request().finish()) == Verdicts{absent, absent, absent});
  CHECK(verify(request().add_message_integrity(key).finish()) == Verdicts{right, absent, absent});
  CHECK(verify(request().add_message_integrity_sha256(key).finish()) == Verdicts{absent, right, absent});
  CHECK(verify(request().add_fingerprint().finish()) == Verdicts{absent, absent, right});
  const auto all = request().add_message_integrity(key).add_message_integrity_sha256(key).add_fingerprint().finish();
  CHECK(verify(all) == Verdicts{right, right, right});
  CHECK(verify(all, as_bytes("other")) == Verdicts{wrong, wrong, right});
}

TEST_CASE("Every single changed bit is noticed", "[integrity]") {
  const auto good = request().add_message_integrity(key).add_message_integrity_sha256(key).add_fingerprint().finish();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << bit % 8));
    const auto message = parse_message(bytes);
    if (!message) continue;
    REQUIRE(verify_fingerprint(*message) != right);
    const bool vouched =
        verify_message_integrity(*message, key) == right && verify_message_integrity_sha256(*message, key) == right;
    // The fingerprint's own 8 bytes come after the others' and are not covered by them.
    REQUIRE(vouched == (bit / 8 >= good.size() - 8));
  }
}

TEST_CASE("A SHA-256 tag may be cut to sixteen bytes in whole words, not further", "[integrity]") {
  for (std::size_t size = 0; size <= 40; ++size) {
    CAPTURE(size);
    const bool allowed = size >= 16 && size <= 32 && size % 4 == 0;
    CHECK(verify(truncated(size)).sha256 == (allowed ? right : wrong));
  }
}

TEST_CASE("A fingerprint that is not the last attribute is wrong", "[integrity]") {
  const auto bytes = request().add_fingerprint().add_text(AttributeType::software, "more").finish();
  CHECK(verify(bytes).fingerprint == wrong);
}

TEST_CASE("Tags of the wrong size are wrong, not out of bounds", "[integrity]") {
  using enum AttributeType;
  for (const auto type : {message_integrity, message_integrity_sha256, fingerprint}) {
    for (std::size_t size = 0; size < 12; ++size) {
      const auto bytes = request().add(type, Bytes(size)).finish();
      const auto verdicts = verify(bytes);
      CHECK((type == message_integrity ? verdicts.sha1
             : type == fingerprint     ? verdicts.fingerprint
                                       : verdicts.sha256) == wrong);
    }
  }
}

TEST_CASE("Long-term keys and user hashes are the hashes that RFC 8489 defines", "[integrity]") {
  // RFC 8489 §9.2.2 and §18.5.1: digests of "user:realm:pass" and "user:realm".
  CHECK(to_hex(long_term_key_md5("user", "realm", "pass").value()) == "8493fbc53ba582fb4c044c456bdc40eb");
  CHECK(long_term_key_sha256("user", "realm", "pass").size() == 32);
  CHECK(long_term_key_sha256("user", "realm", "pass") != long_term_key_sha256("user", "realm", "word"));
  // RFC 8489 §B.1
  CHECK(to_hex(userhash("マトリックス", "example.org")) ==
        "4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704");
}
