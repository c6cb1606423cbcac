#include "natkit/crypto/fingerprint.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::crypto;

namespace {
// The digest of RFC 8122 §5's example is SHA-1; this is the SHA-256 of "abc" (FIPS 180-4).
constexpr std::string_view abc =
    "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
}  // namespace

TEST_CASE("A fingerprint is written as RFC 8122 wants it", "[fingerprint]") {
  CHECK(to_text(Fingerprint{sha256(as_bytes("abc"))}) == abc);
}

TEST_CASE("A fingerprint that was written is read back, in either case", "[fingerprint]") {
  const Fingerprint expected{sha256(as_bytes("abc"))};
  std::string lower{abc};
  for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  CHECK(parse_fingerprint(abc).value() == expected);
  CHECK(parse_fingerprint(lower).value() == expected);
}

TEST_CASE("Two fingerprints differ when one bit of them does", "[fingerprint]") {
  const Fingerprint one{sha256(as_bytes("abc"))};
  auto other = one;
  other.digest[31] ^= 1;
  CHECK_FALSE(one == other);
}

TEST_CASE("A fingerprint by another hash is told from a malformed one", "[fingerprint]") {
  CHECK(parse_fingerprint("sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB").error() ==
        FingerprintError::unknown_hash);
  for (const auto text : {"", "sha-256", "sha-256 ", " 4A:AD", "sha-256 4A:AD", "sha-256 4AAD",
                          "sha-256 4A:AD:", "sha-256 4:AAD", "sha-256 4A::AD", "sha-1 zz"}) {
    CAPTURE(text);
    CHECK(parse_fingerprint(text).error() == FingerprintError::malformed);
  }
  CHECK(parse_fingerprint(std::string{abc} + ":00").error() == FingerprintError::malformed);
}
