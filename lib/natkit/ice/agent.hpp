#pragma once
/// One ICE agent for one peer (RFC 8445, 8838, 8863, 7675): it finds out which pairs of addresses carry packets both
/// ways, agrees with the peer on the best of them, and keeps watching it. Payload is none of its business: the owner
/// sends on `path()` and takes what arrives from the peer on any path (`is_path`).
///
///                 start()               a pair is valid                 nominated
///      waiting --------------> checking ---------------> connected ------------------> completed
///                               |    ^ ^                   |    ^                         |
///                     patience  |    | `---- last path died ----+---- better pair --------'
///                               v    |
///                              failed   (not the end: whatever the peer still sends is answered and tried)
///
/// Bases. A SocketId is the base of a local candidate. Relayed and TCP ones are virtual: the owner wraps and unwraps.
///
/// Time to connect. Both sides are told at 0, one way is 25 ms, both behind NATs that filter by address and port:
///
///      A  |--check--\      /--check--|  B      0 ms   both check; each packet opens the sender's own NAT
///         |          \    /          |        25 ms   … and so passes the other's; both answer
///         |<--answer--\--/--answer-->|        50 ms   both have a valid pair, and use it: one round trip, the floor
///
/// RFC 8445 §12 lets data flow on a valid pair before nomination, so both are connected then. The nomination, sent by
/// the controlling agent at 50 ms, only makes the two agree on one pair where several are valid (75 ms, 100 ms).
///
/// Cargo. A handshake that begins once there is a path comes a round trip late. So what the owner has to say until then
/// rides on the checks and on their answers, between our own agents (the idea of draft-hancke-webrtc-sped): what came
/// with a check is given out before the check is answered, so that the answer already bears the peer's answer. It is
/// as authentic as a check is, and may come twice or never. An address that nobody has heard from yet is sent only
/// little (`most_unproven_cargo`), since a malicious peer can name anybody's.
///
/// Who goes first. A router that keeps a tuple for packets it took for its own (Linux with an open INPUT chain,
/// "accept") gives the later flow of its inside host another port, if the peer's packet reached it before the host's
/// own left. Then the peer's address-and-port filter drops the host's checks, for ever: each repeat keeps the entry
/// alive. B told 60 ms later than A is enough. Neither knows whether it is early, so a check at full hop limit is a
/// bet, won when told at once (above), lost on that pair of sockets for good when told late. Two things keep the bet
/// from costing the connection:
///
///  * Openers: a packet whose hop limit ends between the NATs opens the own one and cannot spoil the other. They leave
///    as soon as the remote candidate is known, before `start`; or rather at the timeout that is due at once, so that
///    an owner who adds, and starts in the same breath, sends none in vain.
///  * A second base that only opens (`Manner::opens`) and checks nobody whom it has not heard. To it nobody was spoilt:
///
///      A1 --check--> B1   0 ms    arrives before B was told: B1 is spoilt for A1
///      A2 --open--> B1    0 ms    dies on the way
///      B1 --check--> A2  60 ms    a pair that nobody spoilt: passes at 85, answered: B has a valid pair at 110, one
///                                 round trip after it was told; A's own check, sent at 85, is answered at 135
///      B1 --check--> A1  60 ms    leaves from another port, dropped
///
///    By the same drawing turned round, A1 reaches B2 when B is early and A the "accept" one. The order of the last two
///    lines matters: once Linux had to take another port for a socket, it takes that one towards everybody new (seen in
///    6.18: checked after A1, A2 was reached from a port that it had not opened for). So the candidates of such a base
///    are worth more (`preference_of`), and every agent checks them first.
///
///    The owner may add such a base from the outset (one socket and one STUN request more), or when asked by
///    `WantsFreshBase`, 150 ms after a start in vain; a round trip to gather and one to signal make that 300 ms. Both
///    sides are asked, and the fresh base of the spoilt side is reached by the old one of the other. A fresh base need
///    not be timed with anybody, so any skew will do.
///
/// TCP (RFC 6544) is for networks without UDP. A host's base that connects goes to the peer's that waits, and bases
/// that do both meet in the middle: each SYN opens its sender's own NAT, and where the two cross there is one
/// connection (simultaneous open). Its checks begin `tcp_after` the start, unless a direct pair over UDP was valid by
/// then, or at once where there is none to try: so it costs no connection where UDP works, and both sides still begin
/// together. A relayed path does not hold it back, since a direct one is better. A connection that a NAT refused is
/// tried again, soon and from the same port; one that nothing answers is repeated by the system.
///
/// Standing still. An agent that is called later than `poll_timeout` said (a busy machine, SIGSTOP, sleep) has asked
/// nobody meanwhile, and has not looked at what came. That time counts neither against a path nor against the peer, nor
/// as a round trip; what was due leaves at once. Not so the consent of foreign agents: RFC 7675 counts by the clock.
///
/// Bounds. `most_candidates` remote ones, 100 pairs (24 over TCP), 16 early checks, 512 transactions; nothing changes
/// without a right MESSAGE-INTEGRITY, and nothing at all on a request that was seen before.
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/ice/check_list.hpp"
#include "natkit/ice/timing.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::ice {
/// Where to send, and what it is worth telling about it.
struct Path {
  SocketId socket{};
  Protocol protocol = Protocol::udp;
  Endpoint remote{};
  Kind local_kind{};
  Kind remote_kind{};
  std::optional<Endpoint> mapped{};  ///< our address as the peer sees it
  std::optional<Duration> rtt{};
  [[nodiscard]] bool is_relayed() const { return local_kind == Kind::relayed || remote_kind == Kind::relayed; }
  [[nodiscard]] bool is_routed() const { return local_kind == Kind::routed; }
  [[nodiscard]] bool is_direct() const { return !is_relayed() && !is_routed(); }
  /// The same way, whatever else became known of it.
  [[nodiscard]] bool is_same_way(const Path& other) const {
    return socket == other.socket && protocol == other.protocol && remote == other.remote;
  }
};

