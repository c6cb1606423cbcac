#include "natkit/crypto/identity.hpp"

#include "catch.hpp"

using namespace natkit::crypto;

namespace {
constexpr std::string_view no_pem = "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n";

std::string key_of(const std::string& pem) { return pem.substr(0, pem.find("-----BEGIN CERTIFICATE")); }
std::string certificate_of(const std::string& pem) { return pem.substr(pem.find("-----BEGIN CERTIFICATE")); }
}  // namespace

TEST_CASE("Every identity is a new one", "[identity]") {
  CHECK_FALSE(Identity::make().fingerprint() == Identity::make().fingerprint());
}

TEST_CASE("An identity survives being written and read, in either order of its parts", "[identity]") {
  const auto original = Identity::make();
  const auto pem = original.to_pem();
  for (const auto& text : {pem, certificate_of(pem) + key_of(pem)}) {
    const auto read = Identity::from_pem(text);
    REQUIRE(read);
    CHECK(read->fingerprint() == original.fingerprint());
    CHECK(read->to_pem() == pem);
  }
}

TEST_CASE("The fingerprint is that of the certificate", "[identity]") {
  const auto identity = Identity::make();
  CHECK(identity.fingerprint() == fingerprint_of(identity.certificate()));
}

TEST_CASE("A file that is no identity is refused, and the reason named", "[identity]") {
  const auto pem = Identity::make().to_pem();
  const auto other = Identity::make().to_pem();
  CHECK(Identity::from_pem("").error() == IdentityError::no_certificate);
  CHECK(Identity::from_pem(no_pem).error() == IdentityError::no_certificate);
  CHECK(Identity::from_pem(key_of(pem)).error() == IdentityError::no_certificate);
  CHECK(Identity::from_pem(certificate_of(pem)).error() == IdentityError::no_key);
  CHECK(Identity::from_pem(key_of(pem) + certificate_of(other)).error() == IdentityError::key_of_another);
}
