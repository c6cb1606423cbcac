#include "natkit/crypto/digest.hpp"

#include "catch.hpp"
#include "natkit/crypto/crc32.hpp"

using namespace natkit;

TEST_CASE("Hashes give the published digests", "[digest]") {
  // RFC 1321 §A.5, FIPS 180-4 examples
  CHECK(to_hex(crypto::md5(as_bytes("")).value()) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(to_hex(crypto::md5(as_bytes("message digest")).value()) == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(to_hex(crypto::sha256(as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(crypto::sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("Keyed hashes give the published tags, however the data is cut", "[digest]") {
  // RFC 2202 §3 and RFC 4231 §4.3, test case 2
  const auto key = as_bytes("Jefe");
  const auto data = as_bytes("what do ya want for nothing?");
  const std::string_view sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
  const std::string_view sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  CHECK(to_hex(crypto::hmac_sha1(key, {data})) == sha1);
  CHECK(to_hex(crypto::hmac_sha256(key, {data})) == sha256);
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    CHECK(to_hex(crypto::hmac_sha1(key, {data.first(cut), {}, data.subspan(cut)})) == sha1);
    CHECK(to_hex(crypto::hmac_sha256(key, {data.first(cut), data.subspan(cut)})) == sha256);
  }
  // An empty key and no data at all: the value every implementation agrees on.
  CHECK(to_hex(crypto::hmac_sha1({}, {})) == "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

TEST_CASE("CRC-32 gives the check value of its specification, however the data is cut", "[crc32]") {
  const auto data = as_bytes("123456789");
  CHECK(crypto::crc32({data}) == 0xCBF43926U);
  CHECK(crypto::crc32({data.first(4), data.subspan(4)}) == 0xCBF43926U);
  CHECK(crypto::crc32({}) == 0U);
}

TEST_CASE("The constant-time comparison agrees with the ordinary one", "[digest]") {
  const Bytes a{1, 2, 3};
  const Bytes b{1, 2, 4};
  CHECK(crypto::is_equal_in_constant_time(a, a));
  CHECK(crypto::is_equal_in_constant_time({}, {}));
  CHECK_FALSE(crypto::is_equal_in_constant_time(a, b));
  CHECK_FALSE(crypto::is_equal_in_constant_time(a, ByteView{a}.first(2)));
}
