#pragma once
/// The meeting place: clients register, say under which name they want to meet whom, and are told of each other in the
/// same instant. What they then tell each other it carries and never looks into.
///
///   connection:  greeting --hello--> greeted --register--> registered            (no bytes, no register: 10 s)
///   session:     present <--connection ends / token comes back--> away --15 s--> over
///   place:       waiting --other side there--> asking --both answer a ping--> used up --describe--> waiting
///   attempt:     asking --> running --both report connected--> established       (bye, failed, 60 s: over)
///                   `--2 s of silence--> over: target-unresponsive, to both sides
///
/// Told at once and starting at once: `start_in` of each side is the larger half round trip of the two less its own, so
/// whoever is near waits for the news to reach who is far. Round trips are measured by pings on the connection.
///
/// Rules that a reader of the code would ask for:
///  - A room is for two. A third present client gets `rejected`, unless one of the two is away and cannot object.
///  - A name to listen under belongs to who holds it, until 15 s after its connection ended; others get
///    `authentication-failed`. The same token is the same client, from wherever it comes; the earlier connection is
///    closed.
///  - Connectors are served in order of arrival, one description of the listener each. Who listens under one name in
///    several places has as many descriptions there: so many connectors need not wait for a new one.
///  - Nobody is matched with its own id.
///  - Two clients have one attempt at a time, whoever asked; a second place that would begin another one is closed with
///    `already-in-progress` and the attempt's name. (Clients, not ids: those are only claimed here, and whoever claims
///    two of them must not stand in the way of the two.)
/// Everything a stranger can make grow has a limit here; beyond it the answer is `server-full` or the end of the
/// connection.
///
/// Over TCP only: the driver binds the listeners, and tells of ended connections by `handle_send_failure`.
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/rendezvous/ban_list.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/message.hpp"
#include "natkit/rendezvous/offer.hpp"
#include "natkit/rendezvous/store.hpp"
#include "natkit/rendezvous/witness.hpp"
#include "natkit/stun/token_bucket.hpp"

namespace natkit::rendezvous {
struct ServerCounters {
  std::uint64_t registered = 0;    ///< sessions, since the start
  std::uint64_t resumed = 0;       ///< sessions that came back over another connection
  std::uint64_t matched = 0;       ///< attempts of which both sides were told
  std::uint64_t connected = 0;     ///< of these, both sides said so
  std::uint64_t failed = 0;        ///< ended before
  std::uint64_t unresponsive = 0;  ///< a side did not answer
  std::uint64_t refused = 0;       ///< places
  std::uint64_t dismissed = 0;     ///< connections that broke a rule, or were too many
  std::uint64_t relayed = 0;       ///< candidates and restarts
  std::uint64_t witnessed = 0;     ///< questions to the witness that it answered
};

class Server {
 public:
  struct Limits {
    std::size_t connections = 20000;          ///< with what they say before they are registered
    std::size_t sessions = 20000;             ///< present and away
    std::size_t sessions_per_address = 1000;  ///< a carrier's NAT; an IPv6 /64 counts as one. io bounds connections
    std::size_t places = 64;                  ///< of one session: a mesh dials its members at once
    std::size_t attempts = 64;                ///< of one session
    std::size_t queued = 64;                  ///< connectors that wait for one name
    std::size_t gathered = 128;               ///< places of those who gather under one name
    std::size_t name_bytes = 128;
    std::size_t description_bytes = 16384;  ///< some 100 candidates, sealed
    std::size_t candidate_bytes = 2048;
    std::size_t unheard_bytes = 131072;  ///< kept for one client until it has heard of them
    /// Descriptions, unheard messages and unfinished lines of all clients.
    std::size_t bytes = std::size_t{256} << 20U;
    stun::BucketSize messages{.burst = 400, .per_second = 50};  ///< from one connection: a burst of candidates
    stun::BucketSize line_bytes{.burst = 262144, .per_second = 32768};
    /// Of rows and the like to one connection; beyond it questions are refused. Some thirty pages at once: 1000
    /// sessions.
    stun::BucketSize answer_bytes{.burst = 1048576, .per_second = 131072};
  };
  struct Config {
    Limits limits{};
    Duration greeting = std::chrono::seconds{10};       ///< from the first byte to `register`; and for each line to end
    Duration ping_interval = std::chrono::seconds{15};  ///< below the 30 s after which some NATs forget TCP's silence
    unsigned missed_pings = 2;                          ///< then the connection counts as lost: after 30–45 s
    Duration grace = std::chrono::seconds{15};          ///< how long a session outlives its connection
    /// … while its attempt is running, and a peer waits: who can come back needs three round trips, and the peer gives
    /// up by itself after 1.8 s (ice/timing.hpp), with a reason that says less.
    Duration attempt_grace = std::chrono::seconds{1};
    Duration patience = std::chrono::seconds{2};           ///< for the answer to a ping, when there is somebody to meet
    Duration freshness = std::chrono::seconds{1};          ///< who answered a ping so recently is not asked again
    Duration attempt_lifetime = std::chrono::seconds{60};  ///< until both sides are connected
    Duration longest_wait = std::chrono::hours{24};
    Offer::Config offer{};                       ///< what else clients may use
    Directory* directory = nullptr;              ///< borrowed; without one there are no rows here
    Witness* witness = nullptr;                  ///< borrowed; without one nobody is answered
    Matchmaker* matchmaker = nullptr;            ///< borrowed; without one nobody is matched
    Reports* reports = nullptr;                  ///< borrowed; without it no reports are taken
    std::optional<crypto::Identity> identity{};  ///< signs decisions; without one they are not signed
    BanList bans{};                              ///< who is on it does not get in
  };

