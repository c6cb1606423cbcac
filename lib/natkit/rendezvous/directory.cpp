#include "natkit/rendezvous/directory.hpp"

#include <algorithm>
#include <cmath>

#include "natkit/crypto/digest.hpp"
#include "natkit/rendezvous/alarms.hpp"
#include "natkit/rendezvous/household.hpp"

namespace natkit::rendezvous {
namespace {
// Bounds of single fields, so that a list stays readable; `Limits::row_bytes` bounds them all together.
constexpr std::size_t longest_id = 64;
constexpr std::size_t longest_name = 128;  // as the names to meet under
constexpr std::size_t longest_word = 64;   // a game, a version, the key of a tag
constexpr std::size_t longest_value = 128;
constexpr std::size_t longest_knock = 1024;   // a dozen addresses and two keys, in base64
constexpr std::size_t member_id_digits = 64;  // SHA-256
// A record, and its places in four trees.
constexpr std::size_t record_bytes = 768;
// Of a row's JSON, beside its texts: the keys and the numbers.
constexpr std::size_t shown_bytes = 448;
// A score below this is shown as nothing: after four half-lives and a bit for one failure.
constexpr double least_score = 0.05;
constexpr std::size_t most_reporters = 16;
constexpr Duration report_pause = std::chrono::hours{1};

struct RefusalName {
  DirectoryRefusal refusal{};
  std::string_view name;
};
constexpr std::array refusal_names{
    RefusalName{DirectoryRefusal::malformed, "malformed-row"},
    RefusalName{DirectoryRefusal::wrong_token, "wrong-token"},
    RefusalName{DirectoryRefusal::stale_epoch, "stale-epoch"},
    RefusalName{DirectoryRefusal::full, "directory-full"},
    RefusalName{DirectoryRefusal::not_found, "not-found"},
    RefusalName{DirectoryRefusal::too_fast, "too-fast"},
    RefusalName{DirectoryRefusal::banned, "banned"},
    RefusalName{DirectoryRefusal::not_signed, "not-signed"},
    RefusalName{DirectoryRefusal::unanswered, "no-directory"},
};

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= longest_id && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
           c == '-';
  });
}
bool is_member_id(std::string_view text) {
  return text.size() == member_id_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_text(std::string_view text, std::size_t longest) { return text.size() <= longest && is_showable(text); }

std::size_t bytes_of(const Row& row) {
  auto count = row.session.size() + row.name.size() + row.game.size() + row.host.size() + row.version.size() +
               row.knock.value_or("").size() + row.columns.size();
  for (const auto& [key, value] : row.tags) count += key.size() + value.size();
  for (const auto& member : row.entry_points) count += member.size();
  return count;
}

bool is_in_lists(const Row& row) { return row.visibility == Visibility::listed && row.doors == Doors::open; }

bool matches(const Row& row, const Query& query) {
  if (query.session && *query.session != row.session) return false;
  if (query.name && *query.name != row.name) return false;
  if (query.game && *query.game != row.game) return false;
  if (query.doors && *query.doors != row.doors) return false;
  if (query.room == Query::Room::not_full && row.max != 0 && row.members >= row.max) return false;
  if (query.password == Query::Password::without && row.has_password) return false;
  if (!query.session && !query.name && !is_in_lists(row)) return false;
  if (std::ranges::find(query.blocked, row.host) != query.blocked.end()) return false;
  return std::ranges::all_of(query.tags, [&](const auto& tag) {
    const auto found = row.tags.find(tag.first);
    return found != row.tags.end() && found->second == tag.second;
  });
}
}  // namespace

std::string_view to_text(DirectoryRefusal refusal) {
  return std::ranges::find(refusal_names, refusal, &RefusalName::refusal)->name;
}
std::optional<DirectoryRefusal> parse_directory_refusal(std::string_view text) {
  const auto* found = std::ranges::find(refusal_names, text, &RefusalName::name);
  if (found == refusal_names.end()) return std::nullopt;
  return found->refusal;
}

struct Directory::Record {
  Number number{};
  Row row{};
  Token token{};
  IpAddress address{};
  Instant created{};
  Instant refreshed{};
};

/// A sum that fades: each failure counts half after a half-life.
struct Directory::Failures {
  double score = 0;
  Instant as_of{};
  std::vector<std::pair<IpAddress, Instant>> reporters{};  ///< the latest

  [[nodiscard]] double at(Instant now, Duration half_life) const {
    const auto half_lives = std::chrono::duration<double>(now - as_of) / std::chrono::duration<double>(half_life);
    return score * std::exp2(-half_lives);
  }
};

struct Directory::Expiries : Alarms<Number> {};

Directory::Directory(const Config& config) : config_(config), expiries_(std::make_unique<Expiries>()) {
  config_.shortest_ttl = std::clamp<Duration>(config_.shortest_ttl, std::chrono::seconds{1}, config_.longest_ttl);
}
Directory::~Directory() = default;

