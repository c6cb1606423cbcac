#include "natkit/base/printable.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <iterator>

namespace natkit {
namespace {
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  ///< in bytes; 0 where the text is not UTF-8
};

/// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
CodePoint read_code_point(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  if (first < 0x80) return {first, 1};
  const auto length = static_cast<std::size_t>(std::countl_one(first));
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t value = first & (0x7fU >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<std::uint8_t>(c);
    if ((byte & 0xc0U) != 0x80) return {};
    value = (value << 6U) | (byte & 0x3fU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};  // by length: anything below is overlong
  if (value < least.at(length) || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, length};
}

bool is_harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0)              // C0, DEL, C1
         || c == 0x061c || c == 0x200e || c == 0x200f     // direction marks (UAX #9)
         || (c >= 0x2028 && c <= 0x202e)                  // line and paragraph separators, embeddings, overrides
         || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;  // isolates, byte order mark
}

std::string escaped(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c < 0x100) return fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c));
  return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
}
}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [value, length] = read_code_point(text);
    if (length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text.front()));
    } else if (value == '\\') {
      out += "\\\\";
    } else if (is_harmful(value)) {
      out += escaped(value);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}
}  // namespace natkit
