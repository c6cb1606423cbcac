#pragma once
/// What client and server say to each other: one JSON object a line, over TCP or TLS.
///
///   client                                             server
///   {"type":"hello","version":1}                  ──>
///                                                 <──  {"type":"welcome","version":1,"address":"203.0.113.7:4000",…}
///   {"type":"register","id":…,"token":…}          ──>
///                                                 <──  {"type":"registered","session":"fresh","heard":0,
///                                                       "services":[{"service":"stun","transport":"udp"},…],…}
///   {"type":"open","place":1,"purpose":"pair",
///    "name":"den","description":"…"}              ──>
///                                                 <──  {"type":"peer-found","attempt":"9f…","start_in_ms":12.5,…}
///   {"type":"candidate","attempt":"9f…",…}        <─>  {"type":"candidate",…}       from one peer to the other
///   {"type":"result","attempt":"9f…",…}           ──>
///
/// Unknown types and keys are passed over, so that either side may be newer; known ones must be right. What is in a
/// description or a candidate is the clients' affair: to the server they are text.
///
///   {"type":"publish","row":{"session":…},"token":…} ──>                       rows of the directory (directory.hpp)
///                                                 <──  {"type":"published","session":…,"epoch":1,"ttl_ms":30000}
///   {"type":"find","question":1,"game":"chess"}   ──>
///                                                 <──  {"type":"rows","question":1,"rows":[{…}]}
///   {"type":"witness","session":…,"text":…}       <─>  {"type":"witness",…}         (witness.hpp)
///   {"type":"seek","question":2,"players":4,…}    ──>                              a match (matchmaker.hpp)
///                                                 <──  {"type":"seeking","question":2,"waiting":3}
///                                                 <──  {"type":"matched","question":2,"session":…,"players":[{…}],
///                                                       "decision":{"text":…,"certificate":…,"signature":…}}
///
/// Messages about places and attempts are numbered from 1 by both ends, silently. Each end keeps what it sent until
/// the other one has "heard" it, and sends it again over the next connection: a session outlives its connection, and
/// nothing is lost or doubled between. The others (marked "of the connection") are not numbered. What is said of rows
/// and to the witness is of the connection too: it is said again anyway, and a server of before that time passes over
/// it.
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/rendezvous/decision.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/matchmaker.hpp"
#include "natkit/rendezvous/reason.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "natkit/rendezvous/service.hpp"
#include "natkit/rendezvous/witness.hpp"

