#include "natkit/crypto/signature.hpp"

#include "catch.hpp"

namespace natkit::test {
using namespace natkit::crypto;

TEST_CASE("A signature holds for its text, its signer and its certificate only", "[signature]") {
  const auto own = Identity::make(), other = Identity::make();
  const auto text = as_bytes("view 7"), another = as_bytes("view 8");
  const auto signature = sign(own, text);
  CHECK(signature.size() <= longest_signature);
  CHECK(is_signed_by(own.fingerprint(), certificate_of(own), text, signature));
  CHECK_FALSE(is_signed_by(own.fingerprint(), certificate_of(own), another, signature));
  CHECK_FALSE(is_signed_by(other.fingerprint(), certificate_of(own), text, signature));
  CHECK_FALSE(is_signed_by(own.fingerprint(), certificate_of(other), text, signature));
  CHECK_FALSE(is_signed_by(other.fingerprint(), certificate_of(other), text, signature));
}

TEST_CASE("Damaged certificates and signatures are refused, and leave no error behind", "[signature]") {
  const auto own = Identity::make();
  const auto text = as_bytes("vote");
  auto signature = sign(own, text);
  signature.back() ^= 1U;
  CHECK_FALSE(is_signed_by(own.fingerprint(), certificate_of(own), text, signature));
  CHECK_FALSE(is_signed_by(own.fingerprint(), certificate_of(own), text, {}));
  CHECK_FALSE(is_signed_by(Fingerprint{sha256(text)}, text, text, sign(own, text)));
}
}  // namespace natkit::test
