#include <algorithm>
#include <utility>

#include "natkit/mesh/participant.hpp"

/// Whether the host is gone, and who leads then.
namespace natkit::mesh {
namespace {
/// Nobody believes a claim that is farther ahead of what was claimed before: else a liar could use all epochs up.
constexpr std::uint64_t most_epochs_ahead = 1000;
constexpr std::size_t most_farewells = 64;
}  // namespace

void Participant::follow(Instant now) {
  vote_if_due(now);
  if (is_host_gone(now)) return stand(now);
  claim_at_.reset();
  candidacy_.reset();
}

/// As a candidate, and again and again until somebody leads.
void Participant::stand(Instant now) {
  const auto* self = view_->find(id());
  if (!self || !self->is_voter || is_leaving_) {
    claim_at_.reset();
    candidacy_.reset();
    return;
  }
  if (candidacy_) return press_claim(now);
  if (!claim_at_) claim_at_ = now + rank(now) * rank_gap();
  if (now >= *claim_at_) claim(now);
}

/// Without a majority in hearing a claim would only use epochs up.
bool Participant::can_win(Instant now) const {
  std::size_t there = 0;
  for (const auto* voter : view_->electorate()) {
    const auto& each = voter->self.id;
    if (each == view_->host && is_vote_of_host_free()) continue;
    // The witness speaks when it is spoken to, so from it only the host has heard.
    const bool is_there =
        each == id() || (is_witness(each) ? peers_.is_up(each) : peers_.was_heard(each, now - attention_to(each)));
    if (is_there) ++there;
  }
  return there >= votes_to_win();
}

/// The last words of the host free its vote, as if it had been struck out: a change by one voter, which is safe where a
/// majority has the view that it is made to, and nobody a later one (view.hpp, invariants 2 and 3).
bool Participant::is_vote_of_host_free() const {
  const auto* host = view_->find(view_->host);
  return !is_host() && host && host->is_voter && has_said_farewell(view_->host) && committed_ == view_->version &&
         farewells_.at(view_->host).version == view_->version;
}

std::size_t Participant::votes_to_win() const { return (view_->voters() - (is_vote_of_host_free() ? 1 : 0)) / 2 + 1; }

/// A host that takes its leave may still vote, but others would not count it.
bool Participant::has_won() const {
  const auto of_host = is_vote_of_host_free() ? candidacy_->votes.count(view_->host) : 0;
  return candidacy_->votes.size() - of_host >= votes_to_win();
}

bool Participant::has_said_farewell(const MemberId& member) const {
  const auto found = farewells_.find(member);
  const auto* known = view_ ? view_->find(member) : nullptr;
  return found != farewells_.end() && known && known->self.incarnation == found->second.who.incarnation;
}

/// Whether voters enough to keep him in office say that they hear the host, so that it is only this member's link.
bool Participant::hears_of_host(Instant now) const {
  const auto host = view_->index_of(view_->host);
  if (!host) return false;
  std::size_t hearing = 1;  // himself
  for (const auto& member : view_->members)
    if (member.is_voter && member.self.id != id() && member.self.id != view_->host &&
        peers_.hears(member.self.id, *view_, *host, now - config_.timing.promise))
      ++hearing;
  return hearing > 1 && view_->voters() - hearing < view_->quorum();
}

bool Participant::is_host_gone(Instant now) const {
  if (has_said_farewell(view_->host)) return true;
  return now - host_beat_at_ >= config_.timing.promise && !hears_of_host(now);
}

/// How many voters that seem to be there would rather lead.
int Participant::rank(Instant now) const {
  if (is_host()) return 0;
  int better = 0;
  for (const auto& candidate : view_->succession) {
    if (candidate == id()) break;
    const auto* member = view_->find(candidate);
    if (member && member->is_voter && candidate != view_->host && !has_said_farewell(candidate) &&
        peers_.was_heard(candidate, now - attention_to(candidate)))
      ++better;
  }
  return better;
}

Duration Participant::rank_gap() const {
  return std::max(config_.timing.rank, peers_.longest_rtt().value_or(Duration{}));
}

void Participant::claim(Instant now) {
  const auto epoch = latest_epoch() + 1;
  if (!can_win(now) || !ballot_.may_vote(now, epoch, id())) {
    claim_at_ = std::max(ballot_.promised_until(), now + config_.timing.rank);
    return;
  }
  claim_at_.reset();
  held_.reset();
  claimed_epoch_ = epoch;
  vote(epoch, id());
  const auto patience = std::max(config_.timing.claim, 2 * peers_.longest_rtt().value_or(Duration{}));
  candidacy_ = {.epoch = epoch, .next = now, .until = now + patience, .votes = {}};
  candidacy_->votes[id()] = signatures_.sign(vote_text(session_, epoch, id(), view_->version));
  press_claim(now);
}

/// What this member says from here on counts for no view of an earlier epoch: the candidate may have an older one.
void Participant::vote(std::uint64_t epoch, const MemberId& candidate) {
  ballot_.vote(epoch, candidate);
  echo_.reset();
}

/// Of all that were claimed, as far as this member knows.
std::uint64_t Participant::latest_epoch() const {
  return std::max({view_->version.epoch, ballot_.voted_epoch(), claimed_epoch_});
}

void Participant::note_vote(const MemberId& from, const Heartbeat& beat) {
  if (view_->find_voter(from) && beat.voted <= latest_epoch() + most_epochs_ahead)
    claimed_epoch_ = std::max(claimed_epoch_, beat.voted);
}

/// Says the claim to who has not answered; when its time is over, the next one is for a later epoch.
void Participant::press_claim(Instant now) {
  if (has_won()) return win(now);
  if (now >= candidacy_->until) {
    candidacy_.reset();
    const auto luck = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(rank_gap().count())));
    claim_at_ = now + rank(now) * rank_gap() + Duration{luck};
    return;
  }
  if (now < candidacy_->next) return;
  candidacy_->next = now + rank_gap();
  show_view_to_witness(now);  // nobody else would, now that the host is gone
  for (const auto* voter : view_->electorate())
    if (!candidacy_->votes.contains(voter->self.id)) say(voter->self.id, Claim{candidacy_->epoch, view_->version});
}

