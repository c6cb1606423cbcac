#pragma once
/// One member of a session, as a machine: it hears which links stand and what others say over them, and tells whom it
/// wants a link with, what to say, and what happened. It knows neither addresses nor sockets, so thousands of sessions
/// run in a simulated minute.
///
///                    .-- found() ------------------------------------------.
///                    |                                                     v
///   outside --join()-+-> asking --list--> connecting --report--> admitted --committed--> member --leave(), kicked-->
///   over
///                    ^     '------- refused, deadline ---> over     |                      |
///                    '--- struck out for silence, after a partition ----------------------'
///
///   member:  following <----------- a view of a later epoch ------------. leading
///               | host silent for `promise`, and others do not hear him  |   acts while a majority's promises hold
///               '--> claiming --votes of a majority------------------->--'   (lease.hpp); hands over; ends the session
///
/// A voter that is no member, at the meeting place, makes an even number odd (witness.hpp). Who is cut off from most
/// may go on in a session of its own (participant_branch.cpp).
///
/// Invariants of each session, checked by the simulator after every step:
///  1. At one instant at most one host acts, whatever is lost, late, cut off or stopped, as long as clocks differ by
///     less than 9 %.
///  2. In one epoch at most one host ever acts.
///  3. A member's version (view.hpp) only grows, and so does the epoch of what it accepts from a host.
///  4. Each view that a host acted under was acknowledged by a majority which meets every majority of the one before;
///     and whoever is elected later begins with what a majority has, or with more.
///  5. Who is told that it joined is in the view of a majority, and stays there until it leaves or is struck out.
///  6. A majority whose links stay as they are has a host that acts, soon.
///
/// How a joiner is admitted: the host lists the members, the joiner connects to all of them at once and reports; each
/// member tells the host that it has the link too; then the host decides over the members that there are by now, and
/// admits, sends the news, or refuses with a reason. One deadline for all of it.
///
/// `poll_message` and `poll_event` are to be drained after every input.
#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/mesh/ballot.hpp"
#include "natkit/mesh/lease.hpp"
#include "natkit/mesh/message.hpp"
#include "natkit/mesh/nat.hpp"
#include "natkit/mesh/password.hpp"
#include "natkit/mesh/peers.hpp"
#include "natkit/mesh/signatures.hpp"
#include "natkit/mesh/succession.hpp"
#include "natkit/mesh/timing.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// The session stands for this member, or does again.
struct Joined {
  ViewRef view;
};
struct NotJoined {
  Refusal reason{};
  std::string text{};
  std::vector<MemberId> peers{};  ///< not reached
  std::vector<Need> needs{};      ///< of each of these, what a link with it is expected to take
};
struct MemberJoined {
  Member member;
};
struct MemberLeft {
  Member member;
  Departure cause{};
};
struct HostChanged {
  enum class Cause : std::uint8_t { founded, joined, handed_over, left, crashed, lost } cause{};
  std::optional<MemberId> before{};
  MemberId now{};
  std::uint64_t epoch = 0;
};
/// This member leads, and a majority has promised to follow.
struct BecameHost {
  std::uint64_t epoch = 0;
};
/// There is no host that acts, as far as this member knows; a host that hears it must stop acting.
struct Paused {};
struct Resumed {};
/// Out of the session. After `lost` it tries to join again by itself; `left`: cut off for long, under
/// `Partition::leave`.
struct StruckOut {
  Departure cause{};
};
/// Cut off from most others, this member goes on with those that are left, in a session of their own; `Joined` follows.
struct Forked {
  SessionId origin{};
  SessionId session{};
};
/// The others were found again, and this member is back among them; `Joined` came before.
struct Merged {
  SessionId from{};
};
/// Over, for everybody.
struct Ended {};
struct Received {
  MemberId from{};
  Bytes bytes{};
};
/// Answered by `admit` or `reject`.
struct AdmissionAsked {
  Introduction who{};
};
/// This member is to lead; answered by `take_over` once the state is taken in.
struct StateOffered {
  Bytes state{};
};
/// This member leads after its host died, and this is what that one has left: to be taken in before anything else.
struct StateInherited {
  Bytes state{};
  Duration age{};  ///< since it came
};
/// Everybody is ready, and everybody knows it.
struct AllReady {};
/// What another one wants this one to know to connect (`pass`).
struct PassedOn {
  MemberId from{};
  MemberId by{};
  std::string text{};
};
using Event =
    std::variant<Joined, NotJoined, MemberJoined, MemberLeft, HostChanged, BecameHost, Paused, Resumed, StruckOut,
                 Forked, Merged, Ended, Received, AdmissionAsked, StateOffered, AllReady, PassedOn, StateInherited>;

