#pragma once
/// Which sessions there are: one row each, written by the host of the session, read by whoever looks for one.
///
///   (nothing) --publish--> listed --publish, same host and epoch--> listed, for another TTL
///                            |  `--publish, higher epoch--> another host's, its place in the list kept
///                            `--TTL over | withdraw--> (nothing)
///
/// A row is guarded by its session's write token, which all members hold and of which only the hash is kept here; and
/// by its epoch, which grows with every change of host: a publish with a lower one, or with the same one by another
/// host, is refused, so a host that was replaced cannot write over its successor. What stands for "compare and set".
///
/// What is found:
///  - Without a name or an id: rows that are listed and not locked, in order of age, the oldest first. So a newcomer
///    cannot push itself before others, and who looks again finds the same order.
///  - By name: names are not unique, neither within a game. Listed rows come first, again the oldest first: the session
///    that has lived longest under a name is the one that people mean by it. Hidden and locked rows of exactly that
///    name follow, so that a joiner hears `locked` and not `not-found`.
///  - By id: that row, whatever it is.
///
/// The address of a row is the one that its uploader was seen to have, never a claimed one.
///
/// How often a member failed to host is remembered by its id, for all sessions: a take-over that calls the old host
/// lost adds one, and half of it is forgotten in an hour. Whoever holds a token can say so of its own session's
/// old host, therefore one address (an IPv6 /64 counts as one) adds to one member at most once an hour.
///
/// A value with time as its argument: nothing is sent from here. All that strangers can make grow is bounded.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"

namespace natkit::rendezvous {
/// Whether strangers are shown it.
enum class Visibility : std::uint8_t {
  listed,
  hidden,  ///< only who knows its exact name or id finds it
};
/// Whether it takes new members.
enum class Doors : std::uint8_t {
  open,
  locked,  ///< not listed meanwhile
};

/// What a host tells of its session. Everything is text of its own to the directory, and a stranger's to the reader.
struct Row {
  std::string session{};  ///< its id: 32 hexadecimal digits; of a foreign client, up to 64 of A-Za-z0-9._-
  std::string name{};     ///< for people
  std::string game{};     ///< may be empty
  std::map<std::string, std::string> tags{};
  std::string host{};  ///< member id: 64 lower-case hexadecimal digits; a foreign client has none
  std::uint64_t epoch = 0;
  std::uint32_t members = 0;
  std::uint32_t max = 0;  ///< 0: no limit
  bool has_password = false;
  Visibility visibility{};
  Doors doors{};
  std::optional<bool> router_is_open{};     ///< none: not known
  std::string version{};                    ///< of the game or the program
  std::vector<std::string> entry_points{};  ///< member ids that can be asked, the host first
  std::optional<std::string> knock{};       ///< an invite that works without this server; opaque here
  std::string columns{};                    ///< of a foreign client: an object of JSON, kept and returned; may be empty
  std::optional<Duration> ttl{};            ///< none: the directory's default

  bool operator==(const Row&) const = default;
};

/// A row as it is shown.
struct Entry {
  Row row{};
  IpAddress address{};        ///< of the uploader, as the server saw it
  Duration age{};             ///< since the session first appeared; a change of host does not matter
  Duration refreshed{};       ///< how long ago
  double failed_to_host = 0;  ///< of its host; 0: nothing of the sort was reported

  bool operator==(const Entry&) const = default;
};

/// What happened to the host that a take-over replaces.
enum class HostEnd : std::uint8_t {
  not_said,
  left,  ///< handed over in order
  lost,  ///< crashed or fell silent: counts against it
};

enum class DirectoryRefusal : std::uint8_t {
  malformed,    ///< a field is out of bounds
  wrong_token,  ///< HTTP 401
  stale_epoch,  ///< another host has that epoch, or a later one; HTTP 409
  full,         ///< the directory, or what one address may have in it
  not_found,    ///< there is no such row
  too_fast,     ///< questions of one client in too short a time
  banned,       ///< that member, by the operator of the server; HTTP 403
  not_signed,   ///< (made by the client) what the server says is not signed by whom it named
  unanswered,   ///< (made by the client) the server says nothing: it has no directory, or cannot be reached
};
[[nodiscard]] std::string_view to_text(DirectoryRefusal refusal);  ///< "wrong-token", "stale-epoch" …
[[nodiscard]] std::optional<DirectoryRefusal> parse_directory_refusal(std::string_view text);

/// Which rows. Conditions add up.
struct Query {
  enum class Room : std::uint8_t { any, not_full } room{};
  enum class Password : std::uint8_t { any, without } password{};
  std::optional<Doors> doors{};  ///< none: any that is found
  std::optional<std::string> session{};
  std::optional<std::string> name{};  ///< exactly
  std::optional<std::string> game{};
  std::map<std::string, std::string> tags{};  ///< each must be there with that value
  std::vector<std::string> blocked{};         ///< rows of these hosts are left out; at most `most_blocked`
  std::uint64_t after = 0;                    ///< `Found::next` of the page before; not with a name
  std::size_t most = 200;                     ///< as EOS gives; the directory has a limit of its own

