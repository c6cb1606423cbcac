#pragma once
/// Why something did not come about, or ended: one word for machines, the same in the protocol, in JSON and in exit
/// codes. RakNet's events (NatPunchthroughServer) have theirs here:
///
///   ID_NAT_TARGET_NOT_CONNECTED       target_not_connected       nobody holds that name here
///   ID_NAT_TARGET_UNRESPONSIVE        target_unresponsive        it does, and does not answer; both sides are told
///   ID_NAT_CONNECTION_TO_TARGET_LOST  connection_to_target_lost  its connection ended meanwhile; told to the survivor
///   ID_NAT_ALREADY_IN_PROGRESS        already_in_progress        the two are at it, whoever began: wait for that
///   ID_NAT_PUNCHTHROUGH_FAILED        punch_failed               every way was tried
///   facilitator connection lost       server_unreachable         (there perhaps no event at all)
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"

namespace natkit::rendezvous {
enum class Reason : std::uint8_t {
  server_unreachable,
  server_full,
  server_closing,    ///< it said so itself
  version_mismatch,  ///< the other side speaks another version, or another protocol altogether
  target_not_connected,
  target_unresponsive,
  connection_to_target_lost,
  already_in_progress,
  punch_failed,
  rejected,               ///< by the server's rules, or by the peer
  authentication_failed,  ///< a name that somebody else holds; a wrong secret
  relay_unavailable,
  no_common_address_family,
  banned,  ///< by the operator of the server
  closed,  ///< in order, by who was there
};

/// "target-not-connected" …: stable, the names of the contract
[[nodiscard]] std::string_view to_text(Reason reason);
[[nodiscard]] std::optional<Reason> parse_reason(std::string_view text);
/// What to do about it, one sentence; may be empty.
[[nodiscard]] std::string_view advice(Reason reason);
/// For the exit status.
[[nodiscard]] Errc code_of(Reason reason);
[[nodiscard]] Error to_error(Reason reason, std::string detail);
}  // namespace natkit::rendezvous
