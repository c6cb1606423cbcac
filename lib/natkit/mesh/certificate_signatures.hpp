#pragma once
/// Signatures by the key of the certificate that a member is named after.
#include "natkit/crypto/identity.hpp"
#include "natkit/mesh/signatures.hpp"

namespace natkit::mesh {
class CertificateSignatures final : public Signatures {
 public:
  explicit CertificateSignatures(crypto::Identity own) : own_(std::move(own)) {}
  [[nodiscard]] Bytes sign(ByteView text) const override;
  [[nodiscard]] bool verify(const MemberId& signer, ByteView certificate, ByteView text,
                            ByteView signature) const override;

 private:
  crypto::Identity own_;
};
}  // namespace natkit::mesh