struct Outgoing {
  /// `latest`: worth nothing once the next one is there; `reliable`: repeated by the link until it arrives.
  enum class Delivery : std::uint8_t { latest, reliable } delivery{};
  MemberId to{};
  Bytes bytes{};
};

class Participant {
 public:
  enum class Hook : std::uint8_t { none, asked };
  struct Config {
    Introduction self{};
    Timing timing{};
    Hook admission = Hook::none;  ///< whether `AdmissionAsked` is told, and waited for
    Hook takeover = Hook::none;   ///< … `StateOffered`
  };
  struct Invitation {
    SessionId session{};
    std::optional<PasswordKey> password{};
    std::optional<Instant> until{};     ///< the whole join; else `Timing::join` from now on
    std::optional<MemberId> founder{};  ///< where somebody named him: nobody else's session of this id will do
  };
  enum class CommandError : std::uint8_t { not_host, no_such_member, not_now };

  Participant(Config config, const Signatures& signatures, Rng& rng);

  // --- what the owner wants
  void found(Instant now, const SessionId& session, Settings settings);
  /// By any member that a link stands with, or will.
  void join(Instant now, Invitation invitation, const MemberId& by);
  /// For who was cut off and may know nobody who is still there: the directory names this host.
  void ask_at(const MemberId& host);
  void leave(Instant now, Bytes state = {});
  [[nodiscard]] std::expected<void, CommandError> end(Instant now);
  [[nodiscard]] std::expected<void, CommandError> strike_out(Instant now, const MemberId& id, Departure cause);
  [[nodiscard]] std::expected<void, CommandError> set_standing(Instant now, Standing standing);
  /// Without an heir the first of the succession.
  [[nodiscard]] std::expected<void, CommandError> hand_over(Instant now, std::optional<MemberId> heir, Bytes state);
  void set_ready(Instant now, Wish::Kind kind);
  void admit(Instant now, const MemberId& id);
  void reject(Instant now, const MemberId& id, std::string text);
  void take_over(Instant now);
  /// To one, or to all that a link stands with. Bytes beyond `most_payload_bytes` are for the owner to cut.
  void send(Instant now, std::optional<MemberId> to, Bytes bytes);
  /// To `to`, by `by` that has a link with both.
  void pass(Instant now, const MemberId& by, const MemberId& to, std::string text);
  /// Of this machine, 0 to 100.
  /// Who is to lead next while this member does: these first, in this order, then the others as the policy has them.
  void set_order(std::vector<MemberId> order);
  void set_strain(std::uint8_t strain) { strain_ = strain; }
  /// The witness that the meeting place offers (witness.hpp); what it says is heard like a peer's.
  void offer_witness(Instant now, const Introduction& witness, std::optional<Duration> rtt);
  /// The meeting place is lost.
  void lose_witness(Instant now);
  /// How this host's own network answers strangers, once that is known.
  void set_reach(Reach reach, Nat nat = {}) {
    config_.self.reach = reach;
    config_.self.nat = nat;
  }
  /// How often members failed to host, decaying: what the directory says.
  void set_failures(std::map<MemberId, double> failures) { failures_ = std::move(failures); }
  /// By which kind of way the link with this one goes.
  void set_way(const MemberId& peer, Way way) {
    if (peers_.find(peer)) peers_[peer].way = way;
  }
  /// As host: what who leads next needs, should this one die; whenever it has changed. At most `most_state_bytes`.
  void keep_state(Instant now, Bytes state);

