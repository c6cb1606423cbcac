#include "natkit/crypto/secret_box.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::crypto;

TEST_CASE("Keys are derived by HKDF-Expand as in RFC 5869, appendix A.1", "[secret_box]") {
  SecretKey key{};
  std::ranges::copy(*from_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"), key.begin());
  const auto purpose = *from_hex("f0f1f2f3f4f5f6f7f8f9");
  CHECK(to_hex(derive_key(key, purpose)) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST_CASE("Sealing is AES-256-GCM, as in test case 14 of its first specification", "[secret_box]") {
  const auto sealed = seal({}, {}, Bytes(16), {});
  CHECK(to_hex(sealed) == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  CHECK(unseal({}, {}, sealed, {}) == Bytes(16));
}

TEST_CASE("What was sealed opens with the same key, nonce and associated bytes, and with nothing else",
          "[secret_box]") {
  const SecretKey key{1};
  const BoxNonce nonce{2};
  const Bytes plain{1, 2, 3};
  const Bytes associated{9};
  const auto sealed = seal(key, nonce, plain, associated);
  CHECK(unseal(key, nonce, sealed, associated) == plain);
  CHECK_FALSE(unseal({2}, nonce, sealed, associated));
  CHECK_FALSE(unseal(key, {3}, sealed, associated));
  CHECK_FALSE(unseal(key, nonce, sealed, {}));
  CHECK_FALSE(unseal(key, nonce, ByteView{sealed}.first(15), associated));
  CHECK(unseal(key, nonce, seal(key, nonce, {}, {}), {}) == Bytes{});
}

TEST_CASE("A stretched secret depends on the secret and on the salt", "[secret_box]") {
  const auto key = stretch_secret(as_bytes("secret"), as_bytes("salt"));
  CHECK(key == stretch_secret(as_bytes("secret"), as_bytes("salt")));
  CHECK(key != stretch_secret(as_bytes("secret"), as_bytes("salt2")));
  CHECK(key != stretch_secret(as_bytes("secret2"), as_bytes("salt")));
  CHECK(key != SecretKey{});
}
