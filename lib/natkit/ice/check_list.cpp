#include "natkit/ice/check_list.hpp"

#include <algorithm>
#include <utility>

#include "natkit/ice/routed.hpp"

namespace natkit::ice {
namespace {
std::uint64_t priority_of(const LocalCandidate& local, const Candidate& remote, Role role) {
  return role == Role::controlling ? pair_priority(local.candidate.priority, remote.priority)
                                   : pair_priority(remote.priority, local.candidate.priority);
}

/// A base that only opens was checked first, and is used last: who has no need of it can close it.
std::uint32_t as_used(std::uint32_t priority) {
  constexpr std::uint32_t two_preferences = 2U << 8U;
  return local_preference(priority) == best_local_preference ? priority - two_preferences : priority;
}

std::uint64_t worth_of(const LocalCandidate& local, const Candidate& remote, Role role) {
  const auto mine = as_used(local.candidate.priority);
  const auto theirs = as_used(remote.priority);
  return role == Role::controlling ? pair_priority(mine, theirs) : pair_priority(theirs, mine);
}

/// Whether to connect to a place that only the peer says is its own. What a check would do to a web server or a printer
/// is little, yet no business of the peer's: services of this very machine, and ports that are no program's to pick
/// (RFC 6335 §6), are left alone. 443 is where ICE servers wait that firewalls let pass.
bool may_connect(const IpAddress& from, const Candidate& remote) {
  constexpr std::uint16_t first_free_port = 1024;
  constexpr std::uint16_t https = 443;
  if (remote.transport == Transport::udp || remote.transport == Transport::tcp_active) return true;
  if (remote.endpoint.address.is_loopback() && !from.is_loopback()) return false;
  return remote.endpoint.port >= first_free_port || remote.endpoint.port == https;
}

/// Who forwards does so between those that it knows, and no packet goes to a virtual address by any other way.
bool can_be_routed(const LocalCandidate& local, const Candidate& remote) {
  return local.candidate.kind == Kind::routed && remote.kind == Kind::routed &&
         are_at_one_router(local.candidate.endpoint.address, remote.endpoint.address);
}

bool is_here(const IpAddress& address) { return address.is_private() || address.is_link_local(); }

/// Whether a packet from this base could arrive there at all.
bool can_reach(const LocalCandidate& local, const Candidate& remote) {
  const auto& from = local.candidate.endpoint.address;
  const auto& to = remote.endpoint.address;
  if (!can_pair(local.candidate.transport, remote.transport)) return false;
  if (remote.endpoint.port == 0 && remote.transport != Transport::tcp_active) return false;
  if (to.is_unspecified() || to.is_multicast()) return false;
  if (local.candidate.kind == Kind::routed || remote.kind == Kind::routed || is_virtual(to))
    return can_be_routed(local, remote);
  // A relay stands on the internet: it has no neighbours, and must not be made to talk to those of its owner. It may
  // bridge families: which ones its own address tells.
  if (local.candidate.kind == Kind::relayed)
    return from.family() == to.family() && (!is_here(to) || is_here(from)) && (!to.is_loopback() || from.is_loopback());
  const auto& base =
      local.candidate.related && local.candidate.kind != Kind::host ? local.candidate.related->address : from;
  if (!may_connect(base, remote)) return false;
  // RFC 8445 §6.1.2.2: link-local only with link-local.
  return base.family() == to.family() && (base.is_v4() || base.is_link_local() == to.is_link_local());
}

/// It opens only, and the peer has not come through yet.
bool is_silent(const Pair& pair) { return pair.local.manner == Manner::opens && pair.heard == Pair::Heard::no; }

std::size_t turn_of(const Pair& pair) {
  if (pair.is_relayed()) return 2;
  if (pair.is_routed()) return 3;
  return is_here(pair.remote.endpoint.address) ? 0 : 1;
}

bool is_same_foundation(const Pair& a, const Pair& b) {
  return a.local.candidate.foundation == b.local.candidate.foundation && a.remote.foundation == b.remote.foundation;
}
}  // namespace

Pair* CheckList::add(const LocalCandidate& local, const Candidate& remote, Role role) {
  if (!can_reach(local, remote)) return nullptr;
  const auto priority = priority_of(local, remote, role);
  if (auto* known = find(local.base, protocol_of(remote.transport), remote.endpoint)) {
    if (known->priority < priority) {
      known->local.candidate = local.candidate;
      known->remote = remote;
      known->priority = priority;
      known->worth = worth_of(local, remote, role);
    }
    return known;
  }
  const auto protocol = protocol_of(remote.transport);
  if (is_full(protocol) && !make_room(priority, protocol)) return nullptr;
  auto& added = pairs_.emplace_back(Pair{.id = PairId{++last_id_},
                                         .local = local,
                                         .remote = remote,
                                         .priority = priority,
                                         .worth = worth_of(local, remote, role)});
  added.state = is_foundation_busy(added) ? PairState::frozen : PairState::waiting;
  return &added;
}

bool CheckList::is_full(Protocol protocol) const {
  if (pairs_.size() >= most_pairs) return true;
  const auto over_tcp = std::ranges::count(pairs_, Protocol::tcp, &Pair::protocol);
  return protocol == Protocol::tcp && static_cast<std::size_t>(over_tcp) >= most_tcp_pairs;
}

/// Gives up the worst pair that nobody is busy with, if it is worse than this. What goes over TCP takes no other's
/// place.
bool CheckList::make_room(std::uint64_t priority, Protocol protocol) {
  auto worst = pairs_.end();
  for (auto pair = pairs_.begin(); pair != pairs_.end(); ++pair) {
    if (pair->state == PairState::succeeded || pair->state == PairState::in_progress) continue;
    if (protocol == Protocol::tcp && pair->protocol() != Protocol::tcp) continue;
    if (worst == pairs_.end() || pair->priority < worst->priority) worst = pair;
  }
  if (worst == pairs_.end() || (worst->priority >= priority && worst->state != PairState::failed)) return false;
  pairs_.erase(worst);
  return true;
}

Pair* CheckList::find(PairId id) {
  const auto found = std::ranges::find(pairs_, id, &Pair::id);
  return found == pairs_.end() ? nullptr : &*found;
}

Pair* CheckList::find(SocketId base, Protocol protocol, const Endpoint& remote) {
  return const_cast<Pair*>(std::as_const(*this).find(base, protocol, remote));  // NOLINT(*-const-cast): ours to change
}

const Pair* CheckList::find(SocketId base, Protocol protocol, const Endpoint& remote) const {
  const auto found = std::ranges::find_if(pairs_, [&](const Pair& pair) {
    return pair.local.base == base && pair.protocol() == protocol && pair.remote.endpoint == remote;
  });
  return found == pairs_.end() ? nullptr : &*found;
}

bool CheckList::is_foundation_busy(const Pair& pair) const {
  return std::ranges::any_of(pairs_, [&](const Pair& other) {
    return other.id != pair.id && is_same_foundation(other, pair) &&
           (other.state == PairState::waiting || other.state == PairState::in_progress);
  });
}

bool CheckList::may_be_next(const Pair& pair, Over over) const {
  if (over == Over::udp && pair.protocol() != Protocol::udp) return false;
  if (is_silent(pair) || pair.local.candidate.transport == Transport::tcp_passive) return false;
  return pair.state == PairState::waiting || (pair.state == PairState::frozen && !is_foundation_busy(pair));
}

bool CheckList::has_waiting(Over over) const {
  return std::ranges::any_of(pairs_, [&](const Pair& pair) { return may_be_next(pair, over); });
}

Pair* CheckList::take_waiting(Order order, Over over) {
  const auto is_better = [&](const Pair& a, const Pair& b) {
    if (a.state != b.state) return a.state == PairState::waiting;
    if (order == Order::by_turns && taken_.at(turn_of(a)) != taken_.at(turn_of(b)))
      return taken_.at(turn_of(a)) < taken_.at(turn_of(b));
    return a.priority > b.priority;
  };
  Pair* best = nullptr;
  for (auto& pair : pairs_)
    if (may_be_next(pair, over) && (!best || is_better(pair, *best))) best = &pair;
  if (best) ++taken_.at(turn_of(*best));
  return best;
}

void CheckList::unfreeze_like(const Pair& pair) {
  for (auto& other : pairs_)
    if (other.state == PairState::frozen && is_same_foundation(other, pair)) other.state = PairState::waiting;
}

void CheckList::unfreeze_all() {
  for (auto& pair : pairs_)
    if (pair.state == PairState::frozen) pair.state = PairState::waiting;
}

void CheckList::reprioritize(Role role) {
  for (auto& pair : pairs_) {
    pair.priority = priority_of(pair.local, pair.remote, role);
    pair.worth = worth_of(pair.local, pair.remote, role);
  }
}

void CheckList::remove(SocketId base) {
  std::erase_if(pairs_, [&](const Pair& pair) { return pair.local.base == base; });
}

void CheckList::forget(const Candidate& remote) {
  std::erase_if(pairs_, [&](const Pair& pair) {
    return pair.remote.endpoint == remote.endpoint && pair.protocol() == protocol_of(remote.transport);
  });
}

void CheckList::remove(PairId id) {
  std::erase_if(pairs_, [&](const Pair& pair) { return pair.id == id; });
}
}  // namespace natkit::ice
