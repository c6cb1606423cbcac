#include "natkit/crypto/signature.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>

namespace natkit::crypto {
namespace {
struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_MD_CTX* x) const { EVP_MD_CTX_free(x); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

/// OpenSSL can only be out of memory or entropy here, and there is no going on without a signature.
void require(bool done) {
  if (!done) std::abort();
}
}  // namespace

Bytes certificate_of(const Identity& identity) {
  const auto size = i2d_X509(identity.certificate(), nullptr);
  require(size > 0);
  Bytes out(static_cast<std::size_t>(size));
  auto* at = out.data();
  require(i2d_X509(identity.certificate(), &at) == size);
  return out;
}

Bytes sign(const Identity& identity, ByteView text) {
  const Context context{EVP_MD_CTX_new()};
  require(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, identity.key()) == 1);
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, text.data(), text.size()) == 1);
  Bytes out(size);
  require(EVP_DigestSign(context.get(), out.data(), &size, text.data(), text.size()) == 1);
  out.resize(size);
  return out;
}

bool is_signed_by(const Fingerprint& signer, ByteView certificate, ByteView text, ByteView signature) {
  if (!(Fingerprint{sha256(certificate)} == signer)) return false;
  const auto* at = certificate.data();
  const std::unique_ptr<X509, Free> parsed{d2i_X509(nullptr, &at, static_cast<long>(certificate.size()))};
  auto* const key = parsed ? X509_get0_pubkey(parsed.get()) : nullptr;
  const Context context{EVP_MD_CTX_new()};
  const bool is_ready = key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && context &&
                        EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1;
  const bool is_good =
      is_ready && EVP_DigestVerify(context.get(), signature.data(), signature.size(), text.data(), text.size()) == 1;
  ERR_clear_error();  // it is one queue for the whole thread: what is left there would be taken for a later failure
  return is_good;
}
}  // namespace natkit::crypto
