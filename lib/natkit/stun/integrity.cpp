#include "natkit/stun/integrity.hpp"

#include <array>
#include <string>

#include "natkit/crypto/crc32.hpp"
#include "natkit/crypto/digest.hpp"

namespace natkit::stun {
namespace {
constexpr std::uint32_t fingerprint_xor = 0x5354554E;  // "STUN", RFC 8489 §14.7
constexpr std::size_t shortest_sha256_tag = 16;        // RFC 8489 §14.6

// An attribute that vouches for the bytes before it, and those bytes as they were when it was computed: the length in
// the header then ended with this very attribute.
//    type | length as of then | cookie, id, attributes … | this attribute | what was added later
struct Seal {
  ByteView value;
  ByteView type;
  std::array<std::uint8_t, 2> length{};
  ByteView rest;
};

std::optional<Seal> find_seal(const Message& message, AttributeType type) {
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    if (attribute->type != type) continue;
    const auto datagram = message.datagram();
    const std::size_t length = cursor.position() + 4 + attribute->value.size() - header_bytes;
    return Seal{attribute->value,
                datagram.first(2),
                {static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)},
                datagram.subspan(4, cursor.position() - 4)};
  }
  return std::nullopt;
}

Integrity verdict(ByteView tag, ByteView expected) {
  return crypto::is_equal_in_constant_time(tag, expected) ? Integrity::right : Integrity::wrong;
}

std::string join(std::string_view a, std::string_view b) {
  std::string joined{a};
  joined += ':';
  joined += b;
  return joined;
}
}  // namespace

Integrity verify_message_integrity(const Message& message, ByteView key) {
  const auto seal = find_seal(message, AttributeType::message_integrity);
  if (!seal) return Integrity::absent;
  return verdict(seal->value, crypto::hmac_sha1(key, {seal->type, seal->length, seal->rest}));
}

Integrity verify_message_integrity_sha256(const Message& message, ByteView key) {
  const auto seal = find_seal(message, AttributeType::message_integrity_sha256);
  if (!seal) return Integrity::absent;
  const std::size_t size = seal->value.size();
  const auto expected = crypto::hmac_sha256(key, {seal->type, seal->length, seal->rest});
  if (size < shortest_sha256_tag || size > expected.size() || size % 4 != 0) return Integrity::wrong;
  return verdict(seal->value, ByteView{expected}.first(size));
}

Integrity verify_fingerprint(const Message& message) {
  const auto seal = find_seal(message, AttributeType::fingerprint);
  if (!seal) return Integrity::absent;
  constexpr std::size_t own_bytes = 8;
  const bool is_last = seal->rest.size() + 4 + own_bytes == message.datagram().size();
  const auto value = ByteReader{seal->value}.read_u32();
  if (!is_last || seal->value.size() != 4) return Integrity::wrong;
  const auto expected = crypto::crc32({seal->type, seal->length, seal->rest}) ^ fingerprint_xor;
  return value == expected ? Integrity::right : Integrity::wrong;
}

std::optional<Bytes> long_term_key_md5(std::string_view username, std::string_view realm, std::string_view password) {
  const auto key = crypto::md5(as_bytes(join(join(username, realm), password)));
  if (!key) return std::nullopt;
  return Bytes(key->begin(), key->end());
}

Bytes long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password) {
  const auto key = crypto::sha256(as_bytes(join(join(username, realm), password)));
  return {key.begin(), key.end()};
}

Bytes userhash(std::string_view username, std::string_view realm) {
  const auto hash = crypto::sha256(as_bytes(join(username, realm)));
  return {hash.begin(), hash.end()};
}
}  // namespace natkit::stun
