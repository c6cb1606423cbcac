#pragma once
/// Hashes and keyed hashes over OpenSSL 3: what STUN's integrity checks and our own address cookies need.
/// Data is given in pieces, so that a datagram need not be copied to hash it with one field changed. Should OpenSSL
/// itself fail (it can only run out of memory here), the process ends: a made-up digest would be worse.
#include <array>
#include <initializer_list>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::crypto {
using Md5Digest = std::array<std::uint8_t, 16>;     ///< RFC 1321
using Sha1Digest = std::array<std::uint8_t, 20>;    ///< FIPS 180-4
using Sha256Digest = std::array<std::uint8_t, 32>;  ///< FIPS 180-4

[[nodiscard]] Sha256Digest sha256(ByteView data);
/// Only for the long-term keys of old STUN (RFC 8489 §18.5.1.1). `nullopt` where the host forbids MD5 (FIPS mode).
[[nodiscard]] std::optional<Md5Digest> md5(ByteView data);

/// RFC 2104. An empty key is allowed.
[[nodiscard]] Sha1Digest hmac_sha1(ByteView key, std::initializer_list<ByteView> pieces);
[[nodiscard]] Sha256Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> pieces);

/// Compares in a time that depends on the sizes alone, so that an attacker cannot guess a tag byte by byte.
[[nodiscard]] bool is_equal_in_constant_time(ByteView a, ByteView b);
}  // namespace natkit::crypto
