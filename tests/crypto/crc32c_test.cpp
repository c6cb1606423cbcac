#include "natkit/crypto/crc32c.hpp"

#include "catch.hpp"

using namespace natkit;
using natkit::crypto::fast_crc32c;

TEST_CASE("The CRC-32C of RFC 3720's examples comes out, where there is an instruction for it", "[crc32c]") {
  if (!crypto::has_fast_crc32c()) {
    CHECK_FALSE(fast_crc32c({}));
    return;
  }
  CHECK(fast_crc32c(as_bytes("123456789")) == 0xE3069283);
  // RFC 3720 §B.4
  CHECK(fast_crc32c(Bytes(32, 0x00)) == 0x8A9136AA);
  CHECK(fast_crc32c(Bytes(32, 0xFF)) == 0x62A8AB43);
  Bytes rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  CHECK(fast_crc32c(rising) == 0x46DD794E);
}
