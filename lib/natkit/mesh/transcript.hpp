#pragma once
/// What a member can show of a session to whoever was not there: a digest of who was in it together, that only one of
/// them can make, since the session's own secrets, which no stranger has, are part of it.
///
///   digest = SHA-256("transcript" | 0 | session | token | knock | each member: id, incarnation, number)
///
/// Of what is said of a member, the last view that it was in is meant. Those who stayed and who left have seen the same
/// members in it; not always the same view, since who leads or votes may change in the very moment of leaving, and not
/// the same views before, since they came at different times. So neither views' signatures nor a digest that runs
/// through all views would be the same for two who tell the truth.
#include "natkit/crypto/digest.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
[[nodiscard]] crypto::Sha256Digest transcript_of(const View& view);
}  // namespace natkit::mesh
