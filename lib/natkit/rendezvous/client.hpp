#pragma once
/// A client of the meeting place: registers with one of its servers, opens places there (a room, a name to listen
/// under, a name to connect to), hears of peers, and carries descriptions and candidates between them.
///
///   idle --start()--> choosing --a server says welcome--> registering --> registered
///                        ^  |                                                |  the connection ends
///                        |  `--all silent, refused or foreign--> over        v
///                        `------------- back-off, for as long as it takes --- away
///
/// Choosing: all servers are tried at once. The first of the list that answers properly is used; a later one only when
/// those before it have failed, or 400 ms after its answer. (Whoever answers first would be quicker, and would leave
/// two clients waiting for each other on two servers.)
///
/// A session outlives its connection: what is asked of this machine while it is away is sent later, and what the server
/// said meanwhile arrives. `Resumed` says whether the server still knew the session; when it did not (it was started
/// anew) all places are opened again by themselves, and running attempts go on without the server.
///
/// The server is not trusted with more than it needs: what is in a description should be sealed (seal.hpp).
/// `poll_event` is to be drained after every input.
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/rendezvous/message.hpp"
#include "natkit/rendezvous/reason.hpp"
#include "natkit/rendezvous/service.hpp"

namespace natkit::rendezvous {
struct RegisteredAt {
  Endpoint server{};
  Endpoint seen_as{};  ///< this host's address, as that server sees it
  std::optional<Duration> round_trip{};
  std::vector<Service> services{};  ///< what else this host may use; each with its address
  /// Until then relays may be asked with these names; new ones come before (`NewServices`). None: they do not end.
  std::optional<Instant> services_end{};
  std::string signer{};  ///< the fingerprint of the key that it signs decisions with; empty: it signs none
};
/// In place of the ones told before: their names end, or another server answers.
struct NewServices {
  std::vector<Service> services{};
  std::optional<Instant> services_end{};
};
/// The two are told in the same instant. A place is used up by it, and found again after `describe`.
struct FoundPeer {
  PlaceId place{};
  AttemptId attempt{};
  Role role{};
  std::string peer{};  ///< its id; what the server says, until the peer proves it
  Purpose peer_purpose{};
  Endpoint peer_address{};
  std::string description{};
  Instant start{};  ///< the same instant on both sides, give or take how uneven the ways to the server are
};
struct RemoteCandidate {
  AttemptId attempt{};
  std::string text{};
};
struct RemoteRestart {
  AttemptId attempt{};
  std::string description{};
};
struct PeerLeft {
  AttemptId attempt{};
  Reason reason{};
};
/// Something will not come about; see `finality`. Without a place: nothing at all will, and the machine is finished.
struct NotPossible {
  std::optional<PlaceId> place{};
  std::optional<AttemptId> attempt{};  ///< already_in_progress: the one to wait for
  Finality finality = Finality::final;
  Error error{};  ///< its reason is one of `Reason`'s names
  Reason reason{};
};
/// The connection ended; the machine tries to come back.
struct ServerLost {
  Endpoint server{};
  std::string why{};
};
struct Resumed {
  Endpoint server{};
  Registered::Session session{};  ///< fresh: the server had forgotten
};
// --- sessions of many (directory.hpp)
/// A row stands there: after `publish`, and after the server came back. Not told of every refresh.
struct RowStands {
  std::string session{};
  std::uint64_t epoch = 0;
  Duration ttl{};
  std::map<std::string, double> failed_to_host{};  ///< of those entry points that were reported; who would host worse
};
/// With `Finality::passing` it is tried again by itself; `unanswered`: there is no directory, or it fell silent.
struct RowRefused {
  std::string session{};
  std::uint64_t epoch = 0;
  DirectoryRefusal refusal{};
  Finality finality{};
};
/// Withdrawn, or it was gone already.
struct RowGone {
  std::string session{};
};
/// The number of a question to the directory.
enum class QuestionId : std::uint32_t {};
/// In order; all pages, as many rows as were asked for.
struct FoundRows {
  QuestionId question{};
  std::vector<Entry> rows{};
};
/// Not the same as no rows.
struct NotAnswered {
  QuestionId question{};
  DirectoryRefusal refusal{};
};
struct WitnessSaid {
  std::string session{};
  std::string text{};
};
/// The server knows that this client waits for a match, and how many others do; told when that number changes.
struct StillSeeking {
  QuestionId question{};
  std::uint32_t waiting = 0;  ///< for the same, this one included
};
struct ReportHeard {
  QuestionId question{};
  ReportStanding standing{};
};
struct FoundMatch {
  QuestionId question{};
  Match match{};
  /// The server's word, to be shown to others; it is signed by `RegisteredAt::signer`, and is what `match` was read
  /// from. None: a server that signs nothing.
  std::optional<SignedMatch> signed_match{};
  std::optional<turn::UnixTime> decided{};
};
using ClientEvent = std::variant<RegisteredAt, FoundPeer, RemoteCandidate, RemoteRestart, PeerLeft, NotPossible,
                                 ServerLost, Resumed, NewServices, RowStands, RowRefused, RowGone, FoundRows,
                                 NotAnswered, WitnessSaid, StillSeeking, FoundMatch, ReportHeard>;

class ServerConnection;

class Client {
 public:
  struct Config {
    std::vector<Endpoint> servers{};    ///< by preference; at least one
    std::map<Endpoint, TlsWish> tls{};  ///< those of them that are reached over TLS
    std::string id;                     ///< of this client: the fingerprint of its key
    std::string token{};  ///< known to this client alone, and the same after a restart; empty: drawn, for this run only
    Duration patience = std::chrono::seconds{5};            ///< for a server to answer
    Duration preference = std::chrono::milliseconds{400};   ///< for an earlier server, when a later one has answered
    Duration first_pause = std::chrono::milliseconds{100};  ///< before coming back; doubles
    Duration longest_pause = std::chrono::seconds{5};
    std::optional<Duration> give_up{};  ///< after being away for so long; none: never
    /// Invents the ids of its sockets from here on.
    SocketId first_socket{0x2000'0000U};
  };

