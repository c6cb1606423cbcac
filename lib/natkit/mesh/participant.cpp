#include "natkit/mesh/participant.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/note_earlier.hpp"
#include "natkit/base/take_front.hpp"

namespace natkit::mesh {
namespace {
using namespace std::chrono_literals;

constexpr std::size_t most_peers = 256;  ///< links are bounded by their owner, to fewer
/// This much later than asked for, and the process was held up: others may have spoken meanwhile.
constexpr Duration late = 150ms;
/// Three heartbeats: who was not heard for so long is not "heard" to others.
constexpr int attentive_beats = 3;
/// All to all grows with the square: between 32 members 5000 packets a second, and as many acknowledgements. Of more
/// than these only the host is told each time, since his lease hangs on it, and the others the more seldom the more
/// they are, so that nobody says more than ten beside it, on average.
constexpr std::size_t most_at_full_pace = 12;
constexpr std::size_t told_each_time = 10;
constexpr std::uint8_t rtt_unknown = 255;
/// What changes slowly is told each second: in every heartbeat it would be a third of it.
constexpr std::uint32_t rounds_of_condition = 5;

std::uint8_t rtt_byte(const std::optional<Duration>& rtt) {
  if (!rtt) return rtt_unknown;
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(*rtt / 2ms, 0, rtt_unknown - 1));
}

/// Of so many members: each one's turn comes every so many heartbeats.
unsigned pace_among(std::size_t members) {
  if (members <= most_at_full_pace) return 1;
  return static_cast<unsigned>((members + told_each_time - 1) / told_each_time);
}
}  // namespace

Participant::Participant(Config config, const Signatures& signatures, Rng& rng)
    : config_(std::move(config)),
      signatures_(signatures),
      rng_(rng),
      ballot_(config_.timing.promise),
      lease_(config_.timing.lease) {}

void Participant::found(Instant now, const SessionId& session, Settings settings) {
  View view{.session = session, .host = id(), .settings = std::move(settings)};
  view.version = {.epoch = 1, .title = Title::elected, .sequence = 1};
  view.members.push_back({.self = config_.self, .number = 1, .is_voter = true});
  view.numbers_given = 1;
  view.signature = signatures_.sign(body(view));
  session_ = session;
  phase_ = Phase::member;
  next_beat_ = now;
  view_ = std::make_shared<const View>(std::move(view));
  epoch_since_ = now;
  ballot_.follow(1, id());
  committed_ = view_->version;
  begin_membership(HostChanged::Cause::founded);
  settle(now);
}

void Participant::settle(Instant now) {
  if (phase_ == Phase::member && pursuit_) mind_admission(now);
  if (phase_ == Phase::joining) pursue(now);
  if (phase_ != Phase::member) return;
  note_ages(now);
  if (is_host())
    lead(now);
  else
    follow(now);
  if (phase_ != Phase::member) return;
  // A host that found an heir, or none at all.
  if (is_leaving_ && !farewell_until_ && !handover_) begin_leaving(now);
  if (phase_ != Phase::member) return;
  has_acted_ = acts(now);
  tell_changes();
  tell_pauses(now);
  secede(now);
}

// --- heartbeats ----------------------------------------------------------------------------------------------------

/// Between two heartbeats of that member to this one.
Duration Participant::interval_of(const MemberId& member) const {
  const bool is_slow = view_ && view_->host != id() && view_->host != member;
  return (is_slow ? pace_among(view_->members.size()) : 1) * config_.timing.heartbeat;
}

Duration Participant::attention_to(const MemberId& member) const { return attentive_beats * interval_of(member); }

