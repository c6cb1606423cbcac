#include "natkit/mesh/password.hpp"

#include "natkit/crypto/digest.hpp"
#include "natkit/crypto/secret_box.hpp"

namespace natkit::mesh {
PasswordKey key_of_password(std::string_view password, const SessionId& session) {
  return crypto::stretch_secret(as_bytes(password), session.bytes);
}

Bytes proof_of_password(const PasswordKey& key, const MemberId& joiner, Incarnation incarnation) {
  Bytes start;
  ByteWriter{start}.write_u64(static_cast<std::uint64_t>(incarnation));
  const auto digest = crypto::hmac_sha256(key, {as_bytes("join"), joiner.bytes, start});
  return {digest.begin(), digest.end()};
}

bool is_proof(const PasswordKey& key, const MemberId& joiner, Incarnation incarnation, ByteView proof) {
  return crypto::is_equal_in_constant_time(proof_of_password(key, joiner, incarnation), proof);
}
}  // namespace natkit::mesh
