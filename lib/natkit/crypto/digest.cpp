#include "natkit/crypto/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdlib>
#include <memory>

namespace natkit::crypto {
namespace {
struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

enum class Outcome : bool { failed, done };

Outcome digest(const EVP_MD* algorithm, ByteView data, std::span<std::uint8_t> out) {
  unsigned int size = 0;
  const int done = EVP_Digest(data.data(), data.size(), out.data(), &size, algorithm, nullptr);
  return done == 1 && size == out.size() ? Outcome::done : Outcome::failed;
}

Outcome hmac(const char* hash, ByteView key, std::initializer_list<ByteView> pieces, std::span<std::uint8_t> out) {
  const std::unique_ptr<EVP_MAC, FreeMac> mac{EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr)};
  const std::unique_ptr<EVP_MAC_CTX, FreeMac> context{mac ? EVP_MAC_CTX_new(mac.get()) : nullptr};
  if (!context) return Outcome::failed;
  std::string name{hash};  // OSSL_PARAM wants it writable, and leaves it alone
  const std::array params{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                          OSSL_PARAM_construct_end()};
  static constexpr std::uint8_t no_key = 0;  // to OpenSSL a null key means "keep the one you have"
  if (EVP_MAC_init(context.get(), key.empty() ? &no_key : key.data(), key.size(), params.data()) != 1) {
    return Outcome::failed;
  }
  for (const auto piece : pieces) {
    if (EVP_MAC_update(context.get(), piece.data(), piece.size()) != 1) return Outcome::failed;
  }
  std::size_t size = 0;
  const int done = EVP_MAC_final(context.get(), out.data(), &size, out.size());
  return done == 1 && size == out.size() ? Outcome::done : Outcome::failed;
}
}  // namespace

Sha256Digest sha256(ByteView data) {
  Sha256Digest out{};
  if (digest(EVP_sha256(), data, out) == Outcome::failed) std::abort();
  return out;
}

std::optional<Md5Digest> md5(ByteView data) {
  Md5Digest out{};
  if (digest(EVP_md5(), data, out) == Outcome::failed) return std::nullopt;
  return out;
}

Sha1Digest hmac_sha1(ByteView key, std::initializer_list<ByteView> pieces) {
  Sha1Digest out{};
  if (hmac("SHA1", key, pieces, out) == Outcome::failed) std::abort();
  return out;
}

Sha256Digest hmac_sha256(ByteView key, std::initializer_list<ByteView> pieces) {
  Sha256Digest out{};
  if (hmac("SHA256", key, pieces, out) == Outcome::failed) std::abort();
  return out;
}

bool is_equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace natkit::crypto