Heartbeat Participant::heartbeat(Instant now, Answer answer) const {
  Heartbeat beat{.number = beats_, .strain = strain_, .asks = answer == Answer::wanted};
  if (!view_) return beat;
  beat.version = view_->version;
  beat.committed = committed_;
  beat.acts = acts(now);
  beat.echo = echo_;
  beat.voted = ballot_.voted_epoch();
  for (std::size_t i = 0; i < view_->members.size(); ++i) {
    const auto& member = view_->members[i].self.id;
    const auto* peer = peers_.find(member);
    const bool is_heard = member == id() || peers_.was_heard(member, now - attention_to(member));
    if (is_heard) beat.heard |= std::uint64_t{1} << i;
    beat.rtts.push_back(peer && is_heard ? rtt_byte(peer->rtt) : rtt_unknown);
  }
  for (const auto& [joiner, expected] : expected_) {
    // Who is in takes no place from those that wait for this word.
    const auto* member = view_->find(joiner);
    if (member && member->self.incarnation == expected.who.incarnation) continue;
    if (beat.reached.size() < most_joiners && peers_.is_up(joiner)) beat.reached.push_back(joiner);
  }
  for (const auto& [stranger, peer] : peers_.all())
    if (beat.reached.size() < most_joiners && peer.link == LinkState::up && !view_->has(stranger) &&
        !expected_.contains(stranger) && !is_witness(stranger))
      beat.reached.push_back(stranger);
  return beat;
}

/// Each one has a number of its own, so that the host knows when the one was sent that is echoed.
void Participant::beat_to(Instant now, const MemberId& to, Answer answer, Telling telling) {
  ++beats_;
  if (is_host()) lease_.sent(now, beats_);
  auto beat = heartbeat(now, answer);
  if (telling == Telling::full) beat.condition = condition(now);
  say(to, beat);
}

void Participant::beat_regularly(Instant now) {
  if (!is_host() && ++pulse_ % pace_among(view_->members.size()) != 0)
    return beat_to(now, view_->host, Answer::not_wanted);
  beat_all(now, Answer::not_wanted, ++rounds_);
}

void Participant::beat_all(Instant now, Answer answer, std::uint32_t round) {
  ++beats_;
  if (is_host()) lease_.sent(now, beats_);
  auto beat = heartbeat(now, answer);
  beat.round = round;
  if (round % rounds_of_condition == 1) beat.condition = condition(now);
  if (view_)
    for (const auto& member : view_->members) say(member.self.id, beat);
  for (const auto& [joiner, expected] : expected_)
    if (!view_ || !view_->has(joiner)) say(joiner, beat);
  if (is_host()) say_to_witness(beat);
}

void Participant::handle(Instant now, const MemberId& from, const Heartbeat& beat) {
  auto& peer = peers_[from];
  peer.heard = now;
  const bool is_newer = !peer.beat || beat.number > peer.beat->number;
  if (is_newer) {
    peer.beat = beat;
    peer.beat_at = now;
    if (beat.condition) {
      peer.condition = beat.condition;
      peer.condition_of = beat.version;
    }
  }
  peer.rounds.heard(now, beat.round);
  if (phase_ == Phase::joining && pursuit_->host_heard && from == pursuit_->list->host) pursuit_->host_heard = now;
  if (phase_ != Phase::member) return;
  note_vote(from, beat);
  if (from == view_->host && beat.version.epoch == view_->version.epoch) hear_host(now, beat);
  if (is_host() && beat.echo && echoes_us(beat)) lease_.acknowledged(from, beat.echo->number);
  if (is_newer) help_laggard(now, from, beat.version);
  if (beat.asks) beat_to(now, from, Answer::not_wanted);
}

/// An echo is of a heartbeat of the host of its sender's view; and one epoch may have two, one elected and one that was
/// handed the lead, who count their heartbeats alike.
bool Participant::echoes_us(const Heartbeat& beat) const {
  const auto& own = view_->version;
  return beat.echo->epoch == own.epoch && beat.version.epoch == own.epoch && beat.version.title == own.title;
}

void Participant::hear_host(Instant now, const Heartbeat& beat) {
  host_beat_at_ = now;
  if (beat.acts) led_at_ = now;
  committed_ = std::max(committed_, beat.committed);
  // What he said before his farewell may come after it.
  if (has_said_farewell(view_->host)) return;
  if (!ballot_.promise(now, beat.version.epoch, view_->host)) return;
  if (!echo_ || echo_->epoch != beat.version.epoch || echo_->number < beat.number)
    echo_ = {beat.version.epoch, beat.number};
}