  Client(Config config, Rng& rng);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  struct Wish {
    Purpose purpose{};
    std::string name;
    /// None: hold the name only; nobody is matched before `describe`.
    std::optional<std::string> description{};
    /// For the other side; then NotPossible. None: as long as it takes (a connector: not at all).
    std::optional<Duration> wait{};
  };
  PlaceId open(Instant now, Wish wish);
  void describe(Instant now, PlaceId place, std::string description);
  void close(Instant now, PlaceId place);
  void send_candidate(Instant now, AttemptId attempt, std::string text);
  void send_restart(Instant now, AttemptId attempt, std::string description);
  void report(Instant now, AttemptId attempt, Outcome outcome, std::string path = {});
  void send_bye(Instant now, AttemptId attempt, Reason reason);

  /// Writes a session's row, and refreshes it at a third of its life from here on, until `withdraw`, `release` or a
  /// final RowRefused. To be called again when something in it changes, `old_host` after a take-over. Over another
  /// connection or at a server that was started anew it is written again by itself.
  void publish(Instant now, Row row, std::string token, HostEnd old_host = HostEnd::not_said);
  /// The session is over: its row goes.
  void withdraw(Instant now, const std::string& session);
  /// Another one hosts now: the row stays, and is its affair.
  void release(const std::string& session);
  /// Answered once, by FoundRows or NotAnswered, within `patience` of its being asked or of the server's return.
  QuestionId find(Instant now, Query query);
  /// Waits for others who want the same, until FoundMatch, NotAnswered or `stop_seeking`; through losses of the server
  /// too. One at a time: another one takes its place. NotAnswered `unanswered`: this server matches nobody;
  /// `not_signed`: what it told is not by the key that it named.
  QuestionId seek(Instant now, Seeker seeker);
  void stop_seeking(Instant now);
  /// Says what is to be said of a member of a session; answered once, by ReportHeard or NotAnswered.
  QuestionId report_member(Instant now, Report report);
  /// May be lost: nothing is said while the server is away, and nothing is said again.
  void send_witness(Instant now, const std::string& session, std::string text);

