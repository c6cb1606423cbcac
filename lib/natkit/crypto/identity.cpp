#include "natkit/crypto/identity.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>
#include <cstdlib>

namespace natkit::crypto {
namespace {
struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
  void operator()(BIGNUM* x) const { BN_free(x); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Memory = std::unique_ptr<BIO, Free>;

constexpr int x509_version_3 = 2;       // RFC 5280 §4.1.2.1: the number is one less than the name
constexpr int serial_bits = 64;         // the least that the CA/Browser Forum asks for (baseline requirements §7.1)
constexpr const char* curve = "P-256";  // RFC 8827 §6.5
constexpr const char* valid_from = "20000101000000Z";
constexpr const char* valid_until = "99991231235959Z";  // "no well-defined expiration date" (RFC 5280 §4.1.2.5)
// Every host has the same: a name would be readable to all on the way.
constexpr std::string_view common_name = "natkit";

/// OpenSSL can only be out of memory or entropy here, and there is no going on without a key.
void require(bool done) {
  if (!done) std::abort();
}

void give_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, Free> number{BN_new()};
  require(number && BN_rand(number.get(), serial_bits - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void give_name(X509* certificate) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  const std::string text{common_name};
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());  // NOLINT(*-reinterpret-cast): text
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes, static_cast<int>(text.size()), -1, 0) == 1);
  require(X509_set_issuer_name(certificate, name) == 1);
}

Certificate sign_own(EVP_PKEY* key) {
  Certificate out{X509_new()};
  require(out && X509_set_version(out.get(), x509_version_3) == 1);
  give_serial(out.get());
  give_name(out.get());
  require(ASN1_TIME_set_string(X509_getm_notBefore(out.get()), valid_from) == 1);
  require(ASN1_TIME_set_string(X509_getm_notAfter(out.get()), valid_until) == 1);
  require(X509_set_pubkey(out.get(), key) == 1);
  require(X509_sign(out.get(), key, EVP_sha256()) != 0);
  return out;
}

Memory readable(std::string_view text) {
  Memory out{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  require(out != nullptr);
  return out;
}

/// OpenSSL would ask at the terminal.
int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

bool is_on_our_curve(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) != 1) return false;
  const std::string_view found{name.data(), length};
  return found == curve || found == "prime256v1";  // the name that ANSI X9.62 gave it
}
}  // namespace

struct Identity::Parts {
  Certificate certificate;
  Key key;
  Fingerprint fingerprint;
};

Identity::Identity(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

Identity Identity::make() {
  Key key{EVP_EC_gen(curve)};
  require(key != nullptr);
  auto certificate = sign_own(key.get());
  const auto fingerprint = fingerprint_of(certificate.get());
  return Identity{std::make_shared<const Parts>(Parts{std::move(certificate), std::move(key), fingerprint})};
}

std::expected<Identity, IdentityError> Identity::from_pem(std::string_view text) {
  Certificate certificate{PEM_read_bio_X509(readable(text).get(), nullptr, no_passphrase, nullptr)};
  Key key{PEM_read_bio_PrivateKey(readable(text).get(), nullptr, no_passphrase, nullptr)};
  const auto matching = certificate && key ? X509_check_private_key(certificate.get(), key.get()) : 0;
  ERR_clear_error();  // it is one queue for the whole thread: what is left there would be taken for a later failure
  if (!certificate) return std::unexpected(IdentityError::no_certificate);
  if (!key) return std::unexpected(IdentityError::no_key);
  if (matching != 1) return std::unexpected(IdentityError::key_of_another);
  if (!is_on_our_curve(key.get())) return std::unexpected(IdentityError::unsuitable_key);
  const auto fingerprint = fingerprint_of(certificate.get());
  return Identity{std::make_shared<const Parts>(Parts{std::move(certificate), std::move(key), fingerprint})};
}

std::string Identity::to_pem() const {
  const Memory out{BIO_new(BIO_s_secmem())};
  require(out && PEM_write_bio_PKCS8PrivateKey(out.get(), key(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  require(PEM_write_bio_X509(out.get(), certificate()) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

const Fingerprint& Identity::fingerprint() const { return parts_->fingerprint; }
x509_st* Identity::certificate() const { return parts_->certificate.get(); }
evp_pkey_st* Identity::key() const { return parts_->key.get(); }

Fingerprint fingerprint_of(const x509_st* certificate) {
  Fingerprint out;
  unsigned int size = 0;
  require(X509_digest(certificate, EVP_sha256(), out.digest.data(), &size) == 1 && size == out.digest.size());
  return out;
}
}  // namespace natkit::crypto
