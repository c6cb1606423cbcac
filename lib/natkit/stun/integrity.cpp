#include "natkit/stun/integrity.hpp"

#include <string>

#include "natkit/crypto/digest.hpp"
#include "natkit/stun/seal.hpp"

namespace natkit::stun {
namespace {
constexpr std::size_t shortest_sha256_tag = 16;  // RFC 8489 §14.6

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

MessageWriter& MessageWriter::add_message_integrity(ByteView key) {
  const std::size_t covered = out_.size();
  open(AttributeType::message_integrity, crypto::Sha1Digest{}.size());
  ByteWriter{out_}.write_bytes(crypto::hmac_sha1(key, {ByteView{out_}.first(covered)}));
  return *this;
}

MessageWriter& MessageWriter::add_message_integrity_sha256(ByteView key) {
  const std::size_t covered = out_.size();
  open(AttributeType::message_integrity_sha256, crypto::Sha256Digest{}.size());
  ByteWriter{out_}.write_bytes(crypto::hmac_sha256(key, {ByteView{out_}.first(covered)}));
  return *this;
}

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