std::unexpected<DirectoryRefusal> Directory::refuse(DirectoryRefusal refusal) {
  ++counters_.refused;
  return std::unexpected(refusal);
}

bool Directory::is_well_formed(const Row& row) const {
  if (!is_id(row.session) || bytes_of(row) > config_.limits.row_bytes) return false;
  if (!is_text(row.name, longest_name) || !is_text(row.game, longest_word) || !is_text(row.version, longest_word))
    return false;
  if (!row.host.empty() && !is_member_id(row.host)) return false;
  if (row.knock && !is_text(*row.knock, longest_knock)) return false;
  if (row.tags.size() > most_tags || row.entry_points.size() > most_entry_points) return false;
  return std::ranges::all_of(row.entry_points, is_member_id) && std::ranges::all_of(row.tags, [](const auto& tag) {
           return !tag.first.empty() && is_text(tag.first, longest_word) && is_text(tag.second, longest_value);
         });
}

std::expected<void, DirectoryRefusal> Directory::check_room(const Row& row, const IpAddress& household,
                                                            const Record* old) const {
  const auto& limits = config_.limits;
  const auto freed = old != nullptr ? bytes_of(old->row) : 0;
  const auto needed = bytes_of(row) + (old != nullptr ? 0 : record_bytes);
  if (bytes_ - freed + needed > limits.bytes) return std::unexpected(DirectoryRefusal::full);
  if (old != nullptr) return {};  // a session that moves to another address takes no more room than it did
  if (records_.size() >= limits.rows) return std::unexpected(DirectoryRefusal::full);
  const auto found = per_household_.find(household);
  if (found != per_household_.end() && found->second >= limits.rows_per_address)
    return std::unexpected(DirectoryRefusal::full);
  return {};
}

Duration Directory::granted(const Row& row) const {
  return std::clamp(row.ttl.value_or(config_.ttl), config_.shortest_ttl, config_.longest_ttl);
}

std::expected<Directory::Published, DirectoryRefusal> Directory::publish(Instant now, const Row& row,
                                                                         std::string_view token, const IpAddress& from,
                                                                         HostEnd old_host) {
  expire(now);
  if (!is_well_formed(row)) return refuse(DirectoryRefusal::malformed);
  const auto hash = crypto::sha256(as_bytes(token));
  const auto known = by_session_.find(row.session);
  auto* record = known == by_session_.end() ? nullptr : &records_.at(known->second);
  // Comparing hashes tells nothing of the token.
  if (record != nullptr && record->token != hash) return refuse(DirectoryRefusal::wrong_token);
  if (record != nullptr &&
      (row.epoch < record->row.epoch || (row.epoch == record->row.epoch && row.host != record->row.host)))
    return refuse(DirectoryRefusal::stale_epoch);
  if (const auto room = check_room(row, household_of(from), record); !room) return refuse(room.error());
  Published published;
  if (record == nullptr) {
    published = create(now, row, hash, from);
  } else if (row.epoch == record->row.epoch) {
    published.how = Published::How::refreshed;
    ++counters_.refreshed;
    replace(now, *record, row, from);
  } else {
    published.how = Published::How::taken_over;
    ++counters_.taken_over;
    if (old_host == HostEnd::lost && !record->row.host.empty() && record->row.host != row.host)
      blame(now, record->row.host, household_of(from));
    replace(now, *record, row, from);
  }
  published.ttl = granted(row);
  for (const auto& member : row.entry_points)
    if (const auto score = failed_to_host(now, member); score > 0) published.failed_to_host.emplace(member, score);
  return published;
}

Directory::Published Directory::create(Instant now, const Row& row, const Token& token, const IpAddress& from) {
  const Number number = ++rows_made_;
  records_.emplace(
      number, Record{.number = number, .row = row, .token = token, .address = from, .created = now, .refreshed = now});
  by_session_.emplace(row.session, number);
  index(number, row);
  ++per_household_[household_of(from)];
  bytes_ += bytes_of(row) + record_bytes;
  expiries_->set(number, now + granted(row));
  ++counters_.published;
  return {.how = Published::How::created};
}

void Directory::replace(Instant now, Record& record, const Row& row, const IpAddress& from) {
  if (household_of(from) != household_of(record.address)) {
    leave_household(household_of(record.address));
    ++per_household_[household_of(from)];
  }
  unindex(record.number, record.row);
  bytes_ = bytes_ - bytes_of(record.row) + bytes_of(row);
  record.row = row;
  record.address = from;
  record.refreshed = now;
  index(record.number, row);
  expiries_->set(record.number, now + granted(row));
}

void Directory::index(Number number, const Row& row) {
  by_name_.emplace(row.name, number);
  by_game_.emplace(row.game, number);
}

void Directory::unindex(Number number, const Row& row) {
  by_name_.erase({row.name, number});
  by_game_.erase({row.game, number});
}

