#include <algorithm>
#include <utility>

#include "natkit/mesh/participant.hpp"

/// What those do who are cut off from most of the others. Under `Partition::fork` they found a branch: a session of
/// their own, with its own views and votes, so nothing of it can be taken for the session that was. Once they hear of
/// the others again, one side goes over to the other, member by member:
///
///   origin --cut off, no host for `secession`--> branch --hears of the origin, with a host--------> origin
///                                                   '----hears of a larger branch, or of an equal
///                                                        one of a lesser id-----------------------> that branch
///
/// What was done in a branch that is left is for the program above to merge (`Forked`, `Merged`).
namespace natkit::mesh {
namespace {
/// More sessions than that nobody comes back to.
constexpr std::size_t most_ballots = 16;
}  // namespace

void Participant::secede(Instant now) {
  if (!paused_since_ || now - *paused_since_ < config_.timing.secession) return;
  if (view_->settings.partition == Partition::leave) {
    events_.emplace_back(StruckOut{Departure::left});
    return finish();
  }
  if (view_->settings.partition != Partition::fork || is_leaving_) return;
  // Of those that hear each other the one who was in first does it; the others are told.
  for (const auto& member : view_->members) {
    if (member.self.id == id()) return fork(now);
    if (peers_.was_heard(member.self.id, now - attention_to(member.self.id))) return;
  }
}

/// With all that it hears: they are asked to come, and who does not is struck out like any silent member.
void Participant::fork(Instant now) {
  View branch{.host = id(), .settings = view_->settings, .numbers_given = view_->numbers_given};
  rng_.fill(branch.session.bytes);
  branch.settings.branch_of = origin();
  branch.settings.standing = Standing::locked;
  branch.version = {.epoch = 1, .title = Title::elected, .sequence = 1};
  for (auto member : view_->members) {
    member.is_voter = member.self.id == id();
    if (member.is_voter || peers_.was_heard(member.self.id, now - attention_to(member.self.id)))
      branch.members.push_back(member);
  }
  branch.banned = view_->banned;
  branch.signature = signatures_.sign(body(branch));
  change_session(now, branch.session);
  view_ = std::make_shared<const View>(std::move(branch));
  phase_ = Phase::member;
  epoch_since_ = host_beat_at_ = led_at_ = now;
  ballot_.follow(1, id());
  committed_ = view_->version;
  begin_membership(HostChanged::Cause::founded);
  tell_whereabouts(now);
}

void Participant::ask_at(const MemberId& host) {
  if (host == id()) return;
  named_host_ = host;
  if (pursuit_ && phase_ == Phase::joining && announced_) pursuit_->by = host;
}

SessionId Participant::origin() const { return origin_ ? origin_->view->session : session_; }

/// Votes that were given in a session count there for ever.
void Participant::change_session(Instant now, const SessionId& session) {
  if (!origin_) origin_ = {last_view(), now + config_.timing.tombstone};
  ballots_.insert_or_assign(session_, ballot_);
  if (ballots_.size() > most_ballots)
    ballots_.erase(std::ranges::find_if(ballots_, [&](const auto& each) { return each.first != origin(); }));
  const auto known = ballots_.find(session);
  ballot_ = known == ballots_.end() ? Ballot{config_.timing.promise} : known->second;
  session_ = session;
  peers_.forget_words();
  outgrown_ = {};
  forget_session();
  lease_.reset();
  farewells_.clear();
  expected_.clear();
  joiners_.clear();
  struck_.clear();
  wishes_.clear();
  handover_.reset();
  offered_.reset();
  taken_over_.reset();
  pursuit_.reset();
  given_.clear();
  claimed_epoch_ = told_epoch_ = 0;
}

void Participant::move_to(Instant now, const SessionId& session, const MemberId& by) {
  // Who moves again before it was let in anywhere has no view but that of the origin.
  const auto settings = (origin_ ? origin_->view : last_view())->settings;
  change_session(now, session);
  kept_.reset();  // it is not of that session
  phase_ = Phase::joining;
  view_.reset();
  pursuit_ = Pursuit{.invitation = {session, settings.password},
                     .by = by,
                     .since = now,
                     .until = now + config_.timing.tombstone,
                     .next = now};
  settle(now);
}

bool Participant::is_at_home(Instant now) const {
  return phase_ == Phase::member && !pursuit_ && !paused_since_ && is_led(now);
}

Whereabouts Participant::whereabouts(Instant now) const {
  return {.origin = origin(),
          .session = session_,
          .members = static_cast<std::uint16_t>(view_ ? view_->members.size() : 0),
          .is_led = is_at_home(now)};
}

/// Whether this member should be there instead of where it is.
bool Participant::is_better(Instant now, const Whereabouts& other) const {
  if (!other.is_led) return false;
  if (!is_at_home(now) || other.session == other.origin) return true;
  if (session_ == other.origin) return false;
  const auto own = view_->members.size();
  return other.members != own ? other.members > own : other.session < session_;
}

/// It has made its choice, and is heard where it wants to be; or it may be soon.
bool Participant::is_on_its_way(Instant now) const {
  if (!pursuit_) return false;
  const auto heard = std::max(pursuit_->since, pursuit_->host_heard.value_or(Instant{}));
  return now - heard < config_.timing.patience;
}

/// To those of the origin that are linked and seem to be elsewhere.
void Participant::tell_whereabouts(Instant now) {
  if (!origin_) return;
  if (now >= origin_->until) return origin_.reset();
  std::set<MemberId> others;
  for (const auto& member : origin_->view->members) others.insert(member.self.id);
  if (named_host_) others.insert(*named_host_);
  others.erase(id());
  for (const auto& other : others)
    if (!peers_.was_heard(other, now - attention_to(other))) say_to_origin(other, whereabouts(now));
}

void Participant::say_to_origin(const MemberId& to, const Message& message) {
  if (peers_.is_up(to)) out_.push_back({Outgoing::Delivery::latest, to, write_message(origin(), message)});
}

void Participant::handle(Instant now, const MemberId& from, const Whereabouts& other) {
  if (is_leaving_ || other.origin != origin() || other.session == session_) return;
  const auto& known = origin_ ? origin_->view : last_view();
  if (!known || known->settings.partition != Partition::fork) return;
  const bool may_move =
      !is_on_its_way(now) && (known->is_home_of(from) || (view_ && view_->has(from)) || from == named_host_);
  if (may_move && is_better(now, other)) return move_to(now, other.session, from);
  // Who asks may have been struck out here for its silence.
  if (is_at_home(now)) say_to_origin(from, whereabouts(now));
}
}  // namespace natkit::mesh
