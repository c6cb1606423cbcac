// Which pair is used (RFC 8445 §8), and what is said when none is.
#include <algorithm>
#include <set>
#include <tuple>

#include "natkit/ice/agent.hpp"

namespace natkit::ice {
/// By what pairs that work are compared. A foreign agent would not follow where that is not the priority.
std::uint64_t Agent::worth(const Pair& pair) const { return dialect_ == Dialect::natkit ? pair.worth : pair.priority; }

Pair* Agent::best_valid() {
  Pair* best = nullptr;
  for (auto& pair : list_.pairs())
    if (pair.is_valid() && (!best || worth(pair) > worth(*best))) best = &pair;
  return best;
}

/// The pair nominated last; of several nominated alike (a foreign agent of RFC 5245 does that), or while none is, the
/// best.
Pair* Agent::chosen() {
  const auto rank = [&](const Pair& pair) {
    return std::tuple{pair.nomination.has_value(), pair.nomination.value_or(0), worth(pair)};
  };
  Pair* best = nullptr;
  for (auto& pair : list_.pairs())
    if (pair.is_valid() && (!best || rank(pair) > rank(*best))) best = &pair;
  return best;
}

bool Agent::is_path(const Pair& pair) const {
  return path_ && path_->socket == pair.local.base && path_->protocol == pair.protocol() &&
         path_->remote == pair.remote.endpoint;
}

void Agent::choose(Instant now) {
  auto* best = best_valid();
  if (!best) return;
  if (!first_valid_at_) first_valid_at_ = now;
  if (role_ == Role::controlling) nominate(now);
  select(now, *chosen());
}

/// Better pairs than this one may still turn out to be valid.
bool Agent::has_hope_above(const Pair& pair) const {
  return std::ranges::any_of(list_.pairs(), [&](const Pair& other) {
    return worth(other) > worth(pair) && other.state != PairState::succeeded && other.state != PairState::failed;
  });
}

/// Our own agents agree at once and again whenever there is something better. A foreign one is asked once (§8.1.1), so
/// it pays to wait a little for the best.
void Agent::nominate(Instant now) {
  auto* best = best_valid();
  const auto* current = chosen();
  if (nominating_ == best->id || (current->nomination && worth(*current) >= worth(*best))) return;
  if (dialect_ == Dialect::rfc) {
    if (nominating_ || current->nomination) return;
    if (has_hope_above(*best) && now < *first_valid_at_ + config_.rfc.nomination_wait) return;
  } else if (nominating_) {
    const auto* other = list_.find(*nominating_);
    if (other && other->is_valid() && worth(*other) >= worth(*best)) return;
  }
  ++nominations_;
  nominating_ = best->id;
  begin_check(now, *best);
}

std::optional<Instant> Agent::nomination_due() const {
  if (role_ != Role::controlling || dialect_ != Dialect::rfc || nominating_ || state_ != State::connected ||
      !first_valid_at_)
    return std::nullopt;
  return *first_valid_at_ + config_.rfc.nomination_wait;
}

/// Whoever connects over TCP comes from a port that nobody announced; at an address that was announced it is that host.
Kind Agent::remote_kind(const Pair& pair) const {
  const bool is_host = pair.protocol() == Protocol::tcp && pair.remote.kind == Kind::peer_reflexive &&
                       std::ranges::any_of(remotes_, [&](const Candidate& known) {
                         return known.kind == Kind::host && known.transport == Transport::tcp_active &&
                                known.endpoint.address == pair.remote.endpoint.address;
                       });
  return is_host ? Kind::host : pair.remote.kind;
}

void Agent::select(Instant now, Pair& pair) {
  const Path path{.socket = pair.local.base,
                  .protocol = pair.protocol(),
                  .remote = pair.remote.endpoint,
                  .local_kind = pair.local.candidate.kind,
                  .remote_kind = remote_kind(pair),
                  .mapped = pair.mapped,
                  .rtt = pair.rtt};
  const bool is_change = !path_ || !path_->is_same_way(path);
  path_ = path;
  if (is_change) {
    // It was watched at leisure so far. A foreign agent's consent begins anew with an answer alone (RFC 7675 §5.1).
    if (dialect_ == Dialect::natkit) pair.watch.renew(now, watch_timing(pair), rng_);
    events_.emplace_back(PathSelected{path});
  }
  const auto agreed = pair.nomination ? State::completed : State::connected;
  if (state_ == agreed && !is_change) return;
  if (agreed == State::completed && state_ != State::completed) events_.emplace_back(Completed{});
  state_ = agreed;
  checking_since_.reset();
}

void Agent::lose_path(Instant now, Others others) {
  events_.emplace_back(PathLost{*path_});
  path_.reset();
  state_ = State::checking;
  // The next nomination must outbid that of the dead path, which the peer may still take for alive.
  if (role_ == Role::controlling)
    for (auto& pair : list_.pairs()) pair.nomination.reset();
  was_connected_ = true;
  if (dialect_ == Dialect::natkit && others == Others::doubted) doubt_all(now);
  if (best_valid()) return;  // `choose` takes that one
  checking_since_ = now;
  first_valid_at_.reset();
}

/// Whatever killed the path may have killed others, whose answers are seconds old. So all are asked at once and the
/// first that answers is used: to try one after the other would take as long for each as it took to notice.
void Agent::doubt_all(Instant now) {
  for (auto& pair : list_.pairs()) {
    if (pair.is_valid()) {
      begin_recheck(now, pair);
    } else if (pair.state == PairState::failed) {
      pair.rests = 0;
      pair.next_send = now;
    }
  }
}

std::optional<Instant> Agent::verdict_due() const {
  if (state_ != State::checking || !checking_since_) return std::nullopt;
  auto patience = std::max(timing().patience, 4 * config_.rtt_guess);
  if (tries(Protocol::tcp) && !tries(Protocol::udp)) patience = std::max(patience, config_.tcp_patience);
  return std::max(*checking_since_ + patience, patient_until_.value_or(Instant{}));
}

void Agent::judge(Instant now) {
  const auto due = verdict_due();
  if (!due) return;
  const bool is_hopeless =
      dialect_ == Dialect::natkit && locals_complete_ && remotes_complete_ && list_.pairs().empty();
  if (now < *due && !is_hopeless) return;
  state_ = State::failed;
  path_.reset();
  events_.emplace_back(Failed{failure()});
}

Agent::FailureReason Agent::failure() const {
  if (was_connected_) return FailureReason::path_lost;
  if (list_.pairs().empty()) return FailureReason::no_pairs;
  const bool is_heard = std::ranges::any_of(list_.pairs(), [](const Pair& p) { return p.heard == Pair::Heard::yes; });
  return is_heard ? FailureReason::one_way : FailureReason::unheard;
}

/// Only where a check to the outside left a base of ours in vain, and nothing came back directly.
std::optional<Family> Agent::spoilt_family() const {
  std::optional<Family> spoilt;
  for (const auto& pair : list_.pairs()) {
    if (!pair.is_direct() || pair.protocol() != Protocol::udp) continue;
    if (pair.is_valid() || pair.heard == Pair::Heard::yes) return std::nullopt;
    const bool is_reflexive = pair.remote.kind != Kind::host || !pair.remote.endpoint.address.is_private();
    if (is_reflexive && pair.sends > 0) spoilt = pair.remote.endpoint.address.family();
  }
  return spoilt;
}

/// Those asked for, or those that the owner provided unasked.
unsigned Agent::fresh_bases() const {
  std::set<SocketId> given;
  for (const auto& local : locals_)
    if (local.manner == Manner::opens) given.insert(local.base);
  return std::max(fresh_bases_, static_cast<unsigned>(given.size()));
}

std::optional<Instant> Agent::fresh_base_due() const {
  if (!began_at_ || (path_ && path_->is_direct()) || fresh_bases() >= config_.most_fresh_bases || !spoilt_family())
    return std::nullopt;
  return *began_at_ + config_.fresh_base_after * ((2U << fresh_bases()) - 1);
}

void Agent::want_fresh_base(Instant now) {
  const auto due = fresh_base_due();
  if (!due || now < *due) return;
  fresh_bases_ = fresh_bases() + 1;
  events_.emplace_back(WantsFreshBase{*spoilt_family()});
}
}  // namespace natkit::ice
