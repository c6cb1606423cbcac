#pragma once
/// Who may use a relay: names and passwords, and the ones that a shared secret makes (the "REST API for access to TURN
/// services", draft-uberti-behave-turn-rest-00, which coturn's `--use-auth-secret` implements).
/// Such a name says when it ends, and its password proves that whoever made it knows the secret:
///
///   username = <end, in seconds of Unix time>[:<id>]          password = base64(HMAC-SHA1(secret, username))
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

namespace natkit::turn {
/// Both must have been prepared with OpaqueString (RFC 8265) already; ASCII is.
struct Credentials {
  std::string username;
  std::string password;
};

/// Seconds since 1970 UTC, leap seconds not counted. Drivers know it; machines are told.
using UnixTime = std::chrono::sys_seconds;

[[nodiscard]] Credentials make_rest_credentials(std::string_view secret, UnixTime end, std::string_view id = {});
[[nodiscard]] std::string rest_password(std::string_view secret, std::string_view username);
/// When the name ends; `nullopt` when it is none that a shared secret makes.
[[nodiscard]] std::optional<UnixTime> end_of_rest_username(std::string_view username);
}  // namespace natkit::turn
