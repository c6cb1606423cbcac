#include "natkit/rendezvous/matchmaker.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/rendezvous/alarms.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/household.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t longest_word = 64;  // as in the directory
constexpr std::size_t member_digits = 64;
constexpr std::size_t waiter_bytes = 512;  // of a waiter beside its texts
constexpr std::size_t session_bytes = 16;

// Costs are milliseconds that one would rather wait for a packet than put up with it. Our own judgement.
constexpr double cost_of_unknown_trip = 100;
constexpr double cost_of_hard_pair = 150;  // relayed: a detour
constexpr double cost_of_unknown_reach = 20;
constexpr double cost_of_meeting_again = 300;
constexpr double worth_of_a_second =
    20;  // of waiting; so after 15 s it outweighs anything but a detour round the world

bool is_member(const std::string& text) {
  return text.size() == member_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_word(const std::string& text) { return text.size() <= longest_word && is_showable(text); }

std::size_t bytes_of(const Seeker& seeker) {
  auto bytes = waiter_bytes + seeker.member.size() + 2 * seeker.game.size();
  for (const auto& [key, value] : seeker.tags) bytes += 2 * (key.size() + value.size()) + 64;
  return bytes + (seeker.round_trips.size() + seeker.blocked.size()) * (member_digits + 64);
}

/// A value that tells two kinds of wishes apart: no text in it holds a control character.
std::string kind_of(const Seeker& seeker) {
  auto kind = std::to_string(seeker.players) + '\n' + seeker.game;
  for (const auto& [key, value] : seeker.tags) kind += '\n' + key + '\t' + value;
  return kind;
}

/// The way to the server is measured again and again.
bool is_same_wish(const Seeker& a, Seeker b) {
  b.round_trip = a.round_trip;
  return a == b;
}

/// What somebody does not want to play with.
bool suits(const Seeker& seeker, std::optional<Duration> trip, std::optional<std::uint8_t> strain) {
  if (seeker.longest_trip && (!trip || *trip > *seeker.longest_trip)) return false;
  return !seeker.most_strain || !strain || *strain <= *seeker.most_strain;
}

bool shares_family(Seeker::Families a, Seeker::Families b) {
  return (static_cast<unsigned>(a) & static_cast<unsigned>(b)) != 0;
}
}  // namespace

struct Matchmaker::Waiter {
  Ticket ticket{};
  Seeker seeker;
  IpAddress household{};
  double failures = 0;
  Instant since{};
  Instant heard{};
  Instant next_search{};
  Kind kind;
};
struct Matchmaker::Timers : Alarms<Ticket> {};

/// A group that grows from its seed, by depth-first search over the candidates.
struct Matchmaker::Search {
  std::size_t wanted = 0;
  std::vector<Candidate> candidates{};
  std::vector<const Waiter*> group{};
  std::size_t steps = 0;
};

bool should_connect(Reach a, Reach b) { return a != Reach::hard || b != Reach::hard; }

std::optional<Duration> expected_round_trip(const Seeker& a, const IpAddress& at_a, const Seeker& b,
                                            const IpAddress& at_b) {
  const auto by_a = a.round_trips.find(b.member);
  const auto by_b = b.round_trips.find(a.member);
  const bool knows_a = by_a != a.round_trips.end();
  const bool knows_b = by_b != b.round_trips.end();
  if (knows_a && knows_b) return (by_a->second + by_b->second) / 2;
  if (knows_a) return by_a->second;
  if (knows_b) return by_b->second;
  if (household_of(at_a) == household_of(at_b)) return std::chrono::milliseconds{1};  // one network, or one router
  if (!a.round_trip || !b.round_trip) return std::nullopt;
  return std::max(*a.round_trip, *b.round_trip);
}

Matchmaker::Matchmaker(const Config& config, Rng& rng)
    : config_(config), rng_(rng), timers_(std::make_unique<Timers>()) {}
Matchmaker::~Matchmaker() = default;

bool Matchmaker::is_well_formed(const Seeker& seeker) {
  if (!is_member(seeker.member) || !is_word(seeker.game)) return false;
  if (seeker.players < 2 || seeker.players > most_players || seeker.tags.size() > most_tags) return false;
  if (seeker.blocked.size() > most_blocked || seeker.round_trips.size() > most_known_trips) return false;
  return std::ranges::all_of(seeker.blocked, is_member) &&
         std::ranges::all_of(seeker.round_trips, [](const auto& known) { return is_member(known.first); }) &&
         std::ranges::all_of(seeker.tags, [](const auto& tag) {
           return !tag.first.empty() && is_word(tag.first) && is_word(tag.second);
         });
}

// --- who waits -----------------------------------------------------------------------------------------------------

