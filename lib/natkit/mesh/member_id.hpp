#pragma once
/// Names of members and sessions.
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natkit::mesh {
/// The SHA-256 fingerprint of a member's certificate: who has the key is the member. Ordered as bytes.
struct MemberId {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const MemberId&) const = default;
};
/// Drawn by the founder.
struct SessionId {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const SessionId&) const = default;
};
/// One start of a member's process. Who comes back after a crash is somebody else to a vote: it has forgotten what it
/// promised.
enum class Incarnation : std::uint64_t {};

[[nodiscard]] std::string to_text(const MemberId& id);   ///< 64 hexadecimal digits
[[nodiscard]] std::string to_text(const SessionId& id);  ///< 32 hexadecimal digits
[[nodiscard]] std::optional<MemberId> parse_member_id(std::string_view text);
[[nodiscard]] std::optional<SessionId> parse_session_id(std::string_view text);
}  // namespace natkit::mesh