  // --- what happens
  void handle_link(Instant now, const MemberId& peer, LinkState state, std::optional<Duration> rtt);
  void handle_message(Instant now, const MemberId& from, ByteView bytes);
  /// `last_words` of a member, from anywhere: nothing else is heard so.
  void handle_last_words(Instant now, ByteView bytes);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Outgoing> poll_message();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // --- what is
  /// Whom a link is wanted with.
  [[nodiscard]] std::set<MemberId> wanted() const;
  /// Members, and while joining who is said to be one.
  [[nodiscard]] std::vector<Introduction> known() const;
  /// As far as this member or joiner was told.
  [[nodiscard]] std::optional<MemberId> leader() const;
  /// Whether that member leaves, or its process is no more: by its own signature. Only within the view.
  [[nodiscard]] bool has_said_farewell(const MemberId& member) const;
  /// Null outside.
  [[nodiscard]] const ViewRef& view() const { return view_; }
  [[nodiscard]] bool is_member() const { return phase_ == Phase::member; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::over; }
  /// `Paused` was told, and no `Resumed`.
  [[nodiscard]] bool is_paused() const { return paused_since_.has_value(); }
  [[nodiscard]] bool is_host() const { return view_ && phase_ == Phase::member && view_->host == id(); }
  /// Whether it leads and may act at this instant.
  [[nodiscard]] bool acts(Instant now) const;
  [[nodiscard]] const Version& committed() const { return committed_; }
  [[nodiscard]] const MemberId& id() const { return config_.self.id; }
  [[nodiscard]] const Introduction& self() const { return config_.self; }
  [[nodiscard]] const Peers& peers() const { return peers_; }
  /// As this member knows it; for the succession, and for people.
  [[nodiscard]] Aptitude aptitude_of(Instant now, const MemberId& member) const;
  [[nodiscard]] Reach reach_of(const Introduction& who) const;
  /// What it has told of its NAT, as far as that goes.
  [[nodiscard]] NatFindings nat_of(const Introduction& who) const;
  /// Of two that have no address of the same network (nat.hpp); a member that is willing, and is expected to be linked
  /// with both directly, takes the place of a server's relay where the session allows it.
  [[nodiscard]] Need need_between(Instant now, const Introduction& a, const Introduction& b) const;
  /// The kind of path that two members have, as far as either told; `unknown` also where there is none.
  [[nodiscard]] Way way_between(Instant now, const MemberId& a, const MemberId& b) const;
  /// To be left behind with somebody who will know that this process died (`departure_text`, crashed). Empty outside.
  /// Of a host to be exchanged with each view, before that is shown.
  [[nodiscard]] Bytes last_words() const;

 private:
  enum class Phase : std::uint8_t { outside, joining, member, over };
  /// A stranger that the host, or a member on its behalf, has announced.
  struct Expected {
    Introduction who{};
    Instant until{};
  };
  struct Joiner {
    enum class Verdict : std::uint8_t { open, asked, admitted } verdict{};
    Introduction who{};
    Instant until{};
    Instant told{};  ///< when it and the members were told of each other last
    Version listed{};
    Instant listed_at{};
    std::optional<JoinReport> report{};
  };
  struct Pursuit {
    Invitation invitation{};
    MemberId by{};
    Instant since{};
    Instant until{};
    Instant next{};
    std::optional<JoinList> list{};
    std::optional<Instant> host_heard{};  ///< … that the list names; empty while the list is another's word
    std::optional<Instant> hinted{};      ///< when somebody else named that host
    std::set<MemberId> failed{};
    Version entered{};  ///< the view that let it in; it counts once a majority has it
  };
  struct Candidacy {
    std::uint64_t epoch = 0;
    Instant next{};  ///< to be said again to who has not answered
    Instant until{};
    std::map<MemberId, Bytes> votes{};
  };
  /// A claim that came before this voter's promise had ended.
  struct Held {
    MemberId candidate{};
    Claim claim{};
    Instant at{};
    Instant until{};
  };
  struct Handover {
    MemberId heir{};
    Bytes state{};
    Instant next{};
    Instant until{};
    std::set<MemberId> tried{};
  };