/// The host helps at once; others when it seems that he does not.
void Participant::help_laggard(Instant now, const MemberId& from, const Version& version) {
  auto& peer = peers_[from];
  if (version >= view_->version) {
    peer.lags_since.reset();
    return;
  }
  if (!peer.lags_since) peer.lags_since = now;
  if (!is_host() && now - *peer.lags_since < attention_to(from)) return;
  show_again(now, from, version);
}

void Participant::show_again(Instant now, const MemberId& to, const Version& known) {
  auto& peer = peers_[to];
  const auto pause = std::max(config_.timing.repeat, 2 * peer.rtt.value_or(0ms));
  if (peer.views_sent && now - *peer.views_sent < pause) return;
  peer.views_sent = now;
  show_view(to, known);
}

/// Who was struck out by decision hears that, and no more.
void Participant::show_view(const MemberId& to, const Version& known) {
  if (view_->has(to) || is_witness(to)) return say(to, views_since(known));
  const auto gone = std::ranges::find(view_->departed, to, &Departed::id);
  if (gone == view_->departed.end()) return;
  if (gone->cause != Departure::kicked && gone->cause != Departure::banned) return say(to, views_since(known));
  if (is_host()) say(to, Struck{view_->version, *gone, signatures_.sign(struck_text(session_, view_->version, *gone))});
}

Views Participant::views_since(const Version& known) const {
  Views views{.foundings = {}, .latest = *view_};
  for (const auto& founding : foundings_)
    if (founding->version > known && founding->version < view_->version) views.foundings.push_back(*founding);
  return views;
}

// --- views ---------------------------------------------------------------------------------------------------------

void Participant::handle(Instant now, const MemberId& from, const Views& views) {
  if (phase_ == Phase::joining) return enter(now, from, views);
  if (phase_ != Phase::member) return;
  for (const auto& founding : views.foundings) consider(now, founding);
  if (phase_ == Phase::member) consider(now, views.latest);
  if (phase_ == Phase::member && view_->version == views.latest.version) beat_to(now, from, Answer::not_wanted);
}

void Participant::consider(Instant now, const View& view) {
  if (phase_ != Phase::member || !supersedes(view, *view_, before_, signatures_)) return;
  adopt(now, view);
  // The heir of a host that handed over: the sooner it has a majority's promises, the shorter nobody acts.
  if (is_host()) publish(now);
}

void Participant::adopt(Instant now, const View& view) {
  const auto known = std::exchange(view_, std::make_shared<const View>(view));
  candidacy_.reset();
  if (known->version.epoch != view.version.epoch || known->host != view.host) begin_epoch(now, known);
  const auto* self = view_->find(id());
  if (!self || self->self.incarnation != config_.self.incarnation) return be_struck_out(now, *known);
  if (!is_host()) beat_to(now, view_->host, Answer::not_wanted);
}

void Participant::begin_epoch(Instant now, const ViewRef& known) {
  if (!before_ || known->version.epoch != view_->version.epoch) before_ = known;
  foundings_.push_back(view_);
  if (foundings_.size() > most_foundings) foundings_.pop_front();
  // Who voted for somebody else in this epoch knows the new host, but promises him nothing.
  if (view_->version.title == Title::elected || ballot_.may_follow(view_->version.epoch, view_->host))
    ballot_.follow(view_->version.epoch, view_->host);
  if (view_->version.title == Title::handed_over) ballot_.release(view_->mandate->base.epoch);
  lease_.reset();
  given_.clear();
  echo_.reset();
  candidacy_.reset();
  claim_at_.reset();
  held_.reset();
  handover_.reset();
  joiners_.clear();
  struck_.clear();
  epoch_since_ = now;
  host_beat_at_ = led_at_ = now;
  if (known->host == view_->host || pursuit_) return;
  const auto farewell = farewells_.find(known->host);
  auto cause = view_->version.title == Title::handed_over ? HostChanged::Cause::handed_over : HostChanged::Cause::lost;
  if (cause == HostChanged::Cause::lost && farewell != farewells_.end())
    cause = farewell->second.who.cause == Departure::crashed ? HostChanged::Cause::crashed : HostChanged::Cause::left;
  events_.emplace_back(HostChanged{cause, known->host, view_->host, view_->version.epoch});
}