void Directory::leave_household(const IpAddress& household) {
  const auto found = per_household_.find(household);
  if (--found->second == 0) per_household_.erase(found);
}

void Directory::erase(Number number) {
  const auto found = records_.find(number);
  const auto& record = found->second;
  unindex(number, record.row);
  by_session_.erase(record.row.session);
  leave_household(household_of(record.address));
  bytes_ -= bytes_of(record.row) + record_bytes;
  expiries_->cancel(number);
  records_.erase(found);
}

std::expected<void, DirectoryRefusal> Directory::withdraw(Instant now, std::string_view session, std::string_view token,
                                                          std::optional<std::uint64_t> epoch) {
  expire(now);
  const auto known = by_session_.find(session);
  if (known == by_session_.end()) return refuse(DirectoryRefusal::not_found);
  const auto& record = records_.at(known->second);
  if (record.token != crypto::sha256(as_bytes(token))) return refuse(DirectoryRefusal::wrong_token);
  if (epoch && *epoch < record.row.epoch) return refuse(DirectoryRefusal::stale_epoch);
  erase(known->second);
  ++counters_.withdrawn;
  return {};
}

std::vector<Directory::Number> Directory::candidates(const Query& query) const {
  std::vector<Number> numbers;
  const auto take = [&numbers](const Index& index, const std::string& key) {
    for (auto at = index.lower_bound({key, 0}); at != index.end() && at->first == key; ++at)
      numbers.push_back(at->second);
  };
  if (query.session) {
    if (const auto known = by_session_.find(*query.session); known != by_session_.end())
      numbers.push_back(known->second);
  } else if (query.name) {
    take(by_name_, *query.name);
  } else if (query.game) {
    take(by_game_, *query.game);
  } else {
    numbers.reserve(records_.size());
    for (const auto& [number, record] : records_) numbers.push_back(number);
  }
  return numbers;
}

Directory::Found Directory::find(Instant now, const Query& query) {
  expire(now);
  ++counters_.asked;
  auto numbers = candidates(query);
  if (query.name)
    std::ranges::sort(
        numbers, {}, [this](Number number) { return std::pair{is_in_lists(records_.at(number).row) ? 0 : 1, number}; });
  Found found;
  const auto most = std::clamp<std::size_t>(query.most, 1, config_.limits.found);
  std::size_t bytes = 0;
  Number last = 0;
  for (const auto number : numbers) {
    const auto& record = records_.at(number);
    if ((!query.name && number <= query.after) || !matches(record.row, query)) continue;
    bytes += bytes_of(record.row) + shown_bytes;
    if (found.entries.size() >= most || (bytes > config_.limits.found_bytes && !found.entries.empty())) {
      if (!query.name) found.next = last;
      break;
    }
    found.entries.push_back(entry_of(now, record));
    last = number;
  }
  return found;
}

Entry Directory::entry_of(Instant now, const Record& record) const {
  return {.row = record.row,
          .address = record.address,
          .age = now - record.created,
          .refreshed = now - record.refreshed,
          .failed_to_host = failed_to_host(now, record.row.host)};
}

double Directory::failed_to_host(Instant now, const std::string& member) const {
  const auto found = failures_.find(member);
  if (found == failures_.end()) return 0;
  const auto score = found->second.at(now, config_.failure_half_life);
  return score < least_score ? 0 : score;
}

void Directory::blame(Instant now, const std::string& member, const IpAddress& reporter) {
  if (!failures_.contains(member)) forget_failures(now);
  auto& failures = failures_.try_emplace(member, Failures{.as_of = now}).first->second;
  auto& reporters = failures.reporters;
  std::erase_if(reporters, [&](const auto& one) { return one.second + report_pause <= now; });
  if (std::ranges::find(reporters, reporter, &std::pair<IpAddress, Instant>::first) != reporters.end()) return;
  if (reporters.size() >= most_reporters) return;
  reporters.emplace_back(reporter, now);
  failures.score = failures.at(now, config_.failure_half_life) + 1;
  failures.as_of = now;
}

/// Makes room for another: those that have faded go, and if that is not enough the one that has faded most.
void Directory::forget_failures(Instant now) {
  if (failures_.size() < config_.limits.hosts_remembered) return;
  const auto score = [&](const auto& entry) { return entry.second.at(now, config_.failure_half_life); };
  std::erase_if(failures_, [&](const auto& entry) { return score(entry) < least_score; });
  if (failures_.size() < config_.limits.hosts_remembered) return;
  failures_.erase(std::ranges::min_element(failures_, {}, score));
}

void Directory::expire(Instant now) {
  while (const auto number = expiries_->pop(now)) {
    ++counters_.expired;
    erase(*number);
  }
}

std::optional<Instant> Directory::next_expiry() const { return expiries_->next(); }
}  // namespace natkit::rendezvous
