// What an agent sends, and when: openers, checks and their repetitions, and the checks that watch over paths.
#include <algorithm>
#include <utility>

#include "natkit/ice/agent.hpp"

namespace natkit::ice {
namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t most_sent = 512;  // transactions at a time; 100 pairs that were checked five times each
constexpr unsigned most_openers = 20;   // over a minute and a half, with the spacing below
constexpr Duration first_opener_gap = milliseconds{50};
constexpr Duration longest_opener_gap = seconds{5};  // a NAT keeps an unanswered mapping for 30 s and more
constexpr unsigned sends_in_retry = 3;
constexpr unsigned most_retries = 12;  // four minutes
constexpr Duration first_retry = seconds{1};
constexpr Duration longest_retry = seconds{30};

Duration doubled(Duration first, unsigned times, Duration longest) {
  return std::min(longest, Duration{first.count() << std::min(times, 20U)});
}

/// As what the peer takes our candidate when it has not heard of it (RFC 8445 §7.1.1). What is routed is never anything
/// else.
Kind kind_when_met(const Candidate& candidate) {
  return candidate.kind == Kind::routed ? Kind::routed : Kind::peer_reflexive;
}

/// Where a NAT or firewall of ours may stand in between.
bool is_outside(const IpAddress& address) {
  return !address.is_private() && !address.is_link_local() && !address.is_loopback() && !address.is_shared();
}
}  // namespace

bool Agent::wants_opener(const Pair& pair) const {
  const bool is_unchecked = pair.state == PairState::frozen || pair.state == PairState::waiting;
  const bool is_held_back = pair.local.manner == Manner::opens ? pair.heard == Pair::Heard::no : !may_check();
  return is_unchecked && is_held_back && pair.openers < most_openers && pair.protocol() == Protocol::udp &&
         pair.is_direct() && is_outside(pair.remote.endpoint.address) && (!path_ || !path_->is_direct());
}

void Agent::run_openers(Instant now) {
  for (auto& pair : list_.pairs()) {
    if (!wants_opener(pair) || pair.next_opener.value_or(now) > now) continue;
    if (opener_pacer_.next(config_.own) > now) return;
    opener_pacer_.note(now, config_.own);
    send_opener(now, pair);
  }
}

void Agent::send_opener(Instant now, Pair& pair) {
  for (const auto hops : config_.opener_hop_limits)
    outgoing_.push_back({.socket = pair.local.base,
                         .remote = pair.remote.endpoint,
                         .hop_limit = hops,
                         .payload = write_indication(stun::make_transaction_id(rng_))});
  pair.next_opener = now + doubled(first_opener_gap, pair.openers++, longest_opener_gap);
}

/// Towards a foreign agent that has agreed on a pair the rest of the list is given up (RFC 8445 §8.1.2).
bool Agent::may_go_on() const { return dialect_ == Dialect::natkit || state_ != State::completed; }

/// Whether there are direct pairs of this protocol.
bool Agent::tries(Protocol protocol) const {
  return std::ranges::any_of(list_.pairs(),
                             [&](const Pair& pair) { return pair.protocol() == protocol && pair.is_direct(); });
}

/// When what goes over TCP may be checked as well; nullopt while there is no need to.
std::optional<Instant> Agent::tcp_due() const {
  if (!began_at_ || (path_ && path_->is_direct() && path_->protocol == Protocol::udp)) return std::nullopt;
  return tries(Protocol::udp) ? *began_at_ + config_.tcp_after : *began_at_;
}

Over Agent::protocols(Instant now) const {
  const auto due = tcp_due();
  return due && *due <= now ? Over::all : Over::udp;
}

/// The next ordinary check.
std::optional<Instant> Agent::ordinary_due() const {
  if (!may_check() || !may_go_on()) return std::nullopt;
  const auto paced = pacer_.next(timing());
  if (list_.has_waiting(Over::udp)) return paced;
  const auto tcp = tcp_due();
  if (!tcp || !list_.has_waiting(Over::all)) return std::nullopt;
  return std::max(*tcp, paced);
}

