#include "natkit/crypto/crc32.hpp"

#include <array>

namespace natkit::crypto {
namespace {
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t remainder = i;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1U) ^ ((remainder & 1U) != 0 ? 0xEDB88320U : 0U);  // 0x04C11DB7, bits reversed
    }
    table[i] = remainder;
  }
  return table;
}
}  // namespace

std::uint32_t crc32(std::initializer_list<ByteView> pieces) {
  static constexpr auto table = make_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const auto piece : pieces) {
    for (const auto byte : piece) crc = table[(crc ^ byte) & 0xFFU] ^ (crc >> 8U);
  }
  return ~crc;
}
}  // namespace natkit::crypto
