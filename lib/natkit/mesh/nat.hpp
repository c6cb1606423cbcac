#pragma once
/// What a member has measured of the NAT before it and tells the others, in one byte; and what a pair of members needs
/// to be linked, told from that alone, before anything was tried.
///
///   bit 0 1 2  mapping is not endpoint-independent, not address-dependent, not address-and-port-dependent
///   bit 3 4 5  the same of filtering (RFC 4787 §4.1 and §5)
///   bit 6      the router leads a port to it, or has and will again
///   bit 7      UDP does not pass at all
///
/// So 0 is "nothing is known", and every byte means something: where all three are excluded the evidence contradicts
/// itself, and nothing is known either.
#include <cstdint>
#include <string_view>

#include "natkit/base/behavior.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// What was found out.
struct NatFindings {
  BehaviorSet mapping{};
  BehaviorSet filtering{};
  bool has_port = false;  ///< at the router
  bool is_blocked = false;
};
[[nodiscard]] Nat pack(const NatFindings& findings);
[[nodiscard]] NatFindings unpack(Nat nat);

/// How it answers strangers. Unknown unless every behaviour that is still possible says the same.
[[nodiscard]] Reach reach_of(const NatFindings& findings);
/// The least that a member of this reach has said of its NAT, where it told no more.
[[nodiscard]] NatFindings findings_of(Reach reach);

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
}  // namespace natkit::mesh
