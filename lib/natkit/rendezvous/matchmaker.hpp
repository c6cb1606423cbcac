#pragma once
/// Brings together people who want to play and do not know with whom.
///
///   seek --> waiting --others who fit--> matched (Match: who, under which session id, who hosts and why)
///              |  ^
///              |  `-- the same seek again: still there
///              `--cancel | nothing heard for `silence`--> gone
///
/// Who can meet: the same game, tags and number of players. Never: two of whom one has blocked the other, or does not
/// want so long a way or so busy a machine, or without an address family in common. Not while both have waited for less
/// than `choosy`, in the hope of somebody better: two who met lately, two hard NATs, two who are far from each other.
/// After that such a pair only costs more than others do. So nobody waits for ever where enough people wait who may
/// meet at all.
///
/// Of those who fit, the ones that are near, new to each other and have waited longest. How near two are: what either
/// has measured; else, of the ways to the server a and b, anything from |a - b| to a + b is possible, and the middle
/// of that is taken, the greater of the two. (They may well be nearer to each other than to the server.)
///
/// What people say of themselves is taken as it is: who lies gets a worse match. Ids are not proven here; members of a
/// session prove theirs to each other, and the host of a match lets nobody in who is not named in it.
///
/// A pure machine: time and chance are arguments. All that strangers can make grow is bounded, work included.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/rendezvous/host_score.hpp"

namespace natkit::rendezvous {
inline constexpr std::size_t most_players = 32;      ///< of one match
inline constexpr std::size_t most_known_trips = 64;  ///< that one seeker tells

/// Who waits, and for what.
struct Seeker {
  enum class Families : std::uint8_t { ipv4 = 1, ipv6 = 2, both = 3 };
  std::string member{};  ///< id: 64 lower-case hexadecimal digits
  std::string game{};    ///< may be empty
  std::map<std::string, std::string> tags{};
  std::uint32_t players = 2;  ///< wanted in all, 2 to `most_players`
  Families families = Families::both;
  Reach reach = Reach::unknown;
  std::optional<Duration> round_trip{};           ///< to the server
  std::map<std::string, Duration> round_trips{};  ///< to members met before; at most `most_known_trips`
  std::set<std::string> blocked{};                ///< members never to be met; at most `most_blocked`
  std::optional<std::uint8_t> strain{};           ///< of its machine, 0 to 100
  std::optional<Duration> longest_trip{};     ///< never with whom the round trip is expected to be longer, or unknown
  std::optional<std::uint8_t> most_strain{};  ///< never with whose machine is known to be under more

  bool operator==(const Seeker&) const = default;
};

/// One of a match, and what speaks for it as host.
struct Player {
  std::string member{};
  Fitness fitness{};
  double score = 0;  ///< 0 to 1; the best one hosts

  bool operator==(const Player&) const = default;
};
struct Match {
  std::string session{};  ///< id for it, drawn: 32 hexadecimal digits
  std::string game{};
  std::map<std::string, std::string> tags{};
  std::vector<Player> players{};  ///< the host first, then by score

  bool operator==(const Match&) const = default;
};

enum class SeekRefusal : std::uint8_t {
  malformed,  ///< a field is out of bounds
  full,       ///< as many wait as may, in all or from one address
};

struct MatchCounters {
  std::uint64_t sought = 0;     ///< people who began to wait
  std::uint64_t matched = 0;    ///< of them
  std::uint64_t matches = 0;    ///< groups
  std::uint64_t cancelled = 0;  ///< of them
  std::uint64_t silent = 0;     ///< of them
  std::uint64_t refused = 0;
};

class Matchmaker {
 public:
  /// The owner's number for one who waits.
  enum class Ticket : std::uint64_t {};
  struct Limits {
    std::size_t waiting = 4096;
    std::size_t waiting_per_address = 64;  ///< a hall's; an IPv6 /64 counts as one
    std::size_t bytes = std::size_t{16} << 20U;
    std::size_t considered = 128;    ///< of those who fit, for one search
    std::size_t steps = 4096;        ///< of one search
    std::size_t remembered = 20000;  ///< members whose last opponents are known
    std::size_t opponents = 8;       ///< of each
  };
  struct Config {
    Limits limits{};
    Duration choosy = std::chrono::seconds{5};    ///< players wait so long for a good match without asking why
    Duration silence = std::chrono::seconds{15};  ///< three of the client's repetitions
    Duration retry = std::chrono::seconds{10};    ///< for what a search did not find within its steps
    Duration far = std::chrono::milliseconds{150};
    Duration memory = std::chrono::hours{1};  ///< an evening's opponents
  };
  Matchmaker(const Config& config, Rng& rng);
  ~Matchmaker();
  Matchmaker(const Matchmaker&) = delete;
  Matchmaker& operator=(const Matchmaker&) = delete;

