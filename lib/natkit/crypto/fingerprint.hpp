#pragma once
/// The fingerprint of a certificate, as peers tell it each other beforehand in `a=fingerprint` (RFC 8122 §5). We give
/// SHA-256, the one that every WebRTC peer has to know (RFC 8827 §6.5), and take no other.
#include <expected>
#include <string>
#include <string_view>

#include "natkit/crypto/digest.hpp"

namespace natkit::crypto {
struct Fingerprint {
  Sha256Digest digest{};  ///< of the certificate in DER

  /// In constant time.
  friend bool operator==(const Fingerprint& a, const Fingerprint& b) {
    return is_equal_in_constant_time(a.digest, b.digest);
  }
};

/// "sha-256 4A:AD:B9:…", as it stands after `a=fingerprint:`
[[nodiscard]] std::string to_text(const Fingerprint& fingerprint);

enum class FingerprintError { malformed, unknown_hash };
/// The inverse; case does not matter. A well-formed fingerprint by another hash function is `unknown_hash`: the peer
/// may have given a second one.
[[nodiscard]] std::expected<Fingerprint, FingerprintError> parse_fingerprint(std::string_view text);
}  // namespace natkit::crypto