/// Leaves room for a check around it, and for a relay's header around that, in the 1200 bytes that pass everywhere.
inline constexpr std::size_t most_cargo = 1000;
/// With a check to an address that may be a stranger's: as much as a ClientHello needs.
inline constexpr std::size_t most_unproven_cargo = 400;

class Agent {
 public:
  /// Whether other agents on the same sockets go by the same local fragment: then a check is only for the one whose
  /// peer it names.
  enum class Fragment : std::uint8_t { own, shared };
  struct Config {
    Role role = Role::controlling;
    Credentials local;  ///< from `make_credentials`
    Fragment fragment = Fragment::own;
    Timing rfc = rfc_timing();         ///< towards foreign agents
    Timing own = natkit_timing();      ///< towards ours
    Timing tcp = natkit_tcp_timing();  ///< of paths between ours over TCP
    /// From the start on, for UDP alone: the round trip and a half that a check and its repetition take, on a path to
    /// the other side of the earth and back. The same on both sides, so that SYNs cross.
    Duration tcp_after = std::chrono::milliseconds{300};
    /// From the start on, where nothing but TCP can be tried: a SYN that came too early for the other's NAT is repeated
    /// by the system after 1 and 3 s (RFC 6298 §2.1, §5.5).
    Duration tcp_patience = std::chrono::milliseconds{3800};
    /// The round trip to expect, say the sum of both sides' half trips to the server; paces the first repetitions.
    Duration rtt_guess = std::chrono::milliseconds{50};
    /// Of openers: past the own NAT, short of the other. 2 is past one NAT and 3 past two (a home's and the
    /// provider's), and the peer's NAT is hardly ever nearer than its third hop; 4 reached it in the lab.
    std::vector<std::uint8_t> opener_hop_limits{2, 3};
    /// In vain for so long, a base is presumed spoilt: three round trips of 50 ms. Doubles for the next one.
    Duration fresh_base_after = std::chrono::milliseconds{150};
    unsigned most_fresh_bases =
        2;  ///< the same thing over and over helps nobody (97.6 % succeed at once, Trautwein 2025)
  };

  enum class State : std::uint8_t { waiting, checking, connected, completed, failed };
  enum class FailureReason : std::uint8_t {
    no_pairs,   ///< no address of ours goes with one of the peer's
    unheard,    ///< nothing of the peer's arrived: filtered on the way, or it never started
    one_way,    ///< the peer's checks arrived, but never an answer to ours
    path_lost,  ///< it was connected, and no path is left
  };

  /// Send there from now on. Comes again whenever the path changes.
  struct PathSelected {
    Path path;
  };
  /// The path in use died; a PathSelected follows at once if there is another.
  struct PathLost {
    Path path;
  };
  /// Both agree on the selected path.
  struct Completed {};
  struct Failed {
    FailureReason why{};
  };
  /// Open another socket of this family, gather on it, and add its candidates with `Manner::opens`.
  struct WantsFreshBase {
    Family family{};
  };
  /// The peer comes from an address that nobody announced.
  struct PeerReflexiveFound {
    Candidate candidate;
  };
  using Event = std::variant<PathSelected, PathLost, Completed, Failed, WantsFreshBase, PeerReflexiveFound>;

  Agent(Config config, Rng& rng);