  /// Begins to wait, or is still there; a changed wish begins anew. `from` is the address as seen, `failures` what the
  /// directory knows of it as a host.
  [[nodiscard]] std::expected<void, SeekRefusal> seek(Instant now, Ticket ticket, const Seeker& seeker,
                                                      const IpAddress& from, double failures = 0);
  void cancel(Ticket ticket);
  /// How many wait for the same, this one included; 0: it does not wait.
  [[nodiscard]] std::size_t waiting_with(Ticket ticket) const;

  struct Found {
    Match match;
    std::vector<Ticket> tickets{};  ///< as `match.players`; they wait no more
  };
  /// To be drained after every input.
  [[nodiscard]] std::optional<Found> poll_match();
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const MatchCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t remembered() const { return met_.size(); }

 private:
  struct Waiter;
  struct Timers;
  struct Candidate {
    double cost = 0;
    const Waiter* waiter = nullptr;
  };
  /// The last ones that a member met, the latest at the end.
  struct Met {
    std::deque<std::string> opponents{};
    Instant last{};
  };
  struct Search;
  using Kind = std::string;  ///< what has to be the same

  [[nodiscard]] static bool is_well_formed(const Seeker& seeker);
  [[nodiscard]] bool may_meet(Instant now, const Waiter& a, const Waiter& b) const;
  [[nodiscard]] bool have_met(const Waiter& a, const Waiter& b) const;
  [[nodiscard]] double cost_of(const Waiter& a, const Waiter& b) const;
  [[nodiscard]] std::vector<Candidate> candidates_for(Instant now, const Waiter& seed) const;
  [[nodiscard]] bool complete(Instant now, Search& search, std::size_t from) const;
  void look_for_match(Instant now, Ticket ticket);
  void settle(Instant now, const std::vector<const Waiter*>& group);
  [[nodiscard]] Match describe(const std::vector<const Waiter*>& group, std::vector<Ticket>& tickets) const;
  void remember(Instant now, const std::vector<Player>& players);
  void forget_met(Instant now);
  void remove(Ticket ticket);
  void set_alarm(Instant now, Waiter& waiter);

  Config config_;
  Rng& rng_;
  std::map<Ticket, Waiter> waiting_;
  std::map<Kind, std::set<std::pair<Instant, Ticket>>> queues_;  // the longest wait first
  std::map<IpAddress, std::size_t> per_household_;
  std::unique_ptr<Timers> timers_;
  std::map<std::string, Met> met_;
  std::deque<std::pair<Instant, std::string>> met_order_;
  std::deque<Found> found_;
  std::size_t bytes_ = 0;
  MatchCounters counters_;
};

/// How long a packet between the two should take there and back; none: nothing is known.
[[nodiscard]] std::optional<Duration> expected_round_trip(const Seeker& a, const IpAddress& at_a, const Seeker& b,
                                                          const IpAddress& at_b);
/// Whether the two should get a path of their own, without a third one that relays.
[[nodiscard]] bool should_connect(Reach a, Reach b);
}  // namespace natkit::rendezvous
