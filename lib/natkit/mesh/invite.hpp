#pragma once
/// An invite: all that a stranger needs to ask a session's members to be let in, without any server (link/knock.hpp).
/// One line of text without blanks, so that people can copy it from anywhere to anywhere:
///
///   natkit: base64url of   version 1 | session 16 | name | game | secret of knocks 32 | entries | CRC-32 of all that
///   entry:     member 32 | endpoints
///   endpoint:  4 or 6 | address | port 2
///
/// Names, lists and numbers as in all messages (wire.hpp). It serves for as long as one of these members is there and
/// keeps its address. The password is not in it.
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/link/knock.hpp"
#include "natkit/mesh/member_id.hpp"

namespace natkit::mesh {
inline constexpr std::size_t most_entries = 8;             ///< members in an invite: some 60 characters each
inline constexpr std::size_t most_entry_endpoints = 4;     ///< of each
inline constexpr std::size_t longest_invite_text = 8'000;  ///< twice what the longest has, for blanks

struct Invite {
  struct Entry {
    MemberId member{};
    std::vector<Endpoint> endpoints{};  ///< the best first
    bool operator==(const Entry&) const = default;
  };
  SessionId session{};
  std::string name{};
  std::string game{};
  link::KnockSecret knock{};
  std::vector<Entry> entries{};  ///< the most reachable first; at least one, each with an endpoint
  bool operator==(const Invite&) const = default;
};

enum class InviteError : std::uint8_t {
  not_an_invite,  ///< it does not begin like one
  garbled,        ///< something is missing, or was changed on its way
  other_version,  ///< of a later natkit
};
/// Whether this is meant to be one.
[[nodiscard]] bool looks_like_invite(std::string_view text);
/// What is beyond the bounds is left out.
[[nodiscard]] std::string write_invite(const Invite& invite);
/// Blanks and line ends anywhere, as mail programs put them in, are passed over.
[[nodiscard]] std::expected<Invite, InviteError> parse_invite(std::string_view text);
}  // namespace natkit::mesh