void Agent::run_checks(Instant now) {
  // Triggered checks answer something authentic, so between our own agents they need no pacing.
  while (remote_ && !triggered_.empty() && (dialect_ == Dialect::natkit || pacer_.next(timing()) <= now)) {
    auto* pair = list_.find(triggered_.front());
    triggered_.pop_front();
    if (!pair || pair->is_valid()) continue;
    pacer_.note(now, timing());
    begin_check(now, *pair);
  }
  for (auto& pair : list_.pairs())
    if (pair.next_send && *pair.next_send <= now) repeat_check(now, pair);
  while (may_check() && may_go_on() && pacer_.next(timing()) <= now) {
    auto* pair = list_.take_waiting(dialect_ == Dialect::natkit ? Order::by_turns : Order::by_priority, protocols(now));
    if (!pair) return;
    pacer_.note(now, timing());
    begin_check(now, *pair);
  }
}

void Agent::begin_check(Instant now, Pair& pair) {
  pair.sends = 0;
  if (!pair.is_valid()) pair.state = PairState::in_progress;
  send_check(now, pair);
}

/// It was valid, and has to prove itself once more.
void Agent::begin_recheck(Instant now, Pair& pair) {
  pair.watch.end();
  pair.state = PairState::in_progress;
  begin_check(now, pair);
}

void Agent::send_check(Instant now, Pair& pair) {
  const auto& candidate = pair.local.candidate;
  Check check{.role = role_,
              .tie_breaker = tie_breaker_,
              .priority = priority(kind_when_met(candidate), candidate.transport, local_preference(candidate.priority)),
              .dialect = Dialect::natkit};
  if (nominating_ == pair.id) check.nomination = dialect_ == Dialect::natkit ? nominations_ : 0;
  const auto id = stun::make_transaction_id(rng_);
  remember(id, {.pair = pair.id, .at = now, .role = role_, .nomination = check.nomination});
  outgoing_.push_back({.socket = pair.local.base,
                       .protocol = pair.protocol(),
                       .remote = pair.remote.endpoint,
                       .payload = write_check(id, check, local_, *remote_, cargo_for(pair))});
  pair.watch.note_sent(now, watch_timing(pair));
  ++pair.sends;
  pair.next_send = now + wait_after(pair);
}

/// A valid pair is a path, and by that the owner sends itself.
ByteView Agent::cargo_for(const Pair& pair) const {
  const bool is_proven = pair.heard == Pair::Heard::yes;
  const bool may_ride = dialect_ == Dialect::natkit && !pair.is_valid() &&
                        cargo_.size() <= (is_proven ? most_cargo : most_unproven_cargo);
  return may_ride ? ByteView{cargo_} : ByteView{};
}

void Agent::remember(const stun::TransactionId& id, const Sent& sent) {
  sent_.emplace(id, sent);
  sent_order_.push_back(id);
  if (sent_order_.size() <= most_sent) return;
  sent_.erase(sent_order_.front());
  sent_order_.pop_front();
}

Duration Agent::rto(const Pair& pair) const {
  if (dialect_ == Dialect::natkit) return std::max(config_.own.least_rto, pair.rtt.value_or(config_.rtt_guess) * 3 / 2);
  const auto busy = std::ranges::count_if(list_.pairs(), [](const Pair& other) {
    return other.state == PairState::waiting || other.state == PairState::in_progress;
  });
  return std::max(config_.rfc.least_rto, config_.rfc.pace * busy);  // RFC 8445 §14.3
}

/// TCP repeats by itself (RFC 8489 §6.2.2).
unsigned Agent::most_sends(const Pair& pair) const {
  if (pair.protocol() == Protocol::tcp) return 1;
  return pair.rests > 0 ? sends_in_retry : timing().most_sends;
}