  /// Before `set_remote`, where what the configuration says was a guess.
  void set_role(Role role);
  void set_rtt_guess(Duration guess) { config_.rtt_guess = guess; }
  /// Not to be told as failed before: more addresses are to come, for which others are tried first.
  void wait_until(Instant until) { patient_until_ = until; }
  /// Candidates may be added at any time (trickle). Those of other components are passed over.
  void add_local(Instant now, const LocalCandidate& local);
  void add_remote(Instant now, const Candidate& remote);
  void end_local(Instant now);   ///< no more of ours
  void end_remote(Instant now);  ///< no more of the peer's
  /// The socket is closed, or its network gone.
  void remove_base(Instant now, SocketId base);
  /// This way is known to have ended, and no other by that (a router left, a relay was given up): where it was in use,
  /// the best of the others that are valid is from this call on, and no round trip is spent on doubting them.
  void remove_local(Instant now, SocketId base);
  /// Checks that came before are taken up now. To be called once between restarts.
  void set_remote(Instant now, const Credentials& credentials, Dialect dialect);
  /// The instant from which on checks leave at full hop limit. Best the same one on both sides.
  void start(Instant now);
  /// New credentials, and all anew (RFC 8445 §9); bases stay, and so does the path until a new one is found.
  void restart(Instant now, const Credentials& local);

  /// Until further notice this rides on checks of pairs that are not valid yet, and on answers. Empty: nothing does;
  /// nor does what is longer than `most_cargo`.
  void set_cargo(Bytes cargo);
  /// What rides on this datagram, if it is the peer's; to be asked before it is handed in.
  [[nodiscard]] Bytes cargo_in(const Datagram& in) const;

