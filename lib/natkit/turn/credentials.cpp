#include "natkit/turn/credentials.hpp"

#include <charconv>

#include "natkit/crypto/digest.hpp"

namespace natkit::turn {
Credentials make_rest_credentials(std::string_view secret, UnixTime end, std::string_view id) {
  auto username = std::to_string(end.time_since_epoch().count());
  if (!id.empty()) username.append(":").append(id);
  auto password = rest_password(secret, username);
  return {std::move(username), std::move(password)};
}

std::string rest_password(std::string_view secret, std::string_view username) {
  return to_base64(crypto::hmac_sha1(as_bytes(secret), {as_bytes(username)}));
}

std::optional<UnixTime> end_of_rest_username(std::string_view username) {
  const auto number = username.substr(0, username.find(':'));
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (error != std::errc{} || end != number.data() + number.size() || seconds < 0) return std::nullopt;
  return UnixTime{std::chrono::seconds{seconds}};
}

std::string to_base64(ByteView bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto group = bytes.subspan(i, std::min<std::size_t>(3, bytes.size() - i));
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8U | (k < group.size() ? group[k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= group.size() ? digits[bits >> (18U - 6U * k) & 0x3FU] : '=';
  }
  return text;
}
}  // namespace natkit::turn
