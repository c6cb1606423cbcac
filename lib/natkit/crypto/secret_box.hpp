#pragma once
/// Keeping text from everybody who has not the secret, over OpenSSL 3: a secret that people chose becomes a key
/// (scrypt), a key becomes one for each purpose (HKDF), and a key seals bytes (AES-256-GCM). Should OpenSSL itself fail
/// (it can only run out of memory here), the process ends: a made-up key would be worse.
#include <array>
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::crypto {
using SecretKey = std::array<std::uint8_t, 32>;
using BoxNonce = std::array<std::uint8_t, 12>;  ///< NIST SP 800-38D §5.2.1.1; never twice with one key

/// RFC 7914 with N = 2^14, r = 8, p = 1, which takes 16 MiB and some 30–50 ms: what guessing costs an attacker each
/// time.
[[nodiscard]] SecretKey stretch_secret(ByteView secret, ByteView salt);
/// HKDF-Expand with SHA-256 (RFC 5869 §2.3), one block; `purpose` tells the keys apart.
[[nodiscard]] SecretKey derive_key(const SecretKey& key, ByteView purpose);

/// The sealed bytes and after them the tag of 16. `associated` is not sealed, but must be the same to unseal.
[[nodiscard]] Bytes seal(const SecretKey& key, const BoxNonce& nonce, ByteView plain, ByteView associated);
/// `nullopt` when anything is not as it was sealed: key, nonce, bytes or `associated`.
[[nodiscard]] std::optional<Bytes> unseal(const SecretKey& key, const BoxNonce& nonce, ByteView sealed,
                                          ByteView associated);
}  // namespace natkit::crypto