  /// Tells the server, so that peers hear at once; the machine is finished when that is sent.
  void leave(Instant now);

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<ClientEvent> poll_event();

  [[nodiscard]] bool is_registered() const { return state_ == State::registered; }
  /// Whether this socket is one of this machine's, for owners that route.
  [[nodiscard]] bool owns(SocketId socket) const;

 private:
  enum class State : std::uint8_t { idle, choosing, registering, registered, away, over };
  struct Place;
  struct Session;
  struct Sessions;
  struct Publication;
  struct Question;

  // client.cpp: servers and connections
  void dial_all(Instant now);
  void choose(Instant now);
  void use(Instant now, ServerConnection& chosen);
  void fail(Instant now);
  void fail_connection(Instant now, ServerConnection& connection, Reason reason, std::string detail);
  [[nodiscard]] static Instant silence_limit(const ServerConnection& connection);
  void retry_later(Instant now);
  void end(Reason reason, std::string detail);
  void handle_silence(Instant now);
  void send(const ServerConnection& connection, const Message& message);
  void transmit(const ServerConnection& connection, std::string_view line);
  void transmit_pending();
  void dial(Instant now, const Endpoint& server);
  [[nodiscard]] ServerConnection* find(SocketId socket);

  // client_session.cpp: what is said over the one that is used
  void handle_line(Instant now, ServerConnection& connection, std::string_view line);
  void handle_used(Instant now, ServerConnection& connection, const Message& message);
  void handle(Instant now, const Registered& message);
  template <class Told>
  [[nodiscard]] NewServices take_services(Instant now, const Told& told) const;
  void handle_numbered(Instant now, const Message& message);
  void handle_found(Instant now, const PeerFound& message);
  void handle_refused(const Refused& message);
  void reopen(Instant now);
  void post(Instant now, const Message& message);
  [[nodiscard]] static Open opening(Instant now, PlaceId id, const Place& place);
  void handle_waits(Instant now);

  // client_directory.cpp: sessions of many
  [[nodiscard]] bool handle_of_sessions(Instant now, const Message& message);
  void handle(Instant now, const Published& message);
  void handle(const Withdrawn& message);
  void handle(Instant now, const DirectoryRefused& message);
  void handle(Instant now, const Rows& message);
  void handle_publish_refused(Instant now, const DirectoryRefused& message);
  void say(Instant now, const Message& message);
  void say_row(Instant now, Publication& publication);
  void ask(Instant now, QuestionId id, Question& question);
  void ask_all(Instant now);
  void say_sessions_again(Instant now);
  void give_questions_up();
  void handle_sessions_time(Instant now);
  [[nodiscard]] std::optional<Instant> next_of_sessions() const;

  // client_matches.cpp: somebody to play with
  void handle(Instant now, const Seeking& message);
  void handle(const Matched& message);
  void handle(const ReportTaken& message);
  void say_seek(Instant now);
  void say_reports(Instant now);
  void give_seek_up(DirectoryRefusal refusal);
  void handle_seek_time(Instant now);

  Config config_;
  Rng& rng_;
  State state_ = State::idle;
  std::deque<std::unique_ptr<ServerConnection>> connections_;  // by preference
  ServerConnection* used_ = nullptr;
  std::uint32_t sockets_made_ = 0;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Sessions> sessions_;
  bool was_registered_ = false;
  std::optional<Instant> next_try_;
  std::optional<Instant> away_since_;
  Duration pause_{};
  std::deque<Datagram> out_;
  std::deque<SocketChange> wishes_;  // to be heard before anything is sent
  std::deque<ConnectionEnd> ends_;
  std::deque<ClientEvent> events_;
};
static_assert(SansIo<Client> && OpensSockets<Client> && HearsConnections<Client> && HearsSendFailure<Client>);
}  // namespace natkit::rendezvous
