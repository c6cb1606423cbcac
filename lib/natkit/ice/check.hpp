#pragma once
/// A connectivity check on the wire: a STUN Binding request with short-term credentials (RFC 8445 §7.1, §16.1).
///
///   USERNAME           "theirs:ours", the two user name fragments (§7.2.2)
///   PRIORITY           what a peer-reflexive candidate learned from this check would be worth (§7.1.1)
///   ICE-CONTROLLING    or ICE-CONTROLLED: our role, and a tie-breaker should both claim the same (§7.1.3)
///   USE-CANDIDATE      only from the controlling agent: "this pair" (§7.1.2)
///   NATKIT-ICE         0xCE20, comprehension-optional: version (8 bits), reserved (8), nomination number (16)
///   NATKIT-CARGO       0xCE21, comprehension-optional, in checks and answers: a few bytes of whoever uses the agent
///   MESSAGE-INTEGRITY  keyed with the receiver's password; the answer's with the same one
///   FINGERPRINT
///
/// The nomination number lets the controlling agent change its mind: of two nominations the greater number holds, so
/// neither a late nor a replayed one can turn the choice back. Towards foreign agents, which nominate once, it is 0.
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/ice/description.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::ice {
enum class Role : std::uint8_t { controlling, controlled };
[[nodiscard]] constexpr Role other(Role role) {
  return role == Role::controlling ? Role::controlled : Role::controlling;
}

struct Check {
  Role role = Role::controlling;
  std::uint64_t tie_breaker = 0;
  std::uint32_t priority = 0;
  std::optional<std::uint16_t> nomination{};  ///< set: with USE-CANDIDATE
  Dialect dialect = Dialect::rfc;             ///< natkit: with NATKIT-ICE
};

/// Errors that a check is answered with (RFC 8489 §14.8, RFC 8445 §16.2).
inline constexpr std::uint16_t bad_request = 400;
inline constexpr std::uint16_t unknown_attribute = 420;
inline constexpr std::uint16_t role_conflict = 487;

[[nodiscard]] Bytes write_check(const stun::TransactionId& id, const Check& check, const Credentials& local,
                                const Credentials& remote, ByteView cargo = {});
/// An error of `bad_request` or `unknown_attribute`. The integrity must have been checked before.
[[nodiscard]] std::expected<Check, std::uint16_t> read_check(const stun::Message& request);

/// `key` is the password that the request was proven with.
[[nodiscard]] Bytes write_success(const stun::TransactionId& id, const Endpoint& mapped, std::string_view key,
                                  Dialect dialect = Dialect::natkit, ByteView cargo = {});
[[nodiscard]] Bytes write_error(const stun::Message& request, std::uint16_t code, std::string_view key);
/// Says nothing and wants no answer: an opener, or a keep-alive (§11).
[[nodiscard]] Bytes write_indication(const stun::TransactionId& id);

/// Whether somebody who knows the password wrote this, and nothing changed it.
[[nodiscard]] bool is_authentic(const stun::Message& message, std::string_view password);
/// Whom a request is for and whom it is from, as its USERNAME has it: "ours:theirs".
struct Fragments {
  std::string_view receiver;
  std::string_view sender;
};
[[nodiscard]] std::optional<Fragments> fragments(const stun::Message& request);
/// What rides on the message; lives as long as that. Empty: nothing.
[[nodiscard]] ByteView cargo_of(const stun::Message& message);
/// Whether the message bears our attribute.
[[nodiscard]] Dialect dialect_of(const stun::Message& message);
}  // namespace natkit::ice
