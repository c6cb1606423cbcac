#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "natkit/mesh/participant.hpp"

/// What only the host does: it keeps the view.
namespace natkit::mesh {
using CommandError = Participant::CommandError;

void Participant::lead(Instant now) {
  commit(now);
  if (!acts(now)) return wait_for_majority(now);
  acted_at_ = now;
  claim_at_.reset();
  candidacy_.reset();
  attend_joiners(now);
  give_state();
  if (handover_)
    press_handover(now);
  else
    propose(now);
}

/// Elsewhere somebody else may lead by now: so a host that does not act hears claims, and votes. And some voters may
/// have given their word for this epoch to another candidate, who never came to lead: then it takes another epoch.
void Participant::wait_for_majority(Instant now) {
  handover_.reset();
  vote_if_due(now);
  const auto from = std::max(acted_at_, epoch_since_) + config_.timing.promise;
  if (now >= from) return stand(now);
  if (claim_at_) claim_at_ = std::max(*claim_at_, from);
}

/// A view counts once a majority has it, and follows the host who made it.
void Participant::commit(Instant now) {
  if (committed_ >= view_->version) return;
  std::size_t having = 0;
  for (const auto* voter : view_->electorate()) {
    const auto* peer = peers_.find(voter->self.id);
    const bool has_it = peer && peer->beat && peer->beat->version == view_->version && peer->beat->echo &&
                        peer->beat->echo->epoch == view_->version.epoch;
    if (has_it || voter->self.id == id()) ++having;
  }
  if (having < view_->quorum()) return;
  committed_ = view_->version;
  beat_all(now, Answer::not_wanted);
}

namespace {
/// After a change of host the old one is missing, and the new one is still there.
bool is_complete_succession(const View& view) {
  return view.succession.size() + 1 == view.members.size() &&
         std::ranges::find(view.succession, view.host) == view.succession.end();
}

View with_voter(View view, const MemberId& id) {
  for (auto& member : view.members)
    if (member.self.id == id) member.is_voter = true;
  if (view.witness && view.witness->self.id == id) view.witness->is_voter = true;
  return view;
}
}  // namespace

/// Who has promised already: the lease must not lapse for a voter that is new.
bool Participant::may_vote_from_now(Instant now, const View& next, const MemberId& newcomer) const {
  const auto own = *view_->index_of(id());
  return peers_.hears(newcomer, *view_, own, now - attention_to(newcomer)) &&
         lease_.holds(now, with_voter(next, newcomer), id());
}

/// Everything that has changed goes into one view, but for voters: of those one at a time, and only once a majority has
/// the last one (view.hpp, invariant 2).
void Participant::propose(Instant now) {
  View next = *view_;
  next.mandate.reset();
  std::set<MemberId> out;
  bool may_change_voters = committed_ == view_->version;
  strike_out_gone(now, next, out, may_change_voters);
  admit_ready(now, next);
  for (auto& member : next.members) {
    if (const auto wish = wishes_.find(member.self.id); wish != wishes_.end())
      member.is_ready = wish->second == Wish::Kind::ready;
    if (may_change_voters && !member.is_voter && may_vote_from_now(now, next, member.self.id)) {
      member.is_voter = true;
      may_change_voters = false;
    }
  }
  mind_witness(now, next, may_change_voters);
  next.settings.standing = standing_.value_or(next.settings.standing);
  const bool has_new_order = std::exchange(has_new_order_, false);
  if (next.members != view_->members || !is_complete_succession(next) || has_new_order || is_order_due(now))
    next.succession = in_order(now, next);
  if (next.members == view_->members && next.witness == view_->witness && next.settings == view_->settings &&
      next.banned == view_->banned && next.succession == view_->succession)
    return;
  replace_view(now, std::move(next), out);
}

/// What is measured changes all the time; the order follows when members come and go, or somebody is clearly in the
/// wrong place, so that views stay few.
bool Participant::is_order_due(Instant now) {
  if (now - ranked_at_ < config_.timing.ranking) return false;
  ranked_at_ = now;
  return is_out_of_order(*view_, aptitudes(now));
}

void Participant::set_order(std::vector<MemberId> order) {
  has_new_order_ = has_new_order_ || order != wished_order_;
  wished_order_ = std::move(order);
}

std::vector<MemberId> Participant::in_order(Instant now, const View& view) const {
  auto order = succession_of(view, aptitudes(now));
  std::ranges::stable_sort(order, {}, [&](const MemberId& member) {
    return std::ranges::find(wished_order_, member) - wished_order_.begin();
  });
  return order;
}

std::map<MemberId, Aptitude> Participant::aptitudes(Instant now) const {
  std::map<MemberId, Aptitude> known;
  for (const auto& member : view_->members) known[member.self.id] = aptitude_of(now, member.self.id);
  return known;
}

void Participant::replace_view(Instant now, View next, const std::set<MemberId>& out) {
  ++next.version.sequence;
  next.signature = signatures_.sign(body(next));
  const auto known = std::exchange(view_, std::make_shared<const View>(std::move(next)));
  publish(now);
  for (const auto& gone : out) show_view(gone, known->version);
  commit(now);
}

bool Participant::is_lost(Instant now, const MemberId& member) const {
  const auto since = now - config_.timing.removal;
  if (epoch_since_ > since || peers_.was_heard(member, since)) return false;
  const auto index = view_->index_of(member);
  return std::ranges::none_of(view_->members, [&](const Member& other) {
    return other.self.id != member && peers_.hears(other.self.id, *view_, *index, since);
  });
}

std::optional<Departure> Participant::departure_of(Instant now, const MemberId& member) const {
  if (member == id()) return std::nullopt;
  if (const auto found = struck_.find(member); found != struck_.end()) return found->second;
  if (has_said_farewell(member)) return farewells_.at(member).who.cause;
  if (is_lost(now, member)) return Departure::lost;
  // It asks to join again: the process that was a member is no more.
  const auto joiner = joiners_.find(member);
  if (joiner != joiners_.end() && joiner->second.who.incarnation != view_->find(member)->self.incarnation)
    return Departure::crashed;
  return std::nullopt;
}

// NOLINTNEXTLINE(readability-*): in and out
void Participant::strike_out_gone(Instant now, View& next, std::set<MemberId>& out, bool& may_change_voters) {
  for (const auto& member : view_->members) {
    const auto cause = departure_of(now, member.self.id);
    if (!cause || (member.is_voter && !may_change_voters)) continue;
    if (member.is_voter) may_change_voters = false;
    std::erase_if(next.members, [&](const Member& each) { return each.self.id == member.self.id; });
    std::erase_if(next.departed, [&](const Departed& each) { return each.id == member.self.id; });
    next.departed.insert(next.departed.begin(), {member.self.id, member.self.incarnation, *cause});
    if (next.departed.size() > most_remembered) next.departed.pop_back();
    if (*cause == Departure::banned && next.banned.size() < most_members) next.banned.push_back(member.self.id);
    if (*cause == Departure::lost) expected_[member.self.id] = {member.self, now + config_.timing.tombstone};
    wishes_.erase(member.self.id);
    // Its request was granted once.
    const auto granted = joiners_.find(member.self.id);
    if (granted != joiners_.end() && granted->second.who.incarnation == member.self.incarnation)
      joiners_.erase(granted);
    struck_.erase(member.self.id);
    farewells_.erase(member.self.id);
    out.insert(member.self.id);
  }
}

// --- joiners -------------------------------------------------------------------------------------------------------

/// A member that was started again, or lost for a while, or of the session that this one is a branch of: a locked one
/// is its own all the same.
bool Participant::comes_back(const MemberId& joiner) const {
  return view_->is_home_of(joiner) || (origin_ && origin_->view->is_home_of(joiner));
}

std::optional<Refusal> Participant::find_objection(const JoinRequest& request) const {
  const auto& settings = view_->settings;
  if (std::ranges::find(view_->banned, request.self.id) != view_->banned.end()) return Refusal::banned;
  if (settings.password && !is_proof(*settings.password, request.self.id, request.self.incarnation, request.proof))
    return Refusal::wrong_password;
  if (comes_back(request.self.id)) return std::nullopt;
  if (settings.standing == Standing::locked) return Refusal::locked;
  if (view_->members.size() >= std::min<std::size_t>(settings.most, most_members)) return Refusal::full;
  return std::nullopt;
}

void Participant::handle(Instant now, const MemberId& from, const JoinRequest& request) {
  if (phase_ != Phase::member || pursuit_) return;
  if (request.version != protocol_version) return say(from, JoinRefused{Refusal::version_mismatch, {}, {}});
  if (request.self.id != from) return;
  if (const auto objection = find_objection(request)) return say(from, JoinRefused{*objection, {}, {}});
  const auto* known = view_->find(from);
  if (known && known->self.incarnation == request.self.incarnation) return say(from, views_since({}));
  expect(now, request.self, config_.timing.join);
  if (!is_host()) {
    say(view_->host, Joining{request.self});
    return say(from, list());
  }
  if (!acts(now)) return say(from, JoinRefused{Refusal::no_host, {}, {}});
  if (!joiners_.contains(from) && joiners_.size() >= most_joiners) return say(from, JoinRefused{Refusal::full, {}, {}});
  auto& joiner = joiners_[from];
  if (joiner.who.incarnation != request.self.incarnation) {
    joiner = {.who = request.self, .until = now + config_.timing.join};
    // Those who come at once need links with each other, too.
    for (auto& [id, other] : joiners_) other.listed = {};
  }
  if (!joiner.report || joiner.report->version == Version{}) joiner.report = JoinReport{{}, request.reached, {}};
  if (joiner.listed == view_->version && now - joiner.listed_at < config_.timing.repeat / 2) return;
  say(from, list());
  joiner.listed = view_->version;
  joiner.listed_at = now;
}

JoinList Participant::list() const {
  JoinList list{.version = view_->version, .host = view_->host, .shape = view_->settings.shape};
  for (const auto& member : view_->members) {
    list.members.push_back(member.self);
    // What it has found out since it joined.
    list.members.back().reach = reach_of(member.self);
    list.members.back().nat = pack(nat_of(member.self));
  }
  for (const auto& [joiner, about] : joiners_)
    if (!view_->has(joiner)) list.joiners.push_back(about.who);
  return list;
}

void Participant::expect(Instant now, const Introduction& who, Duration how_long) {
  if (!expected_.contains(who.id) && expected_.size() >= most_members) return;
  auto& expected = expected_[who.id];
  expected = {who, std::max(expected.until, now + how_long)};
  // The host waits to hear that a joiner is linked with everybody: that may be so already.
  if (!is_host() && peers_.is_up(who.id)) beat_to(now, view_->host, Answer::not_wanted);
}

void Participant::handle(Instant now, const MemberId& from, const Joining& joining) {
  if (joining.who.id == id()) return;
  if (phase_ == Phase::member && view_->has(from)) expect(now, joining.who, config_.timing.join);
}

/// Who reports to a host that knows nothing of it (any more) has to ask again; who was admitted has not heard of it, or
/// did not know yet whose word that was.
void Participant::handle(Instant now, const MemberId& from, const JoinReport& report) {
  const auto found = joiners_.find(from);
  if (found == joiners_.end()) return say(from, JoinRefused{Refusal::no_host, {}, {}});
  if (const auto* member = view_->find(from); member && member->self.incarnation == found->second.who.incarnation)
    return show_again(now, from);
  if (!found->second.report || found->second.report->version <= report.version) found->second.report = report;
}

/// Introduces joiners to members, and tells joiners of members that came meanwhile.
void Participant::attend_joiners(Instant now) {
  for (auto each = joiners_.begin(); each != joiners_.end();) {
    auto& [id, joiner] = *each;
    if (const auto* member = view_->find(id); member && member->self.incarnation == joiner.who.incarnation) {
      // Its report speaks for it until its first heartbeat.
      const bool is_heard = peers_[id].beat.has_value();
      each = is_heard || now >= joiner.until ? joiners_.erase(each) : std::next(each);
      continue;
    }
    if (const auto refusal = find_failure(now, id, joiner)) {
      say(id, *refusal);
      each = joiners_.erase(each);
      continue;
    }
    if (joiner.listed != view_->version || now - joiner.told >= 2 * config_.timing.repeat) {
      if (joiner.listed != view_->version) say(id, list());
      joiner.listed = view_->version;
      joiner.told = now;
      introduce(id, joiner.who);
    }
    ++each;
  }
}

void Participant::introduce(const MemberId& joiner, const Introduction& who) {
  for (const auto& member : view_->members)
    if (!confirms(member.self.id, joiner)) say(member.self.id, Joining{who});
}

/// Whether this member, or one that joins at the same time, has told that it has a link with the joiner.
bool Participant::confirms(const MemberId& member, const MemberId& joiner) const {
  if (member == id()) return peers_.is_up(joiner);
  if (const auto newcomer = joiners_.find(member); newcomer != joiners_.end() && newcomer->second.report) {
    const auto& reached = newcomer->second.report->reached;
    if (std::ranges::find(reached, joiner) != reached.end()) return true;
  }
  const auto* peer = peers_.find(member);
  return peer && peer->beat && std::ranges::find(peer->beat->reached, joiner) != peer->beat->reached.end();
}

/// With the members of this view, the present one or the next.
std::vector<MemberId> Participant::missing_links(const View& view, const MemberId& joiner, const Joiner& about) const {
  std::vector<MemberId> missing;
  std::size_t linked = 0;
  for (const auto& member : view.members) {
    if (member.self.id == joiner || has_said_farewell(member.self.id)) continue;
    const bool is_reported =
        member.self.id == id() ||
        (about.report && std::ranges::find(about.report->reached, member.self.id) != about.report->reached.end());
    if (is_reported && confirms(member.self.id, joiner))
      ++linked;
    else
      missing.push_back(member.self.id);
  }
  const auto& shape = view.settings.shape;
  if (shape.kind == Shape::Kind::star && confirms(id(), joiner)) missing.clear();
  if (shape.kind == Shape::Kind::partial && confirms(id(), joiner) && linked >= shape.least) missing.clear();
  return missing;
}

std::optional<JoinRefused> Participant::find_failure(Instant now, const MemberId& joiner, const Joiner& about) const {
  if (now >= about.until) return JoinRefused{Refusal::not_all_reached, {}, missing_links(*view_, joiner, about)};
  if (!about.report || about.report->version != view_->version) return std::nullopt;
  const auto missing = missing_links(*view_, joiner, about);
  std::vector<MemberId> failed;
  // Of whom the host hears nothing itself, that says little: it may be about to be struck out.
  const auto is_there = [&](const MemberId& member) { return peers_.was_heard(member, now - config_.timing.promise); };
  for (const auto& member : about.report->failed)
    if (std::ranges::find(missing, member) != missing.end() && (member == id() || is_there(member)))
      failed.push_back(member);
  if (failed.empty()) return std::nullopt;
  return JoinRefused{Refusal::not_all_reached, {}, failed};
}

void Participant::admit_ready(Instant, View& next) {
  for (auto& [joiner, about] : joiners_) {
    // Those admitted with it count, too.
    if (next.has(joiner) || !about.report || !missing_links(next, joiner, about).empty()) continue;
    if (next.members.size() >= std::min<std::size_t>(next.settings.most, most_members)) {
      say(joiner, JoinRefused{Refusal::full, {}, {}});
      continue;
    }
    if (config_.admission == Hook::asked && about.verdict != Joiner::Verdict::admitted) {
      if (about.verdict == Joiner::Verdict::open) events_.emplace_back(AdmissionAsked{about.who});
      about.verdict = Joiner::Verdict::asked;
      continue;
    }
    next.members.push_back({.self = about.who, .number = ++next.numbers_given});
    std::erase_if(next.departed, [&](const Departed& gone) { return gone.id == joiner; });
    farewells_.erase(joiner);
    // What it said before it was started anew is no measure for what it says now.
    peers_[joiner].beat.reset();
  }
}

void Participant::admit(Instant now, const MemberId& joiner) {
  if (const auto found = joiners_.find(joiner); found != joiners_.end()) {
    found->second.verdict = Joiner::Verdict::admitted;
    settle(now);
  }
}

void Participant::reject(Instant, const MemberId& joiner, std::string text) {
  if (joiners_.erase(joiner) == 0) return;
  text.resize(std::min(text.size(), most_text_bytes));
  say(joiner, JoinRefused{Refusal::rejected, std::move(text), {}});
}

// --- commands ------------------------------------------------------------------------------------------------------

std::expected<void, CommandError> Participant::strike_out(Instant now, const MemberId& member, Departure cause) {
  if (!is_host() || !acts(now)) return std::unexpected(CommandError::not_host);
  if (!view_->has(member) || member == id()) return std::unexpected(CommandError::no_such_member);
  struck_[member] = cause;
  settle(now);
  return {};
}

std::expected<void, CommandError> Participant::set_standing(Instant now, Standing standing) {
  if (!is_host() || !acts(now)) return std::unexpected(CommandError::not_host);
  standing_ = standing;
  settle(now);
  standing_.reset();
  return {};
}

void Participant::set_ready(Instant now, Wish::Kind kind) {
  if (phase_ != Phase::member) return;
  wishes_[id()] = kind;
  if (!is_host()) say(view_->host, Wish{kind});
  settle(now);
}

void Participant::handle(Instant, const MemberId& from, const Wish& wish) {
  if (is_host() && view_->has(from)) wishes_[from] = wish.kind;
}

std::expected<void, CommandError> Participant::end(Instant now) {
  if (!is_host() || !acts(now)) return std::unexpected(CommandError::not_host);
  say_to_all(SessionEnded{view_->version, signatures_.sign(end_text(session_, view_->version))});
  events_.emplace_back(Ended{});
  finish();
  return {};
}

void Participant::handle(Instant, const MemberId&, const SessionEnded& ended) {
  if (phase_ != Phase::member || ended.version < view_->version) return;
  const auto* host = view_->find(view_->host);
  if (!host || ended.version.epoch != view_->version.epoch ||
      !signatures_.verify(view_->host, host->self.certificate, end_text(session_, ended.version), ended.signature))
    return;
  say_to_all(ended);
  events_.emplace_back(Ended{});
  finish();
}

void Participant::handle(Instant, const MemberId&, const Struck& struck) {
  if (phase_ != Phase::member || struck.who.id != id() || struck.who.incarnation != config_.self.incarnation) return;
  const auto* host = view_->find(view_->host);
  if (!host || struck.version < view_->version || struck.version.epoch != view_->version.epoch ||
      !signatures_.verify(view_->host, host->self.certificate, struck_text(session_, struck.version, struck.who),
                          struck.signature))
    return;
  events_.emplace_back(StruckOut{struck.who.cause});
  finish();
}

// --- handover ------------------------------------------------------------------------------------------------------
//
//   host                     heir                       others
//     |--offer, state-------->|                                    nothing else changes meanwhile
//     |<-ready, its signature-|  (once it took the state in)
//     |--the heir's first view, both signatures------->|           the host acts no more
//                             |--asks for promises---->|           the heir acts with a majority's

std::expected<void, CommandError> Participant::hand_over(Instant now, std::optional<MemberId> heir, Bytes state) {
  if (!is_host() || !acts(now)) return std::unexpected(CommandError::not_host);
  if (handover_ || !may_be_handed_over()) return std::unexpected(CommandError::not_now);
  if (heir && (!view_->has(*heir) || *heir == id())) return std::unexpected(CommandError::no_such_member);
  if (!heir) heir = next_heir(now, {});
  if (!heir) return std::unexpected(CommandError::no_such_member);
  state.resize(std::min(state.size(), most_state_bytes));
  handover_ = {
      .heir = *heir, .state = std::move(state), .next = now, .until = now + config_.timing.handover, .tried = {*heir}};
  press_handover(now);
  return {};
}

/// An heir leads in the very next epoch, so that an election prevails over it. Who has given its word for that one, in
/// an election that came to nothing, could not follow there; then only another election helps.
bool Participant::may_be_handed_over() const {
  const auto is_free = [&](const Member* voter) {
    const auto* peer = peers_.find(voter->self.id);
    return voter->self.id == id() || !peer || !peer->beat || peer->beat->voted <= view_->version.epoch;
  };
  return ballot_.voted_epoch() <= view_->version.epoch &&
         static_cast<std::size_t>(std::ranges::count_if(view_->electorate(), is_free)) >= view_->quorum();
}

std::optional<MemberId> Participant::next_heir(Instant now, const std::set<MemberId>& tried) const {
  for (const auto& candidate : view_->succession) {
    const auto* member = view_->find(candidate);
    const auto* peer = peers_.find(candidate);
    const bool is_bound = peer && peer->beat && peer->beat->voted > view_->version.epoch;
    if (member && member->is_voter && !is_bound && !tried.contains(candidate) && peers_.is_up(candidate) &&
        peers_.was_heard(candidate, now - attention_to(candidate)) && !has_said_farewell(candidate))
      return candidate;
  }
  return std::nullopt;
}

void Participant::press_handover(Instant now) {
  if (now >= handover_->until) {
    const auto heir = next_heir(now, handover_->tried);
    if (!heir) {
      handover_.reset();
      return;
    }
    handover_->heir = *heir;
    handover_->tried.insert(*heir);
    handover_->until = now + config_.timing.handover;
    handover_->next = now;
  }
  if (now < handover_->next) return;
  handover_->next = now + config_.timing.repeat;
  say(handover_->heir, HandoverOffer{view_->version.epoch + 1, view_->version, handover_->state});
}

void Participant::handle(Instant now, const MemberId& from, const HandoverOffer& offer) {
  if (phase_ != Phase::member || pursuit_ || is_leaving_ || from != view_->host || offer.base != view_->version ||
      offer.epoch != view_->version.epoch + 1 || !ballot_.may_follow(offer.epoch, id()))
    return;
  const auto* self = view_->find(id());
  if (!self || !self->is_voter) return;
  const bool is_new = !offered_ || offered_->base != offer.base;
  offered_ = offer;
  if (config_.takeover == Hook::none || taken_over_ == offer.base) return take_over(now);
  if (is_new) events_.emplace_back(StateOffered{offer.state});
}

/// This member as host, and nothing else changed.
View Participant::under_heir(const MemberId& heir, std::uint64_t epoch) const {
  View first = *view_;
  first.mandate = Mandate{.base = first.version, .base_host = first.host, .base_signature = first.signature};
  first.version = {.epoch = epoch, .title = Title::handed_over, .sequence = first.version.sequence + 1};
  first.host = heir;
  return first;
}

void Participant::take_over(Instant) {
  if (!offered_ || phase_ != Phase::member || offered_->base != view_->version) return;
  taken_over_ = offered_->base;
  const auto signature = signatures_.sign(body(under_heir(id(), offered_->epoch)));
  say(view_->host, HandoverReady{offered_->epoch, offered_->base, signature});
}

void Participant::handle(Instant now, const MemberId& from, const HandoverReady& ready) {
  if (!acts(now) || !handover_ || handover_->heir != from || ready.base != view_->version ||
      ready.epoch != view_->version.epoch + 1 || !ballot_.may_follow(ready.epoch, from))
    return;
  auto first = under_heir(from, ready.epoch);
  first.signature = ready.signature;
  if (!is_signed_by_host(first, signatures_)) return;
  first.mandate->handover = signatures_.sign(handover_text(session_, ready.epoch, from, first.mandate->base));
  adopt(now, first);
  for (const auto& member : view_->members) {
    peers_[member.self.id].views_sent = now;
    say(member.self.id, views_since(first.mandate->base));
  }
  show_view_to_witness(now);
}

/// A host finds an heir first. Then it says farewell, and does a member's duty, until it is out of the view: its
/// promise may be needed for that.
void Participant::leave(Instant now, Bytes state) {
  if (phase_ != Phase::member) return finish();
  is_leaving_ = true;
  if (is_host() && view_->members.size() > 1) std::ignore = hand_over(now, std::nullopt, std::move(state));
  settle(now);
}

void Participant::begin_leaving(Instant now) {
  if (view_->members.size() == 1) return finish();
  farewell_until_ = now + 5 * config_.timing.repeat;
  keep_leaving(now);
}

void Participant::keep_leaving(Instant now) {
  if (now >= *farewell_until_) return finish();
  const auto words = farewell({id(), config_.self.incarnation, Departure::left});
  say_to_all(words);
  say_to_witness(words);
}

Farewell Participant::farewell(const Departed& who) const {
  return {who, view_->version, signatures_.sign(departure_text(session_, who, view_->version))};
}
}  // namespace natkit::mesh
