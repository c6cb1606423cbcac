#pragma once
/// The CRC-32C (Castagnoli) that SCTP packets carry (RFC 9260 Appendix A), by the instruction that x86 has for it: ten
/// times faster than any table. It finds accidents, not attackers.
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::crypto {
/// Nothing where the processor has no such instruction: then others' tables are as good as ours would be.
[[nodiscard]] std::optional<std::uint32_t> fast_crc32c(ByteView bytes);
[[nodiscard]] bool has_fast_crc32c();
}  // namespace natkit::crypto