  /// The store is borrowed, and used by this machine alone.
  Server(const Config& config, Store& store, Rng& rng);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Whether this is for here: a connection that is known, or one that begins as ours do ('{'). STUN begins with two
  /// zero bits, TLS with 0x16. ChannelData may begin with '{' too (0x7B, among RFC 5766's channels), but never a
  /// connection: a relay on the same port is asked first about connections with a relayed address.
  [[nodiscard]] bool wants(const Datagram& in) const;
  /// Whether a registered client is on this accepted connection: it may be quiet, since it is pinged.
  [[nodiscard]] bool needs_connection(SocketId listener, const Endpoint& local, const Endpoint& remote) const;

  void start(Instant) {}
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// Its clock and its secret. After a change of these all clients are given new names with the next ping.
  [[nodiscard]] Offer& offer() { return offer_; }
  void renew_offers();
  /// In place of those before; who is here and on it is dismissed.
  void replace_bans(Instant now, BanList bans);

  /// Tells all clients that this server goes down.
  void announce_end();

  [[nodiscard]] const ServerCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] std::size_t attempts() const { return attempts_.size(); }
  /// Kept for clients, as `Limits::bytes` counts.
  [[nodiscard]] std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Path {
    SocketId socket{};
    Endpoint local{};
    Endpoint remote{};
    auto operator<=>(const Path&) const = default;
  };
  enum class ConnectionId : std::uint64_t {};
  struct Connection;
  struct Place;
  struct Session;
  struct Attempt;
  struct AlarmKey {
    enum class Kind : std::uint8_t { connection, session, place, attempt, attempt_away } kind{};
    std::uint64_t owner = 0;
    PlaceId place{};
    auto operator<=>(const AlarmKey&) const = default;
  };
  struct AlarmTable;
  using Token = std::array<std::uint8_t, 32>;
  using Pair = std::pair<SessionId, SessionId>;  // the lesser first

  // server.cpp: connections and what arrives on them
  [[nodiscard]] Connection* connection_of(Instant now, const Datagram& in);
  void keep_part(Instant now, Connection& connection);
  void handle_line(Instant now, ConnectionId id, std::string_view line);
  void handle_message(Instant now, Connection& connection, const Message& message);
  void handle_numbered(Instant now, Connection& connection, const Message& message);
  void set_connection_alarm(Connection& connection);
  void match_places(Instant now, const Session& session);
  void match_gathering(Instant now, const std::vector<Seat>& seats);
  [[nodiscard]] bool have_met(const Seat& a, const Seat& b) const;
  void handle_connection_alarm(Instant now, ConnectionId id);
  void ping(Instant now, Connection& connection);
  void handle_pong(Instant now, Connection& connection, const Pong& pong);
  void send(const Connection& connection, const Message& message);
  void transmit(const Connection& connection, std::string_view line);
  [[nodiscard]] Registered welcome_in(Instant now, const Connection& connection, Session& session);
  void renew_offer(Instant now, const Connection& connection);
  void dismiss(Instant now, ConnectionId id, Reason reason, const std::string& detail);
  void end_path(const Path& path);
  void forget_connection(ConnectionId id);
  void end_doomed(Instant now);