std::expected<void, SeekRefusal> Matchmaker::seek(Instant now, Ticket ticket, const Seeker& seeker,
                                                  const IpAddress& from, double failures) {
  const auto refuse = [this](SeekRefusal why) {
    ++counters_.refused;
    return std::unexpected(why);
  };
  forget_met(now);
  if (!is_well_formed(seeker)) return refuse(SeekRefusal::malformed);
  if (const auto known = waiting_.find(ticket); known != waiting_.end()) {
    auto& waiter = known->second;
    if (is_same_wish(waiter.seeker, seeker)) {
      waiter.seeker.round_trip = seeker.round_trip;
      waiter.heard = now;
      waiter.failures = failures;
      set_alarm(now, waiter);
      return {};
    }
    remove(ticket);
  }
  const auto household = household_of(from);
  const auto bytes = bytes_of(seeker);
  const auto neighbours = per_household_.find(household);
  if (waiting_.size() >= config_.limits.waiting || bytes_ + bytes > config_.limits.bytes ||
      (neighbours != per_household_.end() && neighbours->second >= config_.limits.waiting_per_address))
    return refuse(SeekRefusal::full);
  ++counters_.sought;
  ++per_household_[household];
  bytes_ += bytes;
  auto& waiter = waiting_[ticket];
  waiter = {.ticket = ticket,
            .seeker = seeker,
            .household = household,
            .failures = failures,
            .since = now,
            .heard = now,
            .next_search = now + config_.choosy,
            .kind = kind_of(seeker)};
  queues_[waiter.kind].emplace(now, ticket);
  set_alarm(now, waiter);
  look_for_match(now, ticket);
  return {};
}

void Matchmaker::cancel(Ticket ticket) {
  if (!waiting_.contains(ticket)) return;
  ++counters_.cancelled;
  remove(ticket);
}

void Matchmaker::remove(Ticket ticket) {
  const auto found = waiting_.find(ticket);
  const auto& waiter = found->second;
  const auto queue = queues_.find(waiter.kind);
  queue->second.erase({waiter.since, ticket});
  if (queue->second.empty()) queues_.erase(queue);
  const auto household = per_household_.find(waiter.household);
  if (--household->second == 0) per_household_.erase(household);
  bytes_ -= bytes_of(waiter.seeker);
  timers_->cancel(ticket);
  waiting_.erase(found);
}

void Matchmaker::set_alarm(Instant now, Waiter& waiter) {
  timers_->set(waiter.ticket, std::max(now, std::min(waiter.heard + config_.silence, waiter.next_search)));
}

void Matchmaker::handle_timeout(Instant now) {
  while (const auto ticket = timers_->pop(now)) {
    auto& waiter = waiting_.at(*ticket);
    if (waiter.heard + config_.silence <= now) {
      ++counters_.silent;
      remove(*ticket);
      continue;
    }
    // From `choosy` on more pairs may meet; later on, for what an earlier search did not get to.
    waiter.next_search = now + config_.retry;
    set_alarm(now, waiter);
    look_for_match(now, *ticket);
  }
}

std::optional<Instant> Matchmaker::poll_timeout() const { return timers_->next(); }

std::size_t Matchmaker::waiting_with(Ticket ticket) const {
  const auto found = waiting_.find(ticket);
  return found == waiting_.end() ? 0 : queues_.at(found->second.kind).size();
}

std::optional<Matchmaker::Found> Matchmaker::poll_match() {
  if (found_.empty()) return std::nullopt;
  auto next = std::move(found_.front());
  found_.pop_front();
  return next;
}

// --- who meets -----------------------------------------------------------------------------------------------------

bool Matchmaker::have_met(const Waiter& a, const Waiter& b) const {
  const auto has = [this](const std::string& one, const std::string& other) {
    const auto found = met_.find(one);
    return found != met_.end() && std::ranges::find(found->second.opponents, other) != found->second.opponents.end();
  };
  return has(a.seeker.member, b.seeker.member) || has(b.seeker.member, a.seeker.member);
}

bool Matchmaker::may_meet(Instant now, const Waiter& a, const Waiter& b) const {
  if (a.seeker.member == b.seeker.member) return false;
  if (a.seeker.blocked.contains(b.seeker.member) || b.seeker.blocked.contains(a.seeker.member)) return false;
  if (!shares_family(a.seeker.families, b.seeker.families)) return false;
  const auto trip = expected_round_trip(a.seeker, a.household, b.seeker, b.household);
  if (!suits(a.seeker, trip, b.seeker.strain) || !suits(b.seeker, trip, a.seeker.strain)) return false;
  if (now - std::min(a.since, b.since) >= config_.choosy) return true;
  return should_connect(a.seeker.reach, b.seeker.reach) && !(trip && *trip > config_.far) && !have_met(a, b);
}

double Matchmaker::cost_of(const Waiter& a, const Waiter& b) const {
  const auto trip = expected_round_trip(a.seeker, a.household, b.seeker, b.household);
  auto cost = trip ? to_ms(*trip) : cost_of_unknown_trip;
  if (!should_connect(a.seeker.reach, b.seeker.reach)) cost += cost_of_hard_pair;
  if (a.seeker.reach == Reach::unknown || b.seeker.reach == Reach::unknown) cost += cost_of_unknown_reach;
  if (have_met(a, b)) cost += cost_of_meeting_again;
  return cost;
}

