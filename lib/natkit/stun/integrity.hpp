#pragma once
/// Who may have written this message: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, FINGERPRINT, and the keys that go
/// with them (RFC 8489 §9, §14.4–14.7, §18.5).
/// Names, realms and passwords are UTF-8 and must have been prepared with OpaqueString (RFC 8265) already; ASCII is.
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::stun {
enum class Integrity : std::uint8_t {
  absent,  ///< the attribute is not there, so nothing was claimed
  right,
  wrong,  ///< another key, changed bytes, or an attribute of the wrong size or in the wrong place
};

[[nodiscard]] Integrity verify_message_integrity(const Message& message, ByteView key);
/// Accepts tags truncated to 16 bytes or more, as §14.6 allows.
[[nodiscard]] Integrity verify_message_integrity_sha256(const Message& message, ByteView key);
[[nodiscard]] Integrity verify_fingerprint(const Message& message);

/// The key of a short-term credential is the password's bytes (§9.1.1): `as_bytes(password)`.
/// That of a long-term one is a hash (§18.5.1.1; `nullopt` where the host forbids MD5) …
[[nodiscard]] std::optional<Bytes> long_term_key_md5(std::string_view username, std::string_view realm,
                                                     std::string_view password);
/// … or its successor (§18.5.1.2).
[[nodiscard]] Bytes long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password);
/// The value of USERHASH, which hides the name from those who read along (§14.4).
[[nodiscard]] Bytes userhash(std::string_view username, std::string_view realm);
}  // namespace natkit::stun
