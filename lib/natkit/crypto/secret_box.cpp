#include "natkit/crypto/secret_box.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>

#include "natkit/crypto/digest.hpp"

namespace natkit::crypto {
namespace {
constexpr std::uint64_t scrypt_cost = 1U << 14U;  // RFC 7914 §2: for interactive use
constexpr std::uint64_t scrypt_block = 8;
constexpr std::uint64_t scrypt_memory = 64ULL << 20U;  // above what these need
constexpr std::size_t tag_bytes = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

Cipher make_cipher() {
  Cipher cipher{EVP_CIPHER_CTX_new()};
  if (!cipher) std::abort();
  return cipher;
}

void must(int outcome) {
  if (outcome != 1) std::abort();
}

int length_of(ByteView bytes) {
  if (bytes.size() > std::numeric_limits<int>::max() / 2) std::abort();
  return static_cast<int>(bytes.size());
}
}  // namespace

SecretKey stretch_secret(ByteView secret, ByteView salt) {
  SecretKey key{};
  const auto text = as_text(secret);
  must(EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), scrypt_cost, scrypt_block, 1, scrypt_memory,
                      key.data(), key.size()));
  return key;
}

SecretKey derive_key(const SecretKey& key, ByteView purpose) {
  constexpr std::array<std::uint8_t, 1> first_block{1};
  return hmac_sha256(key, {purpose, first_block});
}

Bytes seal(const SecretKey& key, const BoxNonce& nonce, ByteView plain, ByteView associated) {
  const auto cipher = make_cipher();
  Bytes sealed(plain.size() + tag_bytes);
  int count = 0;
  must(EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key.data(), nonce.data(), nullptr));
  must(EVP_EncryptUpdate(cipher.get(), nullptr, &count, associated.data(), length_of(associated)));
  must(EVP_EncryptUpdate(cipher.get(), sealed.data(), &count, plain.data(), length_of(plain)));
  must(EVP_EncryptFinal_ex(cipher.get(), sealed.data() + plain.size(), &count));
  must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, sealed.data() + plain.size()));
  return sealed;
}

std::optional<Bytes> unseal(const SecretKey& key, const BoxNonce& nonce, ByteView sealed, ByteView associated) {
  if (sealed.size() < tag_bytes) return std::nullopt;
  const auto body = sealed.first(sealed.size() - tag_bytes);
  std::array<std::uint8_t, tag_bytes> tag{};
  std::ranges::copy(sealed.last(tag_bytes), tag.begin());
  const auto cipher = make_cipher();
  Bytes plain(body.size() + 1);  // never empty: to OpenSSL a null output means "associated data"
  int count = 0;
  must(EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key.data(), nonce.data(), nullptr));
  must(EVP_DecryptUpdate(cipher.get(), nullptr, &count, associated.data(), length_of(associated)));
  must(EVP_DecryptUpdate(cipher.get(), plain.data(), &count, body.data(), length_of(body)));
  must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()));
  if (EVP_DecryptFinal_ex(cipher.get(), plain.data() + body.size(), &count) != 1) return std::nullopt;
  plain.resize(body.size());
  return plain;
}
}  // namespace natkit::crypto