/// What was struck out is remembered, with its links: after a partition that is the way back.
void Participant::be_struck_out(Instant now, const View& known) {
  const auto gone = std::ranges::find(view_->departed, id(), &Departed::id);
  const auto cause = gone == view_->departed.end() ? Departure::lost : gone->cause;
  const auto latest = view_;
  if (is_leaving_) return finish();
  if (!pursuit_) events_.emplace_back(StruckOut{cause});
  if (cause == Departure::kicked || cause == Departure::banned || cause == Departure::left) return finish();
  come_back(now, *latest, known);
}

void Participant::finish() {
  phase_ = Phase::over;
  view_.reset();
  expected_.clear();
  joiners_.clear();
  kept_.reset();
}

// --- what people are told ------------------------------------------------------------------------------------------

void Participant::begin_membership(HostChanged::Cause cause) {
  const auto before = std::exchange(announced_, view_);
  pursuit_.reset();
  if (const auto& origin = view_->settings.branch_of) events_.emplace_back(Forked{*origin, session_});
  events_.emplace_back(Joined{view_});
  events_.emplace_back(HostChanged{cause, std::nullopt, view_->host, view_->version.epoch});
  if (before && before->session != session_ && !view_->settings.branch_of) {
    origin_.reset();
    events_.emplace_back(Merged{before->session});
  }
}

/// Who came and who went is told once a majority has it: before, another host might know nothing of it.
void Participant::tell_changes() {
  if (pursuit_ && committed_ >= pursuit_->entered) return begin_membership(HostChanged::Cause::joined);
  if (pursuit_ || committed_ < view_->version) return;
  if (announced_ == view_) return;
  const auto before = std::exchange(announced_, view_);
  const auto is_same = [](const Member& a, const Member& b) {
    return a.self.id == b.self.id && a.self.incarnation == b.self.incarnation;
  };
  const auto is_in = [&](const Member& member, const View& view) {
    return std::ranges::any_of(view.members, [&](const Member& other) { return is_same(member, other); });
  };
  for (const auto& member : before->members) {
    if (is_in(member, *view_)) continue;
    const auto gone = std::ranges::find(view_->departed, member.self.id, &Departed::id);
    events_.emplace_back(MemberLeft{member, gone == view_->departed.end() ? Departure::lost : gone->cause});
  }
  for (const auto& member : view_->members)
    if (!is_in(member, *before)) events_.emplace_back(MemberJoined{member});
  const auto are_all_ready = [](const View& view) { return std::ranges::all_of(view.members, &Member::is_ready); };
  if (are_all_ready(*view_) && !are_all_ready(*before)) events_.emplace_back(AllReady{});
}

/// By a host that acts, as far as this member knows.
bool Participant::is_led(Instant now) const {
  return acts(now) || now - led_at_ < config_.timing.patience || (!is_host() && hears_of_host(now));
}

void Participant::tell_pauses(Instant now) {
  if (pursuit_) return;
  if (is_host()) {
    const bool does_act = acts(now);
    if (does_act && told_epoch_ != view_->version.epoch) {
      told_epoch_ = view_->version.epoch;
      inherit(now);
      events_.emplace_back(BecameHost{told_epoch_});
    }
    // Who was elected just now waits for the first promises; that is no pause.
    if (does_act || told_epoch_ == view_->version.epoch) tell_pause(now, does_act ? Led::yes : Led::no);
    return;
  }
  tell_pause(now, is_led(now) ? Led::yes : Led::no);
}

