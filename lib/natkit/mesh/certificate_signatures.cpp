#include "natkit/mesh/certificate_signatures.hpp"

#include "natkit/crypto/signature.hpp"

namespace natkit::mesh {
Bytes CertificateSignatures::sign(ByteView text) const { return crypto::sign(own_, text); }

bool CertificateSignatures::verify(const MemberId& signer, ByteView certificate, ByteView text,
                                   ByteView signature) const {
  return crypto::is_signed_by(crypto::Fingerprint{signer.bytes}, certificate, text, signature);
}
}  // namespace natkit::mesh
