#pragma once
/// Bytes as text (RFC 4648 §4): the standard alphabet, padded, without line ends.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

namespace natkit {
[[nodiscard]] std::string to_base64(ByteView bytes);
/// The inverse, strict: `nullopt` on a foreign character, missing padding or stray last bits, so that one value has one
/// text.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);
}  // namespace natkit