namespace natkit::rendezvous {
inline constexpr unsigned protocol_version = 1;
/// Of one server: two families, three transports, three kinds, and a few relays elsewhere.
inline constexpr std::size_t most_services = 32;

/// A client's own number for one thing that it wants here, never used again in a session.
enum class PlaceId : std::uint32_t {};
/// The server's name for one try of two clients to connect; on the wire 16 hexadecimal digits.
enum class AttemptId : std::uint64_t {};
[[nodiscard]] std::string to_text(AttemptId attempt);

enum class Purpose : std::uint8_t {
  pair,     ///< both sides use the same name, a room for two
  listen,   ///< be found under a name, again and again
  connect,  ///< find who listens under it
  gather,   ///< meet everybody who gathers under it: at each place one after the other, nobody twice
};
[[nodiscard]] std::string_view to_text(Purpose purpose);  ///< "pair", "listen", "connect", "gather"

/// Of ICE; the controlling side is the client of DTLS as well. It is the one whose id is the greater text, so that both
/// know it and no order of arrival matters.
enum class Role : std::uint8_t { controlling, controlled };
[[nodiscard]] std::string_view to_text(Role role);  ///< "controlling", "controlled"

enum class Outcome : std::uint8_t { connected, failed };
/// Whether a refusal ends what it is about.
enum class Finality : std::uint8_t {
  passing,  ///< the server goes on trying for as long as the client stays
  final,
};

// --- of the connection
struct Hello {
  unsigned version = protocol_version;
};
struct Welcome {
  unsigned version = protocol_version;
  Endpoint address{};        ///< the client's, as the server sees it
  Duration ping_interval{};  ///< the server pings at least so often; when it does not, it is gone
};
struct Register {
  std::string id{};     ///< the fingerprint of the client's key
  std::string token{};  ///< known to the client alone: who shows it again is the same client
  /// Messages of the session heard so far. Without it whatever session there was is over, and a new one begins.
  std::optional<std::uint64_t> heard{};
};
struct Registered {
  enum class Session : std::uint8_t { fresh, resumed } session{};
  std::uint64_t heard = 0;
  std::vector<Service> services{};         ///< at most `most_services`
  std::optional<Duration> services_for{};  ///< their credentials are good for so long; others come before that
  std::string
      signer{};  ///< the fingerprint of the key that it signs decisions with (decision.hpp); empty: it signs none
};
/// In place of the ones told before.
struct Renewed {
  std::vector<Service> services{};
  std::optional<Duration> services_for{};
};
/// Answered with a pong of the same number.
struct Ping {
  std::uint64_t number = 0;
  std::uint64_t heard = 0;
};
struct Pong {
  std::uint64_t number = 0;
  std::uint64_t heard = 0;
};
/// The server goes down. Its clients need not tell their peers.
struct Closing {};
/// Ends the connection and the session that is on it.
struct Goodbye {
  Reason reason{};
  std::string detail{};
};

// --- of the connection, about sessions of many: from the client
/// Creates, refreshes or takes over a row; answered with Published or DirectoryRefused.
struct Publish {
  Row row{};
  std::string token{};  ///< the session's write token
  HostEnd old_host{};   ///< of a take-over: what became of the host before
};
/// Answered with Withdrawn or DirectoryRefused.
struct Withdraw {
  std::string session{};
  std::string token{};
  std::uint64_t epoch = 0;
};
/// Answered with Rows or DirectoryRefused, one page a question.
struct Find {
  std::uint32_t question = 0;  ///< the client's own number
  Query query{};
};
/// Waits for others who want the same; said again every few seconds, for as long as it is meant. Answered each time
/// with Seeking or DirectoryRefused, and once with Matched. Who it is from is the seeker's own word (`member`).
struct Seek {
  std::uint32_t question = 0;  ///< the client's own number; another one takes the place of the one before
  Seeker seeker{};
};
/// Answered with ReportTaken or DirectoryRefused.
struct ReportMember {
  std::uint32_t question = 0;
  Report report{};
};
/// Waits no more.
struct Unseek {
  std::uint32_t question = 0;
};

// --- of the connection, about sessions of many: from the server
struct Published {
  std::string session{};
  std::uint64_t epoch = 0;
  Duration ttl{};
  std::map<std::string, double> failed_to_host{};  ///< of those entry points that were reported
};
struct Withdrawn {
  std::string session{};
};
struct Rows {
  std::uint32_t question = 0;
  std::vector<Entry> rows{};
  std::optional<std::uint64_t> next{};  ///< there are more, after this
};
struct DirectoryRefused {
  DirectoryRefusal reason{};
  std::optional<std::string> session{};  ///< of a publish or a withdraw …
  std::optional<std::uint64_t> epoch{};
  std::optional<std::uint32_t> question{};  ///< … or of a question
};
struct Seeking {
  std::uint32_t question = 0;
  std::uint32_t waiting = 0;  ///< for the same, this one included
};

// --- of the connection, about sessions of many: both ways; may be lost
struct WitnessText {
  std::string session{};
  std::string text{};  ///< at most `longest_witness_text`; the session's own
};

// --- numbered, from the client
struct Open {
  PlaceId place{};
  Purpose purpose{};
  std::string name{};
  std::optional<std::string> description{};  ///< without one the name is held, and nobody is matched
  std::optional<Duration> wait{};            ///< for the other side; then the place is closed with a refusal
};
/// A place that was matched has used its description up, and is matched again after this.
struct Describe {
  PlaceId place{};
  std::string description{};
};
struct Close {
  PlaceId place{};
};
struct AttemptResult {
  AttemptId attempt{};
  Outcome outcome{};
  std::string path{};  ///< its kind, for the server's statistics
};

// --- numbered, from the server
struct PeerFound {
  PlaceId place{};
  AttemptId attempt{};
  Role role{};
  std::string peer{};       ///< its id
  Purpose peer_purpose{};   ///< what the peer has opened
  Endpoint peer_address{};  ///< of its connection to the server; its UDP may come from elsewhere
  std::string description{};
  Duration start_in{};  ///< from arrival; by this the two start at one instant
};
struct Refused {
  Reason reason{};
  std::string detail{};
  Finality finality{};
  std::optional<PlaceId> place{};      ///< the place in question; when final, it is closed
  std::optional<AttemptId> attempt{};  ///< for already-in-progress: the attempt to wait for
};

struct ReportTaken {
  std::uint32_t question = 0;
  ReportStanding standing{};
};
/// To all of a match at once. What is signed is what counts; the other is for clients of before that time.
struct Matched {
  std::uint32_t question = 0;
  Match match{};
  std::optional<SignedMatch> decision{};
};

// --- numbered, from one client to the other
struct Candidate {
  AttemptId attempt{};
  std::string text{};
};
/// Another description within the attempt (RFC 8445 §9).
struct Restart {
  AttemptId attempt{};
  std::string description{};
};
/// The sender leaves the attempt.
struct Bye {
  AttemptId attempt{};
  Reason reason{};
};

using Message = std::variant<Hello, Welcome, Register, Registered, Renewed, Ping, Pong, Closing, Goodbye, Open,
                             Describe, Close, AttemptResult, PeerFound, Refused, Candidate, Restart, Bye, Publish,
                             Withdraw, Find, Published, Withdrawn, Rows, DirectoryRefused, WitnessText, Seek, Unseek,
                             Seeking, Matched, ReportMember, ReportTaken>;

enum class MessageError : std::uint8_t {
  not_json,      ///< not an object of JSON
  unknown_type,  ///< pass over it
  malformed,     ///< a key is missing, or its value is of the wrong kind or out of range
};
[[nodiscard]] std::expected<Message, MessageError> parse_message(std::string_view line);
/// With its end of line. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string write_message(const Message& message);
}  // namespace natkit::rendezvous
