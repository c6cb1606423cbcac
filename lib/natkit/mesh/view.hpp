#pragma once
/// Who is in the session, and under whose lead: the one thing that all members have to see alike. Made and signed by
/// the host of its epoch; everybody else only passes it on.
///
/// Invariants, checked by the simulator after every step:
///  1. Of two views with one version the signed bytes are the same.
///  2. The set of voters of two consecutive views differs by one voter at most, so any majority of one meets any
///     majority of the other. (Members that do not vote may come and go in any number.)
///  3. The first view of an epoch is the last one of the epoch before, under another host and version: an election
///     changes who leads and nothing else, so who knows the old host can check the whole of the new view. But an old
///     host that is known to be dead, by its own signature, votes no more: so of two members one can go on. That is a
///     change of voters, too, so it counts for the last view of that host only, which the signature names: to an
///     earlier one it may have made another change, for which a majority was found without any of this one.
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/mesh/member_id.hpp"
#include "natkit/mesh/signatures.hpp"

namespace natkit::mesh {
inline constexpr std::size_t most_members = 64;  ///< a heartbeat names members by bits of one 64-bit word

/// How the host of an epoch came to it. An election prevails over a handover of the same epoch: whoever collected a
/// majority of votes for it knows that the handover can never be acknowledged by one.
enum class Title : std::uint8_t { handed_over, elected };

/// Which of two views is the later one: by epoch, then by title, then by sequence.
struct Version {
  std::uint64_t epoch = 0;  ///< grows with each change of host; 1 is the founder's
  Title title = Title::handed_over;
  std::uint64_t sequence = 0;  ///< grows with each view, through all epochs
  auto operator<=>(const Version&) const = default;
};

/// Which pairs must be connected, and how (`--mesh`).
struct Shape {
  enum class Kind : std::uint8_t {
    full,     ///< every pair by a path of its own
    routed,   ///< every pair, perhaps through a third member
    star,     ///< everybody with the host
    partial,  ///< everybody with the host and with `least` members at all
  } kind = Kind::routed;
  std::uint8_t least = 0;
  bool operator==(const Shape&) const = default;
};
/// What orders the succession list (`--host-policy`).
enum class Policy : std::uint8_t { oldest, reach, rtt, score, manual };
/// What members do that belong to no majority (`--partition`).
enum class Partition : std::uint8_t { pause, fork, leave };
enum class Standing : std::uint8_t { open, locked };
/// How a member's own network answers strangers; more is better.
enum class Reach : std::uint8_t { unknown, hard, easy, open };
/// What it has measured of its NAT, as nat.hpp packs it; 0: nothing.
enum class Nat : std::uint8_t {};

/// The founder's wishes; the host changes `standing` and no other.
struct Settings {
  std::string name;                                         ///< what people call the session
  std::string game{};                                       ///< namespace of the directory
  std::vector<std::pair<std::string, std::string>> tags{};  ///< for the directory
  std::uint16_t most = 8;                                   ///< members
  Shape shape{};
  Policy policy = Policy::oldest;
  Partition partition = Partition::pause;
  Standing standing = Standing::open;
  bool is_listed = true;
  std::optional<std::array<std::uint8_t, 32>> password{};  ///< the key made of it (password.hpp); none: everybody
  Bytes token{};                                           ///< opens the session's row in the directory
  Bytes knock{};                                           ///< lets strangers with an invite ask (link/knock.hpp)
  /// The session that this one was cut off from, and goes back to (participant_branch.cpp).
  std::optional<SessionId> branch_of{};
  bool operator==(const Settings&) const = default;
};

/// What a member says of itself when it asks to join.
struct Introduction {
  MemberId id{};
  Incarnation incarnation{};
  std::string name{};         ///< for people; not unique
  Bytes certificate{};        ///< DER
  std::uint8_t forwards = 0;  ///< pairs that it will carry packets for
  Reach reach = Reach::unknown;
  Nat nat{};
  bool operator==(const Introduction&) const = default;
};

struct Member {
  Introduction self{};
  std::uint32_t number = 0;  ///< in order of admission, from 1, never used again
  bool is_voter = false;
  bool is_ready = false;
  bool operator==(const Member&) const = default;
};

enum class Departure : std::uint8_t { left, crashed, lost, kicked, banned };
/// One of the last to leave, so that all members tell the same cause.
struct Departed {
  MemberId id{};
  Incarnation incarnation{};
  Departure cause{};
  bool operator==(const Departed&) const = default;
};

/// One voter's word that this candidate may lead in this epoch (`vote_text`).
struct Vote {
  MemberId voter{};
  Bytes signature{};
  bool operator==(const Vote&) const = default;
};

/// By what right the host leads in this epoch.
struct Mandate {
  Version base{};             ///< the last view of the epoch before …
  MemberId base_host{};       ///< … whose host this was …
  Bytes base_signature{};     ///< … and signed it so
  std::vector<Vote> votes{};  ///< of a majority; none where `handover` speaks
  Bytes handover{};           ///< the old host's signature (`handover_text`)
  /// The old host's last words, where they are known and `base` was its last view: then it is no voter any more.
  std::optional<Departure> end{};
  Bytes end_signature{};  ///< `departure_text`
  bool operator==(const Mandate&) const = default;
};

struct View {
  SessionId session{};
  Version version{};
  MemberId host{};
  Settings settings{};
  std::vector<Member> members{};       ///< in order of admission
  std::optional<Member> witness{};     ///< a voter that is no member (witness.hpp); never leads
  std::vector<MemberId> succession{};  ///< who leads next, the best first; without the host
  std::vector<Departed> departed{};    ///< the last few, the latest first
  std::vector<MemberId> banned{};
  std::uint32_t numbers_given = 0;
  Bytes signature{};                 ///< the host's, over `body`
  std::optional<Mandate> mandate{};  ///< of the first view of an epoch; epoch 1 needs none

