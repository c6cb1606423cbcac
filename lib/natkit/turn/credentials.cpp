#include "natkit/turn/credentials.hpp"

#include <charconv>

#include "natkit/base/base64.hpp"
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
}  // namespace natkit::turn
