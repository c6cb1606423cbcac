#pragma once
/// What members say to each other, each message over a link that proves who speaks. Any of them may be lost, come twice
/// or late: whoever waits for something says again what it wants, and heartbeats show who lags behind.
///
///   type 1 | first 4 bytes of the session | fields
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// Of what is said here. Members of one session speak one version; who speaks another is told so when it asks to join.
inline constexpr std::uint16_t protocol_version = 3;
inline constexpr std::size_t most_joiners = 16;       ///< at a time
inline constexpr std::size_t most_foundings = 8;      ///< epochs that somebody may lag behind
inline constexpr std::size_t most_text_bytes = 1024;  ///< of reasons for people
inline constexpr std::size_t most_payload_bytes = 16384;
inline constexpr std::size_t most_state_bytes = 60000;  ///< that a host leaves to its heir

/// A heartbeat of the host that was heard.
struct Echo {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  bool operator==(const Echo&) const = default;
};
/// What a member tells of itself that changes slowly.
struct Condition {
  Reach reach = Reach::unknown;
  Nat nat{};
  std::vector<std::uint8_t> hearing{};  ///< of member i (`pack` in hearing.hpp)
  bool operator==(const Condition&) const = default;
};
/// Every member to every other one it has a link with.
struct Heartbeat {
  Version version{};                     ///< of the view that the sender has
  std::uint64_t number = 0;              ///< its heartbeats are counted
  std::optional<Echo> echo{};            ///< the promise to the host: the latest of his heartbeats that it covers
  Version committed{};                   ///< what the sender knows a majority to have
  std::uint64_t voted = 0;               ///< in this epoch, for whomever: who wants its vote has to claim a later one
  std::uint64_t heard = 0;               ///< bit i: member i of that view has been heard lately
  std::vector<std::uint8_t> rtts{};      ///< to member i, in units of 2 ms; 254: more, 255: not known
  std::optional<std::uint8_t> strain{};  ///< of its machine, 0 to 100
  std::vector<MemberId> reached{};       ///< joiners that the sender has a link with
  bool asks = false;                     ///< wants one in return, at once
  bool acts = false;                     ///< the sender is host, and a majority follows it
  std::uint32_t round = 0;               ///< counts those that all get at their time; 0: said out of turn
  std::optional<Condition> condition{};
  bool operator==(const Heartbeat&) const = default;
};
/// A view, and how to get there from an earlier epoch.
struct Views {
  std::vector<View> foundings{};  ///< first views of epochs, the earlier first
  View latest{};
  bool operator==(const Views&) const = default;
};
struct Claim {
  std::uint64_t epoch = 0;
  Version base{};
  bool operator==(const Claim&) const = default;
};
struct Granted {
  std::uint64_t epoch = 0;
  Version base{};
  Bytes signature{};
  bool operator==(const Granted&) const = default;
};
/// Signed by who departs, or left behind for the case that it dies; passed on by everybody once.
struct Farewell {
  Departed who{};
  Version version{};  ///< of its view; who leads has made no later one
  Bytes signature{};
  bool operator==(const Farewell&) const = default;
};

struct JoinRequest {
  std::uint16_t version = protocol_version;  ///< what follows is understood, and read, only where it is one's own
  Introduction self{};
  Bytes proof{};                    ///< of the password (password.hpp); empty where there is none
  std::vector<MemberId> reached{};  ///< whom the sender has a link with: perhaps nobody is missing
  bool operator==(const JoinRequest&) const = default;
};
/// Whom to connect to. From the host it counts; from others it is a hint who the host is.
struct JoinList {
  Version version{};
  MemberId host{};
  Shape shape{};
  std::vector<Introduction> members{};
  std::vector<Introduction> joiners{};  ///< who is about to be admitted too
  bool operator==(const JoinList&) const = default;
};
struct JoinReport {
  Version version{};
  std::vector<MemberId> reached{};  ///< the members among them, and those who join at the same time
  std::vector<MemberId> failed{};
  bool operator==(const JoinReport&) const = default;
};
enum class Refusal : std::uint8_t {
  version_mismatch,
  locked,
  full,
  banned,
  wrong_password,
  not_all_reached,
  rejected,
  no_host,       ///< nobody leads at the moment: ask again
  ended,         ///< the session is over
  host_lost,     ///< not on the wire: the joiner's own verdict
  timeout,       ///< the same
  not_found,     ///< the same
  foreign_host,  ///< the same: who leads there is not who was named, nor came after him by right
};
[[nodiscard]] std::string_view to_text(Refusal refusal);  ///< the contract's names
struct JoinRefused {
  Refusal reason{};
  std::string text{};
  std::vector<MemberId> peers{};  ///< not reached
  bool operator==(const JoinRefused&) const = default;
};
/// The host to members and joiners: a link with this one is wanted.
struct Joining {
  Introduction who{};
  bool operator==(const Joining&) const = default;
};
/// What two others need to know to connect, passed on by who has a link with both.
struct Passed {
  MemberId from{};
  MemberId to{};
  std::string text{};
  bool operator==(const Passed&) const = default;
};
/// The host to its heir.
struct HandoverOffer {
  std::uint64_t epoch = 0;
  Version base{};
  Bytes state{};  ///< at most `most_state_bytes`
  bool operator==(const HandoverOffer&) const = default;
};
/// The host to who is next in line, for the case that it dies: what its program has exported last.
struct StateCopy {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;  ///< grows within an epoch
  Bytes state{};             ///< at most `most_state_bytes`
  bool operator==(const StateCopy&) const = default;
};
/// The heir's signature over the view that makes it host.
struct HandoverReady {
  std::uint64_t epoch = 0;
  Version base{};
  Bytes signature{};
  bool operator==(const HandoverReady&) const = default;
};
/// A member to the host.
struct Wish {
  enum class Kind : std::uint8_t { ready, not_ready } kind{};
  bool operator==(const Wish&) const = default;
};
/// The host to who was struck out by decision, who must not see the view any more.
struct Struck {
  Version version{};
  Departed who{};
  Bytes signature{};  ///< the host's, over `struck_text`
  bool operator==(const Struck&) const = default;
};
struct SessionEnded {
  Version version{};
  Bytes signature{};  ///< the host's, over `end_text`
  bool operator==(const SessionEnded&) const = default;
};
/// Where a member is that was cut off from the others, or what they have to say to that: which of the sessions that
/// were one it belongs to, and whether that has a host. Under the tag of the one that was.
struct Whereabouts {
  SessionId origin{};
  SessionId session{};
  std::uint16_t members = 0;
  bool is_led = false;
  bool operator==(const Whereabouts&) const = default;
};
/// Of the program that uses the session. Fenced: a frame of an epoch that is over is not delivered.
struct Payload {
  std::uint64_t epoch = 0;
  bool is_from_host = false;
  Bytes bytes{};
  bool operator==(const Payload&) const = default;
};

using Message =
    std::variant<Heartbeat, Views, Claim, Granted, Farewell, JoinRequest, JoinList, JoinReport, JoinRefused, Joining,
                 Passed, HandoverOffer, HandoverReady, Wish, Struck, SessionEnded, Payload, Whereabouts, StateCopy>;

struct Envelope {
  std::uint32_t session = 0;  ///< see `tag_of`
  Message message{};
};
[[nodiscard]] std::uint32_t tag_of(const SessionId& session);
enum class MessageError : std::uint8_t { malformed };
[[nodiscard]] std::expected<Envelope, MessageError> parse_message(ByteView bytes);
[[nodiscard]] Bytes write_message(const SessionId& session, const Message& message);
}  // namespace natkit::mesh
