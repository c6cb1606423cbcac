#include "natkit/base/bytes.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("ByteReader gives big-endian integers and stops at the end", "[bytes]") {
  const Bytes input{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07};
  ByteReader reader{input};
  CHECK(reader.read_u8() == 0x01);
  CHECK(reader.read_u16() == 0x0203);
  CHECK(reader.read_u32() == 0x04050607U);
  CHECK(reader.remaining() == 0);
  CHECK_FALSE(reader.read_u8());
}

TEST_CASE("ByteReader stays where it was after a read that does not fit", "[bytes]") {
  const Bytes input{0xaa, 0xbb};
  ByteReader reader{input};
  CHECK_FALSE(reader.read_u32());
  CHECK_FALSE(reader.read_bytes(3));
  CHECK(reader.read_u16() == 0xaabb);
}

TEST_CASE("ByteWriter writes what ByteReader reads", "[bytes]") {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(1);
  writer.write_u16(0);
  writer.write_u32(0xdeadbeef);
  writer.write_u64(0x0102030405060708);
  writer.write_zeros(2);
  writer.patch_u16(1, 0xcafe);
  CHECK(to_hex(out) == "01cafedeadbeef01020304050607080000");
}

TEST_CASE("Hex text turns into bytes and back, and nonsense into nothing", "[bytes]") {
  CHECK(from_hex("00ffA5") == Bytes{0x00, 0xff, 0xa5});
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}
