#pragma once
/// What two hosts need to be connected, told from what is known of their NATs alone, before anything was tried.
#include <cstdint>
#include <string_view>

#include "natkit/base/behavior.hpp"

namespace natkit::probe {
/// What was found out.
struct NatFindings {
  BehaviorSet mapping{};
  BehaviorSet filtering{};
  bool has_port = false;  ///< at the router
  bool is_blocked = false;
};

/// What a pair needs; the later, the more, and what stands before does not do. (Nobody here guesses ports yet: such a
/// pair is linked by a member or a relay as well, and where a member is there to do it the need is `member`.)
enum class Need : std::uint8_t {
  unknown,     ///< not enough was measured
  direct,      ///< one lets strangers in, or both ports are where a server sees them: both send at once
  prediction,  ///< … a port must be guessed: one NAT shows each peer another, and the other filters by port
  member,      ///< somebody who is willing carries packets for the two
  relay,       ///< a server does
};
/// "direct", "direct-with-prediction", "member", "relay"; empty: unknown.
[[nodiscard]] std::string_view to_text(Need need);
/// For two that have no address of the same network. `relay` where there is no direct way at all: whether a member can
/// take its place is a matter of the session. Unknown unless every behaviour that is still possible leads to one need.
[[nodiscard]] Need need_of(const NatFindings& a, const NatFindings& b);
}  // namespace natkit::probe
