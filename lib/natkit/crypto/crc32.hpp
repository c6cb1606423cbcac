#pragma once
/// The CRC-32 of ISO 3309 and ITU V.42 (polynomial 0x04C11DB7 reflected, initial value and final XOR all ones), which
/// STUN's FINGERPRINT uses (RFC 8489 §14.7). It finds accidents, not attackers.
#include <cstdint>
#include <initializer_list>

#include "natkit/base/bytes.hpp"

namespace natkit::crypto {
[[nodiscard]] std::uint32_t crc32(std::initializer_list<ByteView> pieces);
}  // namespace natkit::crypto
