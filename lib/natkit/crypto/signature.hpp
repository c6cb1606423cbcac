#pragma once
/// Signatures with the key of an identity: ECDSA on P-256 over SHA-256 (FIPS 186-5 §6), in DER (RFC 3279 §2.2.3).
#include <cstddef>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/identity.hpp"

namespace natkit::crypto {
inline constexpr std::size_t longest_signature = 72;  ///< SEQUENCE of two INTEGERs of at most 33 bytes

/// The certificate in DER, which others need to check signatures.
[[nodiscard]] Bytes certificate_of(const Identity& identity);
[[nodiscard]] Bytes sign(const Identity& identity, ByteView text);
/// Whether this is a certificate of that fingerprint, and its key has signed the text. Any bytes may be passed in.
[[nodiscard]] bool is_signed_by(const Fingerprint& signer, ByteView certificate, ByteView text, ByteView signature);
}  // namespace natkit::crypto
