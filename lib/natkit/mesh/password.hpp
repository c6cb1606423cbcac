#pragma once
/// A session's password is never told to anybody: all members hold a key made of it, and who wants to join shows that
/// it can make the same key.
///
///   key   = scrypt(password), salted with the session (crypto/secret_box.hpp)
///   proof = HMAC-SHA256(key, "join" | joiner | its incarnation)
///
/// The proof is bound to the joiner's certificate, so who overhears it can do nothing with it. A member that lies could
/// try passwords against it, at scrypt's price for each.
#include <array>
#include <cstdint>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/mesh/member_id.hpp"

namespace natkit::mesh {
using PasswordKey = std::array<std::uint8_t, 32>;
/// Takes some 40 ms.
[[nodiscard]] PasswordKey key_of_password(std::string_view password, const SessionId& session);
[[nodiscard]] Bytes proof_of_password(const PasswordKey& key, const MemberId& joiner, Incarnation incarnation);
[[nodiscard]] bool is_proof(const PasswordKey& key, const MemberId& joiner, Incarnation incarnation, ByteView proof);
}  // namespace natkit::mesh