/// Those who may meet the seed, the best first.
std::vector<Matchmaker::Candidate> Matchmaker::candidates_for(Instant now, const Waiter& seed) const {
  std::vector<Candidate> candidates;
  for (const auto& [since, ticket] : queues_.at(seed.kind)) {
    const auto& other = waiting_.at(ticket);
    if (ticket == seed.ticket || !may_meet(now, seed, other)) continue;
    const auto waited = std::chrono::duration<double>(now - since).count();
    candidates.push_back({.cost = cost_of(seed, other) - worth_of_a_second * waited, .waiter = &other});
    if (candidates.size() == config_.limits.considered) break;
  }
  std::ranges::stable_sort(candidates, {}, &Candidate::cost);
  return candidates;
}

/// Whether the group can be filled up with candidates from this one on; they are in it then.
bool Matchmaker::complete(Instant now, Search& search, std::size_t from) const {
  if (search.group.size() == search.wanted) return true;
  for (auto i = from; i < search.candidates.size(); ++i) {
    if (search.candidates.size() - i < search.wanted - search.group.size()) return false;
    if (++search.steps > config_.limits.steps) return false;
    const auto* next = search.candidates[i].waiter;
    const bool fits = std::ranges::all_of(search.group.begin() + 1, search.group.end(),  // the seed it may meet
                                          [&](const Waiter* other) { return may_meet(now, *other, *next); });
    if (!fits) continue;
    search.group.push_back(next);
    if (complete(now, search, i + 1)) return true;
    search.group.pop_back();
  }
  return false;
}

/// A match that this one is in. Whoever else waits has been looked for when it came, or changed.
void Matchmaker::look_for_match(Instant now, Ticket ticket) {
  const auto& seed = waiting_.at(ticket);
  const std::size_t wanted = seed.seeker.players;
  if (queues_.at(seed.kind).size() < wanted) return;
  Search search{.wanted = wanted, .candidates = candidates_for(now, seed), .group = {&seed}};
  if (complete(now, search, 0)) settle(now, search.group);
}

void Matchmaker::settle(Instant now, const std::vector<const Waiter*>& group) {
  Found found;
  found.match = describe(group, found.tickets);
  ++counters_.matches;
  counters_.matched += found.tickets.size();
  for (const auto ticket : found.tickets) remove(ticket);
  remember(now, found.match.players);
  found_.push_back(std::move(found));
}

Match Matchmaker::describe(const std::vector<const Waiter*>& group, std::vector<Ticket>& tickets) const {
  struct Ranked {
    Player player;
    Ticket ticket;
    double minus_score;
  };
  std::vector<Ranked> ranked;
  for (const auto* each : group) {
    Fitness fitness{.reach = each->seeker.reach,
                    .reached = 0,
                    .mean_rtt = {},
                    .failures = each->failures,
                    .strain = each->seeker.strain};
    Duration sum{};
    std::size_t known = 0;
    for (const auto* other : group) {
      if (other == each) continue;
      if (should_connect(each->seeker.reach, other->seeker.reach)) ++*fitness.reached;
      if (const auto trip = expected_round_trip(each->seeker, each->household, other->seeker, other->household)) {
        sum += *trip;
        ++known;
      }
    }
    if (known > 0) fitness.mean_rtt = sum / static_cast<Duration::rep>(known);
    const auto score = score_of(fitness, group.size() - 1).total;
    ranked.push_back({{.member = each->seeker.member, .fitness = fitness, .score = score}, each->ticket, -score});
  }
  // Of equals the one with the lesser id: what decides must not be who was quick.
  std::ranges::sort(ranked, {}, [](const Ranked& each) { return std::tie(each.minus_score, each.player.member); });
  Bytes id(session_bytes);
  rng_.fill(id);
  const auto& wish = group.front()->seeker;
  Match match{.session = to_hex(id), .game = wish.game, .tags = wish.tags, .players = {}};
  for (auto& each : ranked) {
    match.players.push_back(std::move(each.player));
    tickets.push_back(each.ticket);
  }
  return match;
}

// --- who has met ---------------------------------------------------------------------------------------------------

void Matchmaker::remember(Instant now, const std::vector<Player>& players) {
  for (const auto& player : players) {
    auto& met = met_[player.member];
    met.last = now;
    met_order_.emplace_back(now, player.member);
    for (const auto& other : players) {
      if (other.member == player.member) continue;
      std::erase(met.opponents, other.member);
      met.opponents.push_back(other.member);
      if (met.opponents.size() > std::max(config_.limits.opponents, players.size() - 1)) met.opponents.pop_front();
    }
  }
  forget_met(now);
}

void Matchmaker::forget_met(Instant now) {
  while (!met_order_.empty() &&
         (met_order_.front().first + config_.memory <= now || met_order_.size() > config_.limits.remembered)) {
    const auto found = met_.find(met_order_.front().second);
    if (found != met_.end() && found->second.last == met_order_.front().first) met_.erase(found);
    met_order_.pop_front();
  }
}
}  // namespace natkit::rendezvous