void Participant::tell_pause(Instant now, Led led) {
  if ((led == Led::no) == paused_since_.has_value()) return;
  if (led == Led::yes) {
    paused_since_.reset();
    events_.emplace_back(Resumed{});
  } else {
    paused_since_ = now;
    events_.emplace_back(Paused{});
  }
}

// --- links and time ------------------------------------------------------------------------------------------------

void Participant::handle_link(Instant now, const MemberId& peer, LinkState state, std::optional<Duration> rtt) {
  if (phase_ == Phase::over || (!peers_.find(peer) && peers_.all().size() >= most_peers)) return;
  auto& known = peers_[peer];
  const bool comes_up = state == LinkState::up && known.link != LinkState::up;
  if (state != LinkState::up) {
    known.beat.reset();
    given_.erase(peer);
  }
  if (comes_up) known.views_sent.reset();
  known.link = state;
  if (rtt) known.rtt = rtt;
  if (phase_ == Phase::joining) {
    if (state == LinkState::failed) pursuit_->failed.insert(peer);
    if (comes_up) pursuit_->failed.erase(peer);
    if (comes_up || state == LinkState::failed) pursuit_->next = std::min(pursuit_->next, now);
  }
  if (comes_up && phase_ == Phase::member) {
    beat_to(now, peer, Answer::not_wanted, Telling::full);
    // The host waits to hear that a joiner is linked with everybody; perhaps it has not introduced that one yet.
    if (!view_->has(peer) && !is_witness(peer) && !is_host()) beat_to(now, view_->host, Answer::not_wanted);
  }
  settle(now);
}

void Participant::handle_message(Instant now, const MemberId& from, ByteView bytes) {
  if (phase_ == Phase::over || phase_ == Phase::outside || from == id()) return;
  if (!peers_.find(from) && peers_.all().size() >= most_peers) return;
  auto envelope = parse_message(bytes);
  if (!envelope) return;
  if (envelope->session == tag_of(session_))
    std::visit([&](auto& message) { handle(now, from, message); }, envelope->message);
  else if (const auto* other = std::get_if<Whereabouts>(&envelope->message); other && origin_)
    handle(now, from, *other);
  else if (std::holds_alternative<JoinRequest>(envelope->message) && origin_ && envelope->session == tag_of(origin()))
    say_to_origin(from, whereabouts(now));  // it was struck out before the others parted, and looks for them there
  settle(now);
}

void Participant::handle_last_words(Instant now, ByteView bytes) {
  if (phase_ != Phase::member) return;
  const auto envelope = parse_message(bytes);
  if (!envelope || envelope->session != tag_of(session_)) return;
  if (const auto* farewell = std::get_if<Farewell>(&envelope->message)) handle(now, farewell->who.id, *farewell);
}

void Participant::handle_timeout(Instant now) {
  if (phase_ == Phase::over || phase_ == Phase::outside) return;
  if (const auto delay = now - next_beat_; delay > late) {
    peers_.excuse(now, delay);
    host_beat_at_ = std::min(host_beat_at_ + delay, now);
    led_at_ = std::min(led_at_ + delay, now);
  }
  std::erase_if(expected_, [&](const auto& each) { return each.second.until <= now; });
  if (now >= next_beat_) {
    next_beat_ = now + config_.timing.heartbeat;
    if (phase_ == Phase::member) beat_regularly(now);
    tell_whereabouts(now);
    if (farewell_until_) keep_leaving(now);
  }
  settle(now);
}

std::optional<Instant> Participant::poll_timeout() const {
  std::optional<Instant> due;
  if (phase_ == Phase::over || phase_ == Phase::outside) return due;
  note_earlier(due, next_beat_);
  if (phase_ == Phase::joining) note_earlier(due, std::min(pursuit_->next, pursuit_->until));
  if (phase_ != Phase::member) return due;
  if (claim_at_) note_earlier(due, *claim_at_);
  if (candidacy_) note_earlier(due, std::min(candidacy_->next, candidacy_->until));
  if (held_) note_earlier(due, std::min(std::max(ballot_.promised_until(), held_->at), held_->until));
  if (handover_) note_earlier(due, std::min(handover_->next, handover_->until));
  if (has_acted_)
    if (const auto end = lease_.until(*view_, id())) note_earlier(due, *end);
  return due;
}