  bool operator==(const Query&) const = default;
};
inline constexpr std::size_t most_blocked = 64;
inline constexpr std::size_t most_tags = 16;
inline constexpr std::size_t most_entry_points = 8;

struct DirectoryCounters {
  std::uint64_t published = 0;  ///< rows made
  std::uint64_t refreshed = 0;
  std::uint64_t taken_over = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t expired = 0;
  std::uint64_t refused = 0;
  std::uint64_t asked = 0;  ///< queries
};

class Directory {
 public:
  struct Limits {
    std::size_t rows = 20000;
    std::size_t rows_per_address = 50;  ///< a household's, or a hall's; an IPv6 /64 counts as one
    std::size_t row_bytes = 4096;
    std::size_t bytes = std::size_t{32} << 20U;
    std::size_t found = 200;          ///< rows of one page
    std::size_t found_bytes = 24576;  ///< of one page, roughly: a line of the protocol (longest_line), with escapes
    std::size_t hosts_remembered = 10000;  ///< those that failed
  };
  struct Config {
    Limits limits{};
    Duration ttl = std::chrono::seconds{30};           ///< where the uploader wishes none
    Duration shortest_ttl = std::chrono::seconds{15};  ///< these two as RakNet's MasterServer2 has them
    Duration longest_ttl = std::chrono::seconds{300};
    Duration failure_half_life = std::chrono::hours{1};
  };
  explicit Directory(const Config& config);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// What became of a publish.
  struct Published {
    enum class How : std::uint8_t { created, refreshed, taken_over } how{};
    Duration ttl{};  ///< as granted; refresh at a third of it
    /// Of those entry points that were reported: how often each failed to host, decayed. For the choice of a next host.
    std::map<std::string, double> failed_to_host{};
  };
  /// Creates, refreshes or takes over; the same again changes nothing but the time. `from` is the uploader as seen.
  [[nodiscard]] std::expected<Published, DirectoryRefusal> publish(Instant now, const Row& row, std::string_view token,
                                                                   const IpAddress& from,
                                                                   HostEnd old_host = HostEnd::not_said);
  /// By a host of `epoch`; none: whichever there is.
  [[nodiscard]] std::expected<void, DirectoryRefusal> withdraw(Instant now, std::string_view session,
                                                               std::string_view token,
                                                               std::optional<std::uint64_t> epoch = {});
  struct Found {
    std::vector<Entry> entries{};
    std::optional<std::uint64_t> next{};  ///< there are more, after this
  };
  /// One page.
  [[nodiscard]] Found find(Instant now, const Query& query);
  [[nodiscard]] double failed_to_host(Instant now, const std::string& member) const;

  /// Removes what has run out. The other calls do so too; this is for an owner who wants the room back.
  void expire(Instant now);
  [[nodiscard]] std::optional<Instant> next_expiry() const;

  [[nodiscard]] Duration shortest_ttl() const { return config_.shortest_ttl; }
  [[nodiscard]] Duration longest_ttl() const { return config_.longest_ttl; }
  [[nodiscard]] const DirectoryCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t hosts_remembered() const { return failures_.size(); }

 private:
  using Number = std::uint64_t;  // in order of age
  using Token = std::array<std::uint8_t, 32>;
  struct Record;
  struct Failures;
  struct Expiries;
  using Index = std::set<std::pair<std::string, Number>>;

  [[nodiscard]] bool is_well_formed(const Row& row) const;
  [[nodiscard]] std::expected<void, DirectoryRefusal> check_room(const Row& row, const IpAddress& household,
                                                                 const Record* old) const;
  [[nodiscard]] Published create(Instant now, const Row& row, const Token& token, const IpAddress& from);
  void replace(Instant now, Record& record, const Row& row, const IpAddress& from);
  void index(Number number, const Row& row);
  void unindex(Number number, const Row& row);
  void erase(Number number);
  void leave_household(const IpAddress& household);
  [[nodiscard]] Duration granted(const Row& row) const;
  [[nodiscard]] Entry entry_of(Instant now, const Record& record) const;
  [[nodiscard]] std::vector<Number> candidates(const Query& query) const;
  void blame(Instant now, const std::string& member, const IpAddress& reporter);
  void forget_failures(Instant now);
  [[nodiscard]] std::unexpected<DirectoryRefusal> refuse(DirectoryRefusal refusal);

  Config config_;
  std::map<Number, Record> records_;
  std::map<std::string, Number, std::less<>> by_session_;
  Index by_name_;
  Index by_game_;
  std::map<IpAddress, std::size_t> per_household_;
  std::unique_ptr<Expiries> expiries_;
  std::map<std::string, Failures> failures_;
  Number rows_made_ = 0;
  std::size_t bytes_ = 0;
  DirectoryCounters counters_;
};
}  // namespace natkit::rendezvous
