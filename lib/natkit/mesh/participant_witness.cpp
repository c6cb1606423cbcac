#include <algorithm>

#include "natkit/mesh/participant.hpp"

/// The voter that is no member: one more where the members are even in number, so that no half can block the other.
namespace natkit::mesh {
namespace {
/// A tie becomes unlikely with more, and the meeting place keeps each view.
constexpr std::size_t most_witnessed = 16;
}  // namespace

void Participant::offer_witness(Instant now, const Introduction& witness, std::optional<Duration> rtt) {
  if (phase_ == Phase::over || witness.id == id()) return;
  if (witness_ && witness_->id != witness.id) peers_.forget(witness_->id);
  witness_ = witness;
  handle_link(now, witness.id, LinkState::up, rtt);
}

void Participant::lose_witness(Instant now) {
  if (!witness_) return;
  const auto lost = std::exchange(witness_, std::nullopt);
  handle_link(now, lost->id, LinkState::none, {});
}

bool Participant::is_witness(const MemberId& who) const {
  return (witness_ && witness_->id == who) || (view_ && view_->witness && view_->witness->self.id == who);
}

void Participant::say_to_witness(const Message& message) {
  if (view_->witness) say(view_->witness->self.id, message);
}

void Participant::show_view_to_witness(Instant now) {
  if (!view_->witness) return;
  auto& peer = peers_[view_->witness->self.id];
  peer.views_sent = now;
  say(view_->witness->self.id, views_since(peer.beat ? peer.beat->version : Version{}));
}

/// Once all members vote, so that the number stays as it is.
bool Participant::wants_witness(const View& view) const {
  return view.members.size() % 2 == 0 && view.members.size() <= most_witnessed;
}

/// Silent for as long as a member may be, or started anew: then it has forgotten what it promised.
bool Participant::is_witness_gone(Instant now) const {
  const auto& known = view_->witness->self;
  if (witness_ && (witness_->id != known.id || witness_->incarnation != known.incarnation)) return true;
  const auto since = now - config_.timing.removal;
  return epoch_since_ <= since && !peers_.was_heard(known.id, since);
}

/// In without a vote, and a voter once it has promised; each change of its vote is a change by one voter.
// NOLINTNEXTLINE(readability-*): in and out
void Participant::mind_witness(Instant now, View& next, bool& may_change_voters) {
  if (!next.witness) {
    const bool do_all_vote = std::ranges::all_of(next.members, &Member::is_voter);
    if (witness_ && do_all_vote && wants_witness(next) && peers_.is_up(witness_->id)) {
      peers_[witness_->id].heard = now;  // it has its time to answer from here
      next.witness = Member{.self = *witness_};
    }
    return;
  }
  const bool is_to_go = is_witness_gone(now) || !wants_witness(next);
  if (next.witness->is_voter && !may_change_voters) return;
  if (is_to_go) {
    may_change_voters = may_change_voters && !next.witness->is_voter;
    next.witness.reset();
  } else if (!next.witness->is_voter && may_change_voters && may_vote_from_now(now, next, next.witness->self.id)) {
    next.witness->is_voter = true;
    may_change_voters = false;
  }
}
}  // namespace natkit::mesh