Duration Agent::wait_after(const Pair& pair) const {
  if (pair.protocol() == Protocol::tcp) return timing().patience;
  if (pair.sends >= most_sends(pair) && !pair.is_valid()) return rto(pair) * timing().last_wait_rtos;
  return doubled(rto(pair), pair.sends - 1, timing().longest_rto);
}

void Agent::repeat_check(Instant now, Pair& pair) {
  pair.next_send.reset();
  switch (pair.state) {
    case PairState::in_progress:
      if (pair.sends >= most_sends(pair) || (pair.sends >= sends_in_retry && !is_worth_retrying(pair)))
        return give_up(now, pair);
      return send_check(now, pair);
    case PairState::succeeded:
      // Only a nomination is repeated; for the rest there is the watch.
      if (nominating_ == pair.id) send_check(now, pair);
      return;
    case PairState::failed:
      if (!remote_ || pair.rests >= most_retries) return;
      if (!is_worth_retrying(pair)) {
        pair.next_send = now + longest_retry;
        return;
      }
      ++pair.rests;
      return begin_check(now, pair);
    case PairState::frozen:
    case PairState::waiting:
      return;
  }
}

/// A path that fails now may work when a mapping has expired, a cable is back or the peer has started.
bool Agent::is_worth_retrying(const Pair& pair) const {
  if (!path_) return true;
  const auto* used = list_.find(path_->socket, path_->protocol, path_->remote);
  return !used || worth(pair) > worth(*used) || dialect_ == Dialect::rfc;
}

void Agent::give_up(Instant now, Pair& pair) { give_up(now, pair, doubled(first_retry, pair.rests, longest_retry)); }

/// The connection was refused, or has ended. A NAT may have refused it because the peer had not opened it yet.
void Agent::lose_connection(Instant now, Pair& pair) {
  const bool was_path = is_path(pair);
  const bool is_over = pair.state == PairState::in_progress || pair.is_valid();
  if (is_over) give_up(now, pair, doubled(rto(pair), pair.rests, longest_retry));
  if (pair.local.candidate.transport == Transport::tcp_passive) {
    // Who comes again comes from another port. That nothing grows, this one is forgotten.
    const auto remote = pair.remote;
    list_.remove(pair.id);
    if (remote.kind == Kind::peer_reflexive) std::erase(remotes_, remote);
  }
  if (was_path) lose_path(now);
}

void Agent::give_up(Instant now, Pair& pair, Duration pause) {
  pair.state = PairState::failed;
  pair.watch.end();
  pair.next_send.reset();
  pair.nomination.reset();
  if (nominating_ == pair.id) nominating_.reset();
  if (dialect_ == Dialect::natkit && pair.local.candidate.transport != Transport::tcp_passive)
    pair.next_send = now + pause;
}

/// The path in use is watched closely, the others only so that their mappings stay.
const Timing& Agent::watch_timing(const Pair& pair) const {
  if (!is_path(pair)) return config_.rfc;
  return dialect_ == Dialect::natkit && pair.protocol() == Protocol::tcp ? config_.tcp : timing();
}

void Agent::run_watches(Instant now) {
  bool is_lost = false;
  for (auto& pair : list_.pairs()) {
    if (!pair.is_valid()) continue;
    if (pair.watch.is_dead(now, watch_timing(pair), pair.rtt)) {
      is_lost = is_lost || is_path(pair);
      give_up(now, pair);
    } else if (pair.watch.is_due(now)) {
      const auto next_send = pair.next_send;
      send_check(now, pair);
      pair.next_send = next_send;
    }
  }
  if (is_lost) lose_path(now);
}

std::optional<Instant> Agent::pair_due(const Pair& pair) const {
  auto due = pair.next_send;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  if (wants_opener(pair)) consider(std::max(pair.next_opener.value_or(Instant{}), opener_pacer_.next(config_.own)));
  if (pair.is_valid()) consider(pair.watch.next(watch_timing(pair), pair.rtt));
  return due;
}
}  // namespace natkit::ice