void Participant::handle(Instant now, const MemberId& from, const Claim& claim) {
  if (phase_ != Phase::member) return;
  const auto* candidate = view_->find(from);
  if (!candidate || !candidate->is_voter || claim.epoch > latest_epoch() + most_epochs_ahead) return;
  if (claim.base < view_->version) return show_view(from, claim.base);
  if (claim.epoch <= view_->version.epoch) return;
  claimed_epoch_ = std::max(claimed_epoch_, claim.epoch);
  if (is_host() && acts(now)) return;
  if (held_ && held_->claim.epoch > claim.epoch) return;
  held_ = {from, claim, now, now + std::max(config_.timing.promise, config_.timing.claim)};
  vote_if_due(now);
}

/// Whoever was heard of the host within his promise waits with the vote until it is over, and forgets about it when he
/// is heard again.
void Participant::vote_if_due(Instant now) {
  if (!held_) return;
  const auto [candidate, claim, since, until] = *held_;
  const auto* voter = view_->find(id());
  if (now >= until || claim.base < view_->version || claim.epoch <= view_->version.epoch || !voter ||
      !voter->is_voter || !ballot_.may_follow(claim.epoch, candidate)) {
    held_.reset();
    return;
  }
  if (!ballot_.may_vote(now, claim.epoch, candidate)) return;
  held_.reset();
  vote(claim.epoch, candidate);
  if (candidacy_ && candidacy_->epoch < claim.epoch) candidacy_.reset();
  // Time for the other one to win, before this member tries itself.
  claim_at_ = now + config_.timing.claim + rank_gap();
  say(candidate,
      Granted{claim.epoch, claim.base, signatures_.sign(vote_text(session_, claim.epoch, candidate, claim.base))});
}

void Participant::handle(Instant now, const MemberId& from, const Granted& granted) {
  if (phase_ != Phase::member || !candidacy_ || granted.epoch != candidacy_->epoch || granted.base != view_->version)
    return;
  const auto* voter = view_->find_voter(from);
  if (!voter) return;
  const auto text = vote_text(session_, granted.epoch, id(), granted.base);
  if (!signatures_.verify(from, voter->self.certificate, text, granted.signature)) return;
  candidacy_->votes[from] = granted.signature;
  if (has_won()) win(now);
}

void Participant::win(Instant now) {
  View first = *view_;
  Mandate mandate{.base = first.version, .base_host = first.host, .base_signature = first.signature};
  for (const auto& [voter, signature] : candidacy_->votes) mandate.votes.push_back({voter, signature});
  if (is_vote_of_host_free()) {
    const auto& last_words = farewells_.at(first.host);
    mandate.end = last_words.who.cause;
    mandate.end_signature = last_words.signature;
    for (auto& member : first.members)
      if (member.self.id == first.host) member.is_voter = false;
  }
  first.version = {.epoch = candidacy_->epoch, .title = Title::elected, .sequence = first.version.sequence + 1};
  first.host = id();
  first.mandate = std::move(mandate);
  first.signature = signatures_.sign(body(first));
  adopt(now, first);
  publish(now);
}

/// Shows the view to everybody, and asks for their acknowledgements.
void Participant::publish(Instant now) {
  for (const auto& member : view_->members) {
    auto& peer = peers_[member.self.id];
    peer.views_sent = now;
    // Who was just admitted has no view yet.
    say(member.self.id, views_since(peer.beat ? peer.beat->version : Version{}));
  }
  show_view_to_witness(now);
  beat_all(now, Answer::wanted);
}

void Participant::handle(Instant now, const MemberId& from, const Farewell& farewell) {
  if (phase_ != Phase::member || farewell.who.id == id()) return;
  const auto* who = view_->find(farewell.who.id);
  if (!who || who->self.incarnation != farewell.who.incarnation || farewells_.contains(farewell.who.id)) return;
  if (farewell.who.cause != Departure::left && farewell.who.cause != Departure::crashed) return;
  const auto text = departure_text(session_, farewell.who, farewell.version);
  if (!signatures_.verify(farewell.who.id, who->self.certificate, text, farewell.signature)) return;
  if (farewells_.size() >= most_farewells) farewells_.erase(farewells_.begin());
  farewells_[farewell.who.id] = farewell;
  for (const auto& member : view_->members)
    if (member.self.id != from && member.self.id != farewell.who.id) say(member.self.id, farewell);
  say_to_witness(farewell);
  // He acts no more, so nobody has to wait for what was promised to him.
  if (farewell.who.id == view_->host) ballot_.release(view_->version.epoch);
  settle(now);
}
}  // namespace natkit::mesh