void Participant::say(const MemberId& to, const Message& message) {
  if (to == id() || !peers_.is_up(to)) return;
  const auto delivery =
      std::holds_alternative<Heartbeat>(message) ? Outgoing::Delivery::latest : Outgoing::Delivery::reliable;
  out_.push_back({delivery, to, write_message(session_, message)});
}

void Participant::say_to_all(const Message& message) {
  for (const auto& member : view_->members) say(member.self.id, message);
}

std::optional<Outgoing> Participant::poll_message() { return take_front(out_); }
std::optional<Event> Participant::poll_event() { return take_front(events_); }

/// Who has said farewell acts no more, whatever others still promise: they need not keep it any more.
bool Participant::acts(Instant now) const {
  return is_host() && !pursuit_ && !farewell_until_ && lease_.holds(now, *view_, id());
}

std::set<MemberId> Participant::wanted() const {
  std::set<MemberId> all;
  if (phase_ == Phase::over || phase_ == Phase::outside) return all;
  if (view_)
    for (const auto& member : view_->members) all.insert(member.self.id);
  if (pursuit_) {
    all.insert(pursuit_->by);
    if (pursuit_->list) {
      for (const auto& member : pursuit_->list->members) all.insert(member.id);
      for (const auto& joiner : pursuit_->list->joiners) all.insert(joiner.id);
    }
  }
  for (const auto& [joiner, expected] : expected_) all.insert(joiner);
  if (origin_)
    for (const auto& member : origin_->view->members) all.insert(member.self.id);
  all.erase(id());
  return all;
}

std::vector<Introduction> Participant::known() const {
  std::vector<Introduction> all;
  if (view_)
    for (const auto& member : view_->members) all.push_back(member.self);
  else if (pursuit_ && pursuit_->list)
    all = pursuit_->list->members;
  if (origin_)
    for (const auto& member : origin_->view->members)
      if (std::ranges::find(all, member.self.id, &Introduction::id) == all.end()) all.push_back(member.self);
  return all;
}

std::optional<MemberId> Participant::leader() const {
  if (view_) return view_->host;
  return pursuit_ && pursuit_->list ? std::optional{pursuit_->list->host} : std::nullopt;
}

void Participant::send(Instant now, std::optional<MemberId> to, Bytes bytes) {
  if (phase_ != Phase::member || pursuit_ || bytes.size() > most_payload_bytes) return;
  const Payload payload{view_->version.epoch, acts(now), std::move(bytes)};
  if (to)
    say(*to, payload);
  else
    say_to_all(payload);
}

/// What a host said is fenced by its epoch; what others said is theirs.
void Participant::handle(Instant, const MemberId& from, const Payload& payload) {
  if (phase_ != Phase::member || pursuit_ || !view_->has(from)) return;
  if (payload.is_from_host && (from != view_->host || payload.epoch != view_->version.epoch)) return;
  events_.emplace_back(Received{from, payload.bytes});
}

void Participant::pass(Instant, const MemberId& by, const MemberId& to, std::string text) {
  say(by, Passed{id(), to, std::move(text)});
}

void Participant::handle(Instant, const MemberId& from, const Passed& passed) {
  if (passed.to == id()) {
    events_.emplace_back(PassedOn{passed.from, from, passed.text});
  } else if (passed.from == from && wanted().contains(passed.to)) {
    say(passed.to, passed);
  }
}

Bytes Participant::last_words() const {
  if (phase_ != Phase::member) return {};
  const Departed who{id(), config_.self.incarnation, Departure::crashed};
  return write_message(session_, farewell(who));
}
}  // namespace natkit::mesh
