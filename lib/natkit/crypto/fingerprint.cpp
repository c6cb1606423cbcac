#include "natkit/crypto/fingerprint.hpp"

#include <algorithm>

namespace natkit::crypto {
namespace {
constexpr std::string_view hash_name = "sha-256";  // RFC 8122 §5, of the IANA "Hash Function Textual Names"

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_same_word(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

/// "4A:AD" to bytes: pairs of digits with a colon between every two.
std::optional<Bytes> parse_pairs(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_colon = text[i] == ':';
    if (is_colon != (i % 3 == 2)) return std::nullopt;
    if (!is_colon) digits += text[i];
  }
  if (text.empty() || text.back() == ':') return std::nullopt;
  return from_hex(digits);
}
}  // namespace

std::string to_text(const Fingerprint& fingerprint) {
  std::string out{hash_name};
  const auto digits = to_hex(fingerprint.digest);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out += i == 0 ? ' ' : ':';
    out += upper(digits[i]);
    out += upper(digits[i + 1]);
  }
  return out;
}

std::expected<Fingerprint, FingerprintError> parse_fingerprint(std::string_view text) {
  const auto space = text.find(' ');
  if (space == 0 || space == std::string_view::npos) return std::unexpected(FingerprintError::malformed);
  const auto bytes = parse_pairs(text.substr(space + 1));
  if (!bytes) return std::unexpected(FingerprintError::malformed);
  if (!is_same_word(text.substr(0, space), hash_name)) return std::unexpected(FingerprintError::unknown_hash);
  Fingerprint out;
  if (bytes->size() != out.digest.size()) return std::unexpected(FingerprintError::malformed);
  std::ranges::copy(*bytes, out.digest.begin());
  return out;
}
}  // namespace natkit::crypto
