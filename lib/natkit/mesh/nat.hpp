#pragma once
/// What a member has measured of the NAT before it and tells the others, in one byte: so each knows what a pair of them
/// needs to be linked before anything was tried.
///
///   bit 0 1 2  mapping is not endpoint-independent, not address-dependent, not address-and-port-dependent
///   bit 3 4 5  the same of filtering (RFC 4787 §4.1 and §5)
///   bit 6      the router leads a port to it, or has and will again
///   bit 7      UDP does not pass at all
///
/// So 0 is "nothing is known", and every byte means something: where all three are excluded the evidence contradicts
/// itself, and nothing is known either.
#include "natkit/mesh/view.hpp"
#include "natkit/probe/pair.hpp"

namespace natkit::mesh {
using probe::NatFindings;
using probe::Need;
using probe::need_of;
using probe::to_text;

[[nodiscard]] Nat pack(const NatFindings& findings);
[[nodiscard]] NatFindings unpack(Nat nat);

/// How it answers strangers. Unknown unless every behaviour that is still possible says the same.
[[nodiscard]] Reach reach_of(const NatFindings& findings);
/// The least that a member of this reach has said of its NAT, where it told no more.
[[nodiscard]] NatFindings findings_of(Reach reach);
}  // namespace natkit::mesh