  /// False: not for this agent.
  bool handle_datagram(Instant now, const Datagram& in);
  /// ICMP, which anybody can forge: changes nothing but what `Failed` may be told with.
  void handle_path_error(Instant now, const PathError& error);
  /// The system would not send it, or the TCP connection failed: the pair failed.
  void handle_send_failure(Instant now, const Datagram& lost);
  /// Payload that the owner knows to be the peer's came that way: a path with a long queue is not taken for dead.
  void note_payload(Instant now, SocketId socket, const Endpoint& remote);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] Dialect dialect() const { return dialect_; }
  [[nodiscard]] const Credentials& credentials() const { return local_; }
  [[nodiscard]] const std::optional<Path>& path() const { return path_; }
  /// Whether a datagram from there is the peer's, as far as an address can tell.
  [[nodiscard]] bool is_path(SocketId socket, const Endpoint& remote) const;
  [[nodiscard]] bool owns(const stun::TransactionId& id) const { return sent_.contains(id); }
  [[nodiscard]] const std::vector<Pair>& pairs() const { return list_.pairs(); }
  [[nodiscard]] const std::vector<Candidate>& remotes() const { return remotes_; }
  [[nodiscard]] const std::vector<PathError>& path_errors() const { return path_errors_; }

 private:
  struct Sent {
    PairId pair{};
    Instant at{};
    Role role{};
    std::optional<std::uint16_t> nomination{};
  };
  struct EarlyCheck {
    SocketId socket{};
    Protocol protocol{};
    Endpoint remote{};
    std::string sender;  // its fragment, which the peer's credentials will confirm or not
    Check check;
  };
  /// What still answers the old credentials after a restart.
  struct Previous {
    Credentials local;
  };

  // agent.cpp
  [[nodiscard]] const Timing& timing() const { return dialect_ == Dialect::natkit ? config_.own : config_.rfc; }
  void pair_up(const LocalCandidate& local, const Candidate& remote);
  void forget_base(SocketId base);
  void learn_dialect(Dialect dialect);
  void switch_role();
  void advance(Instant now);
  /// To be called before anything changes.
  void note_call(Instant now);
  void excuse(Instant now, Duration standstill);

  // agent_checks.cpp
  [[nodiscard]] bool may_check() const { return started_at_ && remote_; }
  [[nodiscard]] bool may_go_on() const;
  [[nodiscard]] std::optional<Instant> tcp_due() const;
  [[nodiscard]] bool tries(Protocol protocol) const;
  [[nodiscard]] Over protocols(Instant now) const;
  [[nodiscard]] std::optional<Instant> ordinary_due() const;
  void run_openers(Instant now);
  void run_checks(Instant now);
  void begin_check(Instant now, Pair& pair);
  void begin_recheck(Instant now, Pair& pair);
  void send_check(Instant now, Pair& pair);
  void repeat_check(Instant now, Pair& pair);
  void send_opener(Instant now, Pair& pair);
  void run_watches(Instant now);
  [[nodiscard]] const Timing& watch_timing(const Pair& pair) const;
  void give_up(Instant now, Pair& pair);
  void give_up(Instant now, Pair& pair, Duration pause);
  void lose_connection(Instant now, Pair& pair);
  void remember(const stun::TransactionId& id, const Sent& sent);
  [[nodiscard]] Duration rto(const Pair& pair) const;
  [[nodiscard]] Duration wait_after(const Pair& pair) const;
  [[nodiscard]] unsigned most_sends(const Pair& pair) const;
  [[nodiscard]] ByteView cargo_for(const Pair& pair) const;
  [[nodiscard]] std::optional<Instant> pair_due(const Pair& pair) const;
  [[nodiscard]] bool wants_opener(const Pair& pair) const;
  [[nodiscard]] bool is_worth_retrying(const Pair& pair) const;

  // agent_messages.cpp
  bool handle_request(const Datagram& in, const stun::Message& request);
  void handle_check(SocketId socket, Protocol protocol, const Endpoint& remote, const Check& check);
  void handle_answer(Instant now, const Datagram& in, const stun::Message& answer);
  void succeed(Instant now, Pair& pair, const Sent& sent, const stun::Message& answer);
  void send_back(const Datagram& in, Bytes payload);
  [[nodiscard]] bool is_of_peer(const Datagram& in, const stun::Message& message) const;
  [[nodiscard]] bool keeps_role(const Check& check) const;
  [[nodiscard]] Pair* pair_of_check(SocketId socket, Protocol protocol, const Endpoint& remote, const Check& check);
  [[nodiscard]] Candidate* remote_of_check(const LocalCandidate& local, const Endpoint& remote, const Check& check);
  [[nodiscard]] bool has_place_for_met();
  [[nodiscard]] bool is_repeated(const stun::TransactionId& id);

  // agent_choice.cpp
  void choose(Instant now);
  void nominate(Instant now);
  void select(Instant now, Pair& pair);
  /// Whether what killed the path may have killed others.
  enum class Others : std::uint8_t { doubted, trusted };
  void lose_path(Instant now, Others others = Others::doubted);
  void doubt_all(Instant now);
  void judge(Instant now);
  void want_fresh_base(Instant now);
  [[nodiscard]] std::uint64_t worth(const Pair& pair) const;
  [[nodiscard]] Pair* best_valid();
  [[nodiscard]] Pair* chosen();
  [[nodiscard]] bool has_hope_above(const Pair& pair) const;
  [[nodiscard]] std::optional<Instant> nomination_due() const;
  [[nodiscard]] bool is_path(const Pair& pair) const;
  [[nodiscard]] Kind remote_kind(const Pair& pair) const;
  [[nodiscard]] std::optional<Family> spoilt_family() const;
  [[nodiscard]] unsigned fresh_bases() const;
  [[nodiscard]] std::optional<Instant> fresh_base_due() const;
  [[nodiscard]] std::optional<Instant> verdict_due() const;
  [[nodiscard]] FailureReason failure() const;

  Config config_;
  Rng& rng_;
  Role role_;
  std::uint64_t tie_breaker_;
  Dialect dialect_ = Dialect::rfc;
  State state_ = State::waiting;
  Credentials local_;
  std::optional<Credentials> remote_;
  std::optional<Previous> previous_;
  std::vector<LocalCandidate> locals_;
  std::vector<Candidate> remotes_;
  unsigned met_ = 0;  // where nobody had announced it
  bool locals_complete_ = false;
  bool remotes_complete_ = false;
  std::optional<Instant> started_at_;
  Instant called_at_{};                    // last
  std::optional<Instant> began_at_;        // started, and the peer's credentials there
  std::optional<Instant> checking_since_;  // that, or the last path lost; unset while there is a path
  std::optional<Instant> patient_until_;
  bool was_connected_ = false;

  CheckList list_;
  std::deque<PairId> triggered_;
  std::map<stun::TransactionId, Sent> sent_;
  std::deque<stun::TransactionId> sent_order_;  // oldest first, for the bound
  std::deque<stun::TransactionId> seen_;        // of requests, oldest first
  std::vector<EarlyCheck> early_;
  Pacer pacer_;
  Pacer opener_pacer_;

  std::optional<Path> path_;
  std::optional<Instant> first_valid_at_;
  std::uint16_t nominations_ = 0;     // given out as the controlling agent
  std::optional<PairId> nominating_;  // not confirmed yet
  unsigned fresh_bases_ = 0;
  std::vector<PathError> path_errors_;

  Bytes cargo_;
  std::deque<Datagram> outgoing_;
  std::deque<Event> events_;
};
}  // namespace natkit::ice
