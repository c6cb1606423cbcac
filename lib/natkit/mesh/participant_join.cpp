#include <algorithm>
#include <utility>

#include "natkit/mesh/founder.hpp"
#include "natkit/mesh/participant.hpp"

/// How one that is outside gets in.
namespace natkit::mesh {
void Participant::join(Instant now, Invitation invitation, const MemberId& by) {
  session_ = invitation.session;
  phase_ = Phase::joining;
  next_beat_ = now + config_.timing.heartbeat;
  const auto until = invitation.until.value_or(now + config_.timing.join);
  pursuit_ = {.invitation = std::move(invitation), .by = by, .since = now, .until = until, .next = now};
  settle(now);
}

/// As a member that was struck out after a silence: whoever is still linked is asked.
void Participant::come_back(Instant now, const View& latest, const View& known) {
  Pursuit pursuit{.invitation = {session_, known.settings.password},
                  .by = latest.host,
                  .since = now,
                  .until = now + config_.timing.tombstone,
                  .next = now};
  if (pursuit_) pursuit.until = pursuit_->until;
  pursuit.list.emplace();
  pursuit.list->host = latest.host;
  for (const auto& member : latest.members) pursuit.list->members.push_back(member.self);
  pursuit_ = std::move(pursuit);
  step_outside();
  settle(now);
}

void Participant::step_outside() {
  phase_ = Phase::joining;
  if (view_) outgrown_ = view_->version;
  view_.reset();
  forget_session();
}

void Participant::forget_session() {
  before_.reset();
  foundings_.clear();
  committed_ = {};
  paused_since_.reset();
  claim_at_.reset();
  candidacy_.reset();
  held_.reset();
  echo_.reset();
}

/// Let in by a host of whom nothing more is heard: the others may never have heard of this member.
void Participant::mind_admission(Instant now) {
  if (is_host() || committed_ >= pursuit_->entered || now - host_beat_at_ < config_.timing.promise) return;
  if (is_leaving_) return finish();
  pursuit_->host_heard.reset();
  pursuit_->next = now;
  step_outside();
}

/// Asks, reports, and asks somebody else while the host is silent.
void Participant::pursue(Instant now) {
  auto& pursuit = *pursuit_;
  if (now >= pursuit.until) return give_up(now);
  if (now < pursuit.next) return;
  pursuit.next = now + config_.timing.repeat;
  const bool is_host_there = pursuit.list && pursuit.host_heard && now - *pursuit.host_heard < config_.timing.promise &&
                             peers_.is_up(pursuit.list->host);
  if (is_host_there) return report(now);
  const JoinRequest request{.self = config_.self, .proof = proof(), .reached = linked()};
  if (pursuit.list && peers_.is_up(pursuit.list->host)) say(pursuit.list->host, request);
  if (!pursuit.list || pursuit.list->host != pursuit.by) say(pursuit.by, request);
  if (!pursuit.list) return;
  // The host is not linked yet, or no more: any other one knows who leads now.
  std::vector<MemberId> others;
  for (const auto& member : pursuit.list->members)
    if (member.id != pursuit.list->host && member.id != pursuit.by && peers_.is_up(member.id))
      others.push_back(member.id);
  if (!others.empty()) say(others[rng_.below(others.size())], request);
}

std::vector<MemberId> Participant::linked() const {
  std::vector<MemberId> all;
  for (const auto& [id, peer] : peers_.all())
    if (peer.link == LinkState::up && !is_witness(id) && all.size() < most_members) all.push_back(id);
  return all;
}

Bytes Participant::proof() const {
  const auto& key = pursuit_->invitation.password;
  return key ? proof_of_password(*key, id(), config_.self.incarnation) : Bytes{};
}

void Participant::report(Instant) {
  JoinReport report{.version = pursuit_->list->version, .reached = linked()};
  for (const auto& member : pursuit_->list->members)
    if (pursuit_->failed.contains(member.id)) report.failed.push_back(member.id);
  say(pursuit_->list->host, report);
}

void Participant::handle(Instant now, const MemberId& from, const JoinList& list) {
  if (phase_ != Phase::joining || list.members.empty()) return;
  auto& pursuit = *pursuit_;
  const bool is_hosts_own = list.host == from;
  // Another's word counts only as long as the host is silent, and who was asked first: else any member could say that
  // it is the host.
  const auto is_lately = [&](std::optional<Instant> at) { return at && now - *at < config_.timing.promise; };
  const bool was_asked = from == pursuit.by && !pursuit.host_heard;
  const bool may_speak = was_asked || (pursuit.list && from == pursuit.list->host);
  if (!may_speak && (!pursuit.list || is_lately(pursuit.host_heard) || is_lately(pursuit.hinted))) return;
  if (pursuit.list && list.version < pursuit.list->version && list.host == pursuit.list->host) return;
  const bool is_first = !pursuit.list;
  pursuit.list = list;
  if (is_hosts_own) {
    pursuit.host_heard = now;
    report(now);
  } else {
    pursuit.hinted = now;
    if (is_first) pursuit.next = now;  // now it is known whom to ask; later ones may contradict each other
  }
}

void Participant::handle(Instant now, const MemberId& from, const JoinRefused& refused) {
  if (phase_ != Phase::joining) return;
  if (refused.reason == Refusal::no_host) {
    if (pursuit_->list && from == pursuit_->list->host) pursuit_->host_heard.reset();
    return;
  }
  const bool has_a_say = from == pursuit_->by || (pursuit_->list && from == pursuit_->list->host);
  if (!has_a_say) return;
  // After a partition the way back may need time: not all are reached yet, or the place is taken for a moment.
  if (announced_ && now < pursuit_->until &&
      (refused.reason == Refusal::not_all_reached || refused.reason == Refusal::full))
    return;
  events_.emplace_back(NotJoined{refused.reason, refused.text, refused.peers, needs_with(now, refused.peers)});
  finish();
}

void Participant::give_up(Instant now) {
  const auto& pursuit = *pursuit_;
  const bool was_host_heard = pursuit.host_heard.has_value();
  const bool is_host_silent = was_host_heard && now - *pursuit.host_heard >= config_.timing.promise;
  std::vector<MemberId> missing;
  if (pursuit.list)
    for (const auto& member : pursuit.list->members)
      if (member.id != id() && !peers_.is_up(member.id)) missing.push_back(member.id);
  const auto reason = is_host_silent                       ? Refusal::host_lost
                      : was_host_heard && !missing.empty() ? Refusal::not_all_reached
                                                           : Refusal::timeout;
  auto needs = needs_with(now, missing);
  events_.emplace_back(NotJoined{reason, {}, std::move(missing), std::move(needs)});
  finish();
}

/// The host's own word that this member is in. What counts is that a majority has it: that is told with his heartbeats.
void Participant::enter(Instant now, const MemberId& from, const Views& views) {
  const auto& view = views.latest;
  const auto* self = view.find(id());
  const bool is_known_host = from == pursuit_->by || (pursuit_->list && from == pursuit_->list->host);
  const bool is_of_before = origin_ && origin_->view->session == session_ && view.version < origin_->view->version;
  if (view.session != session_ || is_of_before || view.version <= outgrown_ || from != view.host || !is_known_host ||
      !self || self->self.incarnation != config_.self.incarnation || !is_signed_by_host(view, signatures_))
    return;
  const auto& founder = pursuit_->invitation.founder;
  if (founder && !is_founded_by(*founder, views, signatures_)) {
    events_.emplace_back(NotJoined{Refusal::foreign_host, {}, {view.host}});
    return finish();
  }
  phase_ = Phase::member;
  pursuit_->entered = view.version;
  view_ = std::make_shared<const View>(view);
  before_.reset();
  foundings_.clear();
  // Who joins later may ask by what right this host leads.
  for (const auto& founding : views.foundings)
    if (founder) foundings_.push_back(std::make_shared<const View>(founding));
  committed_ = {};
  epoch_since_ = host_beat_at_ = led_at_ = now;
  // Those who join at the same time need this member's word that it is linked with them.
  if (pursuit_->list)
    for (const auto& joiner : pursuit_->list->joiners)
      if (!view.has(joiner.id) && joiner.id != id()) expect(now, joiner, config_.timing.join);
  ballot_.follow(view.version.epoch, view.host);
  beat_all(now, Answer::wanted);
}
}  // namespace natkit::mesh