  enum class Answer : std::uint8_t { not_wanted, wanted };

  // participant.cpp: what everybody does
  void settle(Instant now);
  [[nodiscard]] Duration interval_of(const MemberId& member) const;
  [[nodiscard]] Duration attention_to(const MemberId& member) const;
  void beat_regularly(Instant now);
  enum class Telling : std::uint8_t { brief, full };  ///< without the condition, or with it
  [[nodiscard]] Heartbeat heartbeat(Instant now, Answer answer) const;
  void beat_to(Instant now, const MemberId& to, Answer answer, Telling telling = Telling::brief);
  void beat_all(Instant now, Answer answer, std::uint32_t round = 0);
  void say(const MemberId& to, const Message& message);
  void say_to_all(const Message& message);
  void handle(Instant now, const MemberId& from, const Heartbeat& beat);
  [[nodiscard]] bool echoes_us(const Heartbeat& beat) const;
  void hear_host(Instant now, const Heartbeat& beat);
  void help_laggard(Instant now, const MemberId& from, const Version& version);
  void show_again(Instant now, const MemberId& to, const Version& known = {});
  void show_view(const MemberId& to, const Version& known);
  [[nodiscard]] Views views_since(const Version& known) const;
  void handle(Instant now, const MemberId& from, const Views& views);
  void consider(Instant now, const View& view);
  void adopt(Instant now, const View& view);
  void begin_epoch(Instant now, const ViewRef& known);
  void be_struck_out(Instant now, const View& known);
  void finish();
  void begin_membership(HostChanged::Cause cause);
  void tell_changes();
  [[nodiscard]] bool is_led(Instant now) const;
  void tell_pauses(Instant now);
  enum class Led : std::uint8_t { no, yes };
  void tell_pause(Instant now, Led led);
  void handle(Instant now, const MemberId& from, const Payload& payload);
  void handle(Instant now, const MemberId& from, const Passed& passed);

  // participant_fitness.cpp: how fit members are, and the state that outlives its host
  [[nodiscard]] Condition condition(Instant now) const;
  [[nodiscard]] Hearing own_hearing(Instant now, const MemberId& member) const;
  [[nodiscard]] Hearing hearing_of(Instant now, const MemberId& by, const MemberId& member) const;
  void note_ages(Instant now);
  void give_state();
  void inherit(Instant now);
  void handle(Instant now, const MemberId& from, const StateCopy& copy);
  [[nodiscard]] std::vector<Need> needs_with(Instant now, const std::vector<MemberId>& peers) const;

  // participant_follow.cpp: whether the host is gone, and who leads then
  void follow(Instant now);
  [[nodiscard]] bool hears_of_host(Instant now) const;
  [[nodiscard]] bool is_host_gone(Instant now) const;
  [[nodiscard]] int rank(Instant now) const;
  [[nodiscard]] Duration rank_gap() const;
  void stand(Instant now);
  [[nodiscard]] bool can_win(Instant now) const;
  [[nodiscard]] bool is_vote_of_host_free() const;
  [[nodiscard]] std::size_t votes_to_win() const;
  [[nodiscard]] bool has_won() const;
  void claim(Instant now);
  void vote(std::uint64_t epoch, const MemberId& candidate);
  [[nodiscard]] std::uint64_t latest_epoch() const;
  void note_vote(const MemberId& from, const Heartbeat& beat);
  void press_claim(Instant now);
  void vote_if_due(Instant now);
  void win(Instant now);
  void publish(Instant now);
  void handle(Instant now, const MemberId& from, const Claim& claim);
  void handle(Instant now, const MemberId& from, const Granted& granted);
  void handle(Instant now, const MemberId& from, const Farewell& farewell);

