#pragma once
/// Who this host is to its peers: a key pair on the curve P-256 and a certificate signed with it, as WebRTC wants them
/// (RFC 8827 §6.5). Nobody vouches for the certificate; what a peer checks is its fingerprint, told on another way.
/// Keys come from OpenSSL's generator, so two identities are never the same: chance is no argument here.
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "natkit/crypto/fingerprint.hpp"

struct x509_st;      // NOLINT(readability-identifier-naming): OpenSSL's name of its X509
struct evp_pkey_st;  // NOLINT(readability-identifier-naming): and of its EVP_PKEY

namespace natkit::crypto {
enum class IdentityError {
  no_certificate,  ///< no PEM certificate in the text
  no_key,          ///< no unencrypted PEM private key in it
  key_of_another,  ///< the two do not belong together
  unsuitable_key,  ///< not an ECDSA key on P-256
};

/// Cheap to copy; copies share one key.
class Identity {
 public:
  /// A new one, valid from 2000 to 9999 (RFC 5280 §4.1.2.5): who pins a fingerprint has no use for a date.
  [[nodiscard]] static Identity make();
  /// What `to_pem` wrote. The order of the two parts does not matter.
  [[nodiscard]] static std::expected<Identity, IdentityError> from_pem(std::string_view text);
  /// Key (PKCS #8) and certificate. It is a secret: a file that keeps it has mode 0600.
  [[nodiscard]] std::string to_pem() const;
  [[nodiscard]] const Fingerprint& fingerprint() const;

  /// For OpenSSL; they live as long as any copy of this identity.
  [[nodiscard]] x509_st* certificate() const;
  [[nodiscard]] evp_pkey_st* key() const;

 private:
  struct Parts;
  explicit Identity(std::shared_ptr<const Parts> parts);
  std::shared_ptr<const Parts> parts_;
};

/// Of any certificate, such as the one a peer shows.
[[nodiscard]] Fingerprint fingerprint_of(const x509_st* certificate);
}  // namespace natkit::crypto
