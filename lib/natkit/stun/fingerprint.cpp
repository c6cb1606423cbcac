// FINGERPRINT (RFC 8489 §14.7). Apart from the keyed checks, so that a tool which needs none of those does not load
// OpenSSL.
#include "natkit/crypto/crc32.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/seal.hpp"

namespace natkit::stun {
namespace {
constexpr std::uint32_t fingerprint_xor = 0x5354554E;  // "STUN", RFC 8489 §14.7
}

MessageWriter& MessageWriter::add_fingerprint() {
  const std::size_t covered = out_.size();
  open(AttributeType::fingerprint, 4);
  ByteWriter{out_}.write_u32(crypto::crc32({ByteView{out_}.first(covered)}) ^ fingerprint_xor);
  return *this;
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
}  // namespace natkit::stun