  // participant_lead.cpp: what only the host does
  void lead(Instant now);
  void wait_for_majority(Instant now);
  void commit(Instant now);
  void propose(Instant now);
  [[nodiscard]] std::map<MemberId, Aptitude> aptitudes(Instant now) const;
  [[nodiscard]] std::vector<MemberId> in_order(Instant now, const View& view) const;
  [[nodiscard]] bool may_vote_from_now(Instant now, const View& next, const MemberId& newcomer) const;
  [[nodiscard]] bool is_order_due(Instant now);
  void replace_view(Instant now, View next, const std::set<MemberId>& out);
  [[nodiscard]] bool is_lost(Instant now, const MemberId& member) const;
  [[nodiscard]] std::optional<Departure> departure_of(Instant now, const MemberId& member) const;
  void strike_out_gone(Instant now, View& next, std::set<MemberId>& out, bool& may_change_voters);  // NOLINT(*)
  [[nodiscard]] bool comes_back(const MemberId& joiner) const;
  [[nodiscard]] std::optional<Refusal> find_objection(const JoinRequest& request) const;
  [[nodiscard]] JoinList list() const;
  void expect(Instant now, const Introduction& who, Duration how_long);
  void attend_joiners(Instant now);
  void introduce(const MemberId& joiner, const Introduction& who);
  [[nodiscard]] bool confirms(const MemberId& member, const MemberId& joiner) const;
  [[nodiscard]] std::vector<MemberId> missing_links(const View& view, const MemberId& joiner,
                                                    const Joiner& about) const;
  [[nodiscard]] std::optional<JoinRefused> find_failure(Instant now, const MemberId& joiner, const Joiner& about) const;
  void admit_ready(Instant now, View& next);
  void handle(Instant now, const MemberId& from, const JoinRequest& request);
  void handle(Instant now, const MemberId& from, const JoinReport& report);
  void handle(Instant now, const MemberId& from, const Joining& joining);
  void handle(Instant now, const MemberId& from, const Wish& wish);
  void handle(Instant now, const MemberId& from, const Struck& struck);
  void handle(Instant now, const MemberId& from, const SessionEnded& ended);
  [[nodiscard]] bool may_be_handed_over() const;
  [[nodiscard]] std::optional<MemberId> next_heir(Instant now, const std::set<MemberId>& tried) const;
  void press_handover(Instant now);
  [[nodiscard]] View under_heir(const MemberId& heir, std::uint64_t epoch) const;
  void begin_leaving(Instant now);
  void keep_leaving(Instant now);
  [[nodiscard]] Farewell farewell(const Departed& who) const;
  void handle(Instant now, const MemberId& from, const HandoverOffer& offer);
  void handle(Instant now, const MemberId& from, const HandoverReady& ready);

  // participant_witness.cpp: the voter that is no member
  void mind_witness(Instant now, View& next, bool& may_change_voters);  // NOLINT(*)
  [[nodiscard]] bool is_witness(const MemberId& id) const;
  [[nodiscard]] bool wants_witness(const View& view) const;
  [[nodiscard]] bool is_witness_gone(Instant now) const;
  void say_to_witness(const Message& message);
  void show_view_to_witness(Instant now);

  // participant_branch.cpp: what those do who are cut off from most
  void secede(Instant now);
  void fork(Instant now);
  void change_session(Instant now, const SessionId& session);
  void move_to(Instant now, const SessionId& session, const MemberId& by);
  [[nodiscard]] SessionId origin() const;
  [[nodiscard]] bool is_at_home(Instant now) const;
  [[nodiscard]] bool is_on_its_way(Instant now) const;
  [[nodiscard]] bool is_better(Instant now, const Whereabouts& other) const;
  [[nodiscard]] Whereabouts whereabouts(Instant now) const;
  void tell_whereabouts(Instant now);
  void say_to_origin(const MemberId& to, const Message& message);
  void handle(Instant now, const MemberId& from, const Whereabouts& other);