  // server_sessions.cpp: who is registered, and where
  void handle(Instant now, Connection& connection, const Register& message);
  [[nodiscard]] std::optional<std::string> find_shortage(const IpAddress& household) const;
  void resume(Instant now, Connection& connection, Session& session);
  void leave_connection(Instant now, Session& session);
  void end_session(Instant now, SessionId id, Reason reason);
  void post(Session& session, const Message& message);
  /// False when it cannot have heard that.
  [[nodiscard]] bool forget_heard(Session& session, std::uint64_t heard);
  void hear_of(Session& session, std::uint64_t heard);
  void handle(Instant now, Session& session, const Open& message);
  [[nodiscard]] std::optional<Refused> find_objection(Instant now, Session& session, const Open& message);
  [[nodiscard]] std::optional<Refused> find_objection_in_room(Instant now, Session& session, const Open& message);
  [[nodiscard]] std::optional<Refused> find_objection_to_listener(Instant now, Session& session, const Open& message);
  [[nodiscard]] std::optional<Refused> find_objection_to_connector(Session& session, const Open& message);
  void handle(Instant now, Session& session, const Describe& message);
  void describe(Place& place, std::optional<std::string> description);
  void handle_wait_over(Instant now, SessionId id, PlaceId number);
  void refuse_place(Instant now, Session& session, PlaceId place, Refused refusal);
  void close_place(Instant now, Session& session, PlaceId number);

  // server_directory.cpp: sessions of many
  [[nodiscard]] bool handle_of_sessions(Instant now, Connection& connection, const Message& message);
  void handle(Instant now, Connection& connection, const Publish& message);
  void handle(Instant now, Connection& connection, const Withdraw& message);
  void handle(Instant now, Connection& connection, const Find& message);
  void handle(Instant now, Connection& connection, const WitnessText& message);
  void answer(Instant now, Connection& connection, const Message& message);
  void ask_for_life(Instant now, const std::vector<Entry>& entries);

  // server_matches.cpp: who looks for somebody to play with
  void handle(Instant now, Connection& connection, const Seek& message);
  void handle(Connection& connection, const Unseek& message);
  void handle(Instant now, Connection& connection, const ReportMember& message);
  void stop_seeking(Session& session);
  void tell_matches(Instant now);

  // server_attempts.cpp: who meets whom
  [[nodiscard]] bool is_matchable(const Seat& seat) const;
  [[nodiscard]] bool is_there(const Seat& seat) const;
  void match(Instant now, const NameKey& key);
  void match_room(Instant now, const std::vector<Seat>& seats);
  void match_listener(Instant now, const std::vector<Seat>& seats);
  [[nodiscard]] bool try_pair(Instant now, const Seat& earlier, const Seat& later);
  void ask(Instant now, const Seat& a, const Seat& b);
  [[nodiscard]] bool is_fresh(const Session& session, const Attempt& attempt) const;
  void begin_if_fresh(Instant now, AttemptId id);
  void begin(Instant now, AttemptId id);
  void handle_unanswered(Instant now, AttemptId id);
  void abandon_asking(AttemptId id);
  void end_attempt(AttemptId id, Reason reason, std::optional<SessionId> leaver);
  void drop_attempt(AttemptId id);
  void handle_away(AttemptId id);
  void make_room_for_attempt(Session& session);
  [[nodiscard]] Session* peer_in(AttemptId id, const Session& session);
  void handle(Session& session, const Candidate& message);
  void handle(Session& session, const Restart& message);
  void handle(Session& session, const Bye& message);
  void handle(Session& session, const AttemptResult& message);

  [[nodiscard]] Session* find_session(SessionId id);
  [[nodiscard]] const Session* find_session(SessionId id) const;
  [[nodiscard]] Connection* find_connection(ConnectionId id);

  Config config_;
  Offer offer_;
  Store& store_;
  Rng& rng_;
  std::unordered_map<ConnectionId, Connection> connections_;  // numbered by us: nobody can choose a bucket
  std::map<Path, ConnectionId> by_path_;
  std::unordered_map<SessionId, Session> sessions_;
  std::map<std::string, SessionId> by_peer_;  // the last one of each client
  std::map<Token, SessionId> by_token_;       // by the hash of the token, so that comparing tells nothing
  std::map<IpAddress, std::size_t> per_household_;
  std::unordered_map<AttemptId, Attempt> attempts_;
  std::map<Pair, AttemptId> in_progress_;
  std::unique_ptr<AlarmTable> alarms_;
  std::vector<std::pair<SessionId, std::string>> doomed_;  // to be ended when the input is dealt with, and why
  std::deque<Datagram> out_;
  std::deque<Path> ends_;  // when the last words are on their way
  std::set<Path> ending_;  // the same
  std::uint64_t connections_made_ = 0;
  std::uint64_t sessions_made_ = 0;
  std::size_t kept_bytes_ = 0;
  ServerCounters counters_;
};
static_assert(SansIo<Server> && OpensSockets<Server> && HearsSendFailure<Server>);
}  // namespace natkit::rendezvous
