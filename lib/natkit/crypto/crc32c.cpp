#include "natkit/crypto/crc32c.hpp"

#include <cstring>

namespace natkit::crypto {
#if defined(__x86_64__)
namespace {
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(ByteView bytes) {
  std::uint64_t crc = 0xFFFFFFFF;
  for (; bytes.size() >= sizeof crc; bytes = bytes.subspan(sizeof crc)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (const auto byte : bytes) rest = __builtin_ia32_crc32qi(rest, byte);
  return ~rest;
}
}  // namespace

bool has_fast_crc32c() {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}

std::optional<std::uint32_t> fast_crc32c(ByteView bytes) {
  if (!has_fast_crc32c()) return std::nullopt;
  return by_instruction(bytes);
}
#else
bool has_fast_crc32c() { return false; }
std::optional<std::uint32_t> fast_crc32c(ByteView /*bytes*/) { return std::nullopt; }
#endif
}  // namespace natkit::crypto
