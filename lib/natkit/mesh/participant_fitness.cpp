#include <algorithm>
#include <utility>

#include "natkit/mesh/participant.hpp"

/// How fit members are to host, as far as is known; and the state that a host leaves to whoever leads after its death.
namespace natkit::mesh {
namespace {
constexpr std::uint8_t rtt_unknown = 255;
constexpr std::size_t most_heirs = 2;  ///< who are given the state: the next host, and the one after

struct Mean {
  double sum = 0;
  unsigned count = 0;
  void add(const std::optional<double>& value) {
    if (!value) return;
    sum += *value;
    ++count;
  }
  [[nodiscard]] std::optional<double> value() const {
    return count == 0 ? std::nullopt : std::optional{sum / static_cast<double>(count)};
  }
};
}  // namespace

// --- what members tell of themselves -------------------------------------------------------------------------------

Condition Participant::condition(Instant now) const {
  Condition told{.reach = config_.self.reach, .nat = config_.self.nat};
  if (view_)
    for (const auto& member : view_->members) told.hearing.push_back(pack(own_hearing(now, member.self.id)));
  return told;
}

Hearing Participant::own_hearing(Instant now, const MemberId& member) const {
  const auto* peer = peers_.find(member);
  if (!peer) return {};
  Hearing hearing{.way = peer->link == LinkState::up ? peer->way : Way::unknown};
  if (const auto count = peer->rounds.count(now, interval_of(member)))
    hearing.loss = static_cast<double>(count->missed) / count->due;
  return hearing;
}

/// As `by` says, if it speaks of this view.
Hearing Participant::hearing_of(Instant now, const MemberId& by, const MemberId& member) const {
  if (by == id()) return own_hearing(now, member);
  const auto* peer = peers_.find(by);
  const auto index = view_->index_of(member);
  if (!peer || !index || !peer->condition || peer->condition_of != view_->version ||
      *index >= peer->condition->hearing.size())
    return {};
  return unpack(peer->condition->hearing[*index]);
}

Way Participant::way_between(Instant now, const MemberId& a, const MemberId& b) const {
  if (!view_ || a == b) return Way::unknown;
  if (const auto way = hearing_of(now, a, b).way; way != Way::unknown) return way;
  return hearing_of(now, b, a).way;
}

Reach Participant::reach_of(const Introduction& who) const {
  if (who.id == id()) return config_.self.reach;
  const auto* peer = peers_.find(who.id);
  return peer && peer->condition && peer->condition->reach != Reach::unknown ? peer->condition->reach : who.reach;
}

NatFindings Participant::nat_of(const Introduction& who) const {
  const auto* peer = who.id == id() ? nullptr : peers_.find(who.id);
  auto nat = who.id == id() ? config_.self.nat : who.nat;
  if (peer && peer->condition && peer->condition->nat != Nat{}) nat = peer->condition->nat;
  return nat == Nat{} ? findings_of(reach_of(who)) : unpack(nat);
}

Need Participant::need_between(Instant now, const Introduction& a, const Introduction& b) const {
  const auto need = need_of(nat_of(a), nat_of(b));
  if (need != Need::relay && need != Need::prediction) return need;
  const auto& shape = view_ ? view_->settings.shape : pursuit_ && pursuit_->list ? pursuit_->list->shape : Shape{};
  if (shape.kind != Shape::Kind::routed && shape.kind != Shape::Kind::partial) return need;
  const auto is_direct = [&](const Introduction& one, const Introduction& other) {
    const auto way = way_between(now, one.id, other.id);
    return way == Way::direct || (way == Way::unknown && need_of(nat_of(one), nat_of(other)) == Need::direct);
  };
  for (const auto& third : known())
    if (third.forwards > 0 && third.id != a.id && third.id != b.id && is_direct(third, a) && is_direct(third, b))
      return Need::member;
  return need;
}

std::vector<Need> Participant::needs_with(Instant now, const std::vector<MemberId>& peers) const {
  const auto all = known();
  std::vector<Need> needs;
  for (const auto& peer : peers) {
    const auto found = std::ranges::find(all, peer, &Introduction::id);
    needs.push_back(found == all.end() ? Need::unknown : need_between(now, config_.self, *found));
  }
  return needs;
}

void Participant::note_ages(Instant now) {
  if (aged_ == view_) return;
  aged_ = view_;
  std::map<MemberId, Since> members;
  for (const auto& member : view_->members) {
    const auto known = since_.find(member.self.id);
    const bool is_same = known != since_.end() && known->second.incarnation == member.self.incarnation;
    members[member.self.id] = is_same ? known->second : Since{member.self.incarnation, now};
  }
  since_ = std::move(members);
}

Aptitude Participant::aptitude_of(Instant now, const MemberId& member) const {
  Aptitude known;
  if (!view_) return known;
  const auto index = view_->index_of(member);
  if (!index) return known;
  known.reach = reach_of(view_->members[*index].self);
  unsigned reached = 0;
  Mean rtt, loss;
  for (const auto& each : view_->members) {
    const auto& other = each.self.id;
    if (other == member) continue;
    loss.add(hearing_of(now, other, member).loss);
    loss.add(hearing_of(now, member, other).loss);
    const auto* peer = peers_.find(other);
    const auto* own = other == id() ? peers_.find(member) : nullptr;
    if (own) {
      if (peers_.was_heard(member, now - attention_to(member))) ++reached;
      if (own->rtt) rtt.add(static_cast<double>(own->rtt->count()));
    } else if (peer && peers_.hears(other, *view_, *index, now - config_.timing.promise)) {
      ++reached;
      const auto byte = *index < peer->beat->rtts.size() ? peer->beat->rtts[*index] : rtt_unknown;
      if (byte != rtt_unknown) rtt.add(static_cast<double>((byte * Duration{std::chrono::milliseconds{2}}).count()));
    }
  }
  if (view_->members.size() > 1) known.reached = reached;
  if (const auto mean = rtt.value()) known.mean_rtt = Duration{static_cast<std::int64_t>(*mean)};
  known.loss = loss.value();
  if (const auto since = since_.find(member); since != since_.end()) known.age = now - since->second.at;
  if (const auto failed = failures_.find(member); failed != failures_.end()) known.failures = failed->second;
  const auto* peer = peers_.find(member);
  if (member == id())
    known.strain = strain_;
  else if (peer && peer->beat)
    known.strain = peer->beat->strain;
  return known;
}

// --- the state that outlives its host ------------------------------------------------------------------------------
//
//   host                                next in line, and the one after
//     |--state, number, epoch--------------->|     whenever it has changed, or somebody else is next in line
//     X  dies                                |
//                                            |     elected, acts: `StateInherited`; passes it on to its own heirs

void Participant::keep_state(Instant now, Bytes state) {
  if (!is_host() || state.size() > most_state_bytes || (kept_ && kept_->state == state)) return;
  kept_ = Kept{.epoch = view_->version.epoch,
               .number = kept_ && kept_->epoch == view_->version.epoch ? kept_->number + 1 : 1,
               .state = std::move(state),
               .since = now};
  settle(now);
}

void Participant::give_state() {
  if (!kept_ || kept_->epoch != view_->version.epoch) return;
  std::size_t given = 0;
  for (const auto& heir : view_->succession) {
    if (given == most_heirs) break;
    const auto* member = view_->find(heir);
    if (!member || !member->is_voter || !peers_.is_up(heir) || heir == id()) continue;
    ++given;
    const auto last = given_.find(heir);
    if (last != given_.end() && last->second == kept_->number) continue;
    given_[heir] = kept_->number;
    say(heir, StateCopy{kept_->epoch, kept_->number, kept_->state});
  }
}

void Participant::handle(Instant now, const MemberId& from, const StateCopy& copy) {
  if (phase_ != Phase::member || pursuit_ || from != view_->host || copy.epoch != view_->version.epoch) return;
  if (kept_ && std::pair{kept_->epoch, kept_->number} >= std::pair{copy.epoch, copy.number}) return;
  kept_ = Kept{.epoch = copy.epoch, .number = copy.number, .state = copy.state, .since = now};
}

/// This member acts in a new epoch: what the host before left is its own now, and its heirs' to be given.
void Participant::inherit(Instant now) {
  const bool is_handed_over = view_->version.title == Title::handed_over;
  if (is_handed_over && offered_ && offered_->epoch == view_->version.epoch) {
    kept_ = Kept{.state = offered_->state, .since = now};
  } else if (kept_ && !is_handed_over && config_.takeover == Hook::asked) {
    events_.emplace_back(StateInherited{kept_->state, now - kept_->since});
  }
  if (!kept_) return;
  kept_->epoch = view_->version.epoch;
  kept_->number = 1;
}
}  // namespace natkit::mesh