  // participant_join.cpp: how one that is outside gets in
  void pursue(Instant now);
  void come_back(Instant now, const View& latest, const View& known);
  [[nodiscard]] Bytes proof() const;
  [[nodiscard]] std::vector<MemberId> linked() const;
  void report(Instant now);
  void give_up(Instant now);
  void enter(Instant now, const MemberId& from, const Views& views);
  void mind_admission(Instant now);
  void step_outside();
  [[nodiscard]] const ViewRef& last_view() const { return view_ ? view_ : announced_; }
  void forget_session();
  void handle(Instant now, const MemberId& from, const JoinList& list);
  void handle(Instant now, const MemberId& from, const JoinRefused& refused);

  static constexpr std::size_t most_remembered = 16;  ///< who departed lately

  Config config_;
  const Signatures& signatures_;
  Rng& rng_;
  SessionId session_{};
  Phase phase_ = Phase::outside;
  Ballot ballot_;
  Lease lease_;
  Peers peers_;
  ViewRef view_;
  Version outgrown_;               ///< the view by which it was put outside; it comes back by a later one
  ViewRef before_;                 ///< the last view of the epoch before
  std::deque<ViewRef> foundings_;  ///< first views of epochs
  Version committed_;
  Instant epoch_since_{};   ///< when this member heard of the epoch
  Instant host_beat_at_{};  ///< of this epoch
  Instant led_at_{};        ///< … of one that said that he acts
  std::optional<Echo> echo_;
  std::uint64_t beats_ = 0;
  Instant next_beat_{};
  std::uint32_t rounds_ = 0;
  std::uint32_t pulse_ = 0;  ///< heartbeats that were due
  std::optional<std::uint8_t> strain_{};
  struct Since {
    Incarnation incarnation{};
    Instant at{};
  };
  std::map<MemberId, Since> since_{};  ///< when this member saw the others in a view first
  ViewRef aged_{};                     ///< … the latest that was looked at
  std::map<MemberId, double> failures_{};
  std::vector<MemberId> wished_order_;
  bool has_new_order_ = false;
  Instant ranked_at_{};  ///< when the order of the succession was looked at
  struct Kept {
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
    Bytes state{};
    Instant since{};
  };
  std::optional<Kept> kept_{};                 ///< the host's state, if this is the host or one of its heirs
  std::map<MemberId, std::uint64_t> given_{};  ///< the number of the one that each heir has
  std::map<MemberId, Expected> expected_;
  std::map<MemberId, Farewell> farewells_;

  std::optional<Instant> claim_at_;
  std::optional<Candidacy> candidacy_;
  std::optional<Held> held_;
  std::uint64_t claimed_epoch_ = 0;  ///< the latest that anybody claimed

  std::optional<Introduction> witness_;  ///< at hand, in the view or not

  std::map<MemberId, Joiner> joiners_;
  std::map<MemberId, Departure> struck_;
  std::map<MemberId, Wish::Kind> wishes_;
  std::optional<Standing> standing_;
  std::optional<Handover> handover_;
  std::optional<HandoverOffer> offered_;
  std::optional<Version> taken_over_;
  bool is_leaving_ = false;
  std::optional<Instant> farewell_until_;

  std::optional<Pursuit> pursuit_;  ///< until it is a member by a majority's knowledge

  /// The session that this member was cut off from.
  struct Origin {
    ViewRef view;  ///< as it was last seen
    Instant until{};
  };
  std::optional<Origin> origin_;
  std::optional<MemberId> named_host_;   ///< of the origin, by the directory
  std::map<SessionId, Ballot> ballots_;  ///< in sessions that it may come back to

  ViewRef announced_;
  std::uint64_t told_epoch_ = 0;  ///< the last one that it was told to lead in
  std::optional<Instant> paused_since_;
  Instant acted_at_{};
  bool has_acted_ = false;  ///< at the last input; then the end of the lease is an event

  std::deque<Outgoing> out_;
  std::deque<Event> events_;
};
}  // namespace natkit::mesh