  [[nodiscard]] const Member* find(const MemberId& id) const;
  [[nodiscard]] bool has(const MemberId& id) const { return find(id) != nullptr; }
  /// A member, or one that was lost or crashed and may come back.
  [[nodiscard]] bool is_home_of(const MemberId& id) const;
  [[nodiscard]] std::optional<std::size_t> index_of(const MemberId& id) const;
  /// The members that vote, and the witness while it does.
  [[nodiscard]] std::vector<const Member*> electorate() const;
  [[nodiscard]] const Member* find_voter(const MemberId& id) const;
  [[nodiscard]] std::size_t voters() const { return electorate().size(); }
  /// So many voters are more than half.
  [[nodiscard]] std::size_t quorum() const { return voters() / 2 + 1; }
  [[nodiscard]] bool is_first_of_epoch() const { return mandate.has_value() || version.sequence == 1; }
  bool operator==(const View&) const = default;
};
using ViewRef = std::shared_ptr<const View>;

/// The bytes that the host signs: all but signature and mandate.
[[nodiscard]] Bytes body(const View& view);
[[nodiscard]] Bytes vote_text(const SessionId& session, std::uint64_t epoch, const MemberId& candidate,
                              const Version& base);
[[nodiscard]] Bytes handover_text(const SessionId& session, std::uint64_t epoch, const MemberId& heir,
                                  const Version& base);
/// `last`: the version of the view that it departs with.
[[nodiscard]] Bytes departure_text(const SessionId& session, const Departed& who, const Version& last);
[[nodiscard]] Bytes struck_text(const SessionId& session, const Version& version, const Departed& who);
[[nodiscard]] Bytes end_text(const SessionId& session, const Version& version);

/// The view that `first`, the first of its epoch and not of the session, was made from.
[[nodiscard]] View base_of(const View& first);
[[nodiscard]] bool is_signed_by_host(const View& view, const Signatures& signatures);
/// Whether `next`, the first view of a later epoch, follows from `known`: nothing but host and version changed since a
/// view that the old host signed, and a majority of voters, or the old host itself, wants the new one.
[[nodiscard]] bool follows(const View& known, const View& next, const Signatures& signatures);
/// Whether who knows one view, and the last one of the epoch before it if there is one, is to take another for it.
[[nodiscard]] bool supersedes(const View& next, const View& known, const ViewRef& before, const Signatures& signatures);
}  // namespace natkit::mesh
