// What an agent receives: checks of the peer (RFC 8445 §7.3) and answers to its own (§7.2.5).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/ice/agent.hpp"
#include "natkit/ice/routed.hpp"

namespace natkit::ice {
namespace {
constexpr std::size_t most_seen = 256;           // requests remembered: a minute and more between our own agents
constexpr std::size_t most_early = 16;           // checks before the peer's credentials: it has few paths to us
constexpr std::size_t most_peer_reflexive = 16;  // one per NAT on the way and network of the peer's
constexpr std::size_t longest_triggered_queue = CheckList::most_pairs;

Duration smoothed(std::optional<Duration> known, Duration measured) {
  return known ? (*known * 7 + measured) / 8 : measured;  // RFC 6298 §2.3
}

/// What the far end of a connection to a candidate of this transport must be.
Transport counterpart(Transport transport) {
  if (transport == Transport::tcp_passive) return Transport::tcp_active;
  if (transport == Transport::tcp_active) return Transport::tcp_passive;
  return transport;
}
}  // namespace

bool Agent::handle_request(const Datagram& in, const stun::Message& request) {
  const auto names = fragments(request);
  if (!names) return false;
  if (previous_ && names->receiver == previous_->local.ufrag) {
    // The peer may not have heard of the restart yet, and watches the old path.
    if (is_authentic(request, previous_->local.password))
      send_back(in, write_success(request.transaction_id(), in.remote, previous_->local.password));
    return true;
  }
  if (names->receiver != local_.ufrag) return false;
  if (config_.fragment == Fragment::shared && remote_ && names->sender != remote_->ufrag) return false;
  const bool is_base = std::ranges::any_of(locals_, [&](const auto& local) { return local.base == in.socket; });
  if (!is_base || !is_authentic(request, local_.password)) return true;

  const auto check = read_check(request);
  if (!check) {
    send_back(in, write_error(request, check.error(), local_.password));
    return true;
  }
  const bool is_new = !is_repeated(request.transaction_id());
  if (check->role == role_) {
    if (keeps_role(*check)) {
      send_back(in, write_error(request, role_conflict, local_.password));
      return true;
    }
    if (is_new) switch_role();
  }
  const auto cargo = check->dialect == Dialect::natkit ? ByteView{cargo_} : ByteView{};
  send_back(in, write_success(request.transaction_id(), in.remote, local_.password, Dialect::natkit, cargo));
  if (!is_new || (remote_ && names->sender != remote_->ufrag)) return true;
  learn_dialect(check->dialect);
  if (remote_) {
    handle_check(in.socket, in.protocol, in.remote, *check);
  } else if (early_.size() < most_early) {
    early_.push_back({in.socket, in.protocol, in.remote, std::string{names->sender}, *check});
  }
  return true;
}

/// Whether only the peer can have written it: a check under our current credentials, or the answer to one of ours.
bool Agent::is_of_peer(const Datagram& in, const stun::Message& message) const {
  if (message.method() != stun::Method::binding) return false;
  if (message.message_class() == stun::MessageClass::success)
    return remote_ && owns(message.transaction_id()) && is_authentic(message, remote_->password);
  const auto names = fragments(message);
  const bool is_base = std::ranges::any_of(locals_, [&](const auto& local) { return local.base == in.socket; });
  return message.message_class() == stun::MessageClass::request && is_base && names &&
         names->receiver == local_.ufrag && (!remote_ || names->sender == remote_->ufrag) &&
         is_authentic(message, local_.password);
}

void Agent::set_cargo(Bytes cargo) {
  cargo_ = std::move(cargo);
  if (cargo_.size() > most_cargo) cargo_.clear();
}

Bytes Agent::cargo_in(const Datagram& in) const {
  const auto message = stun::parse_message(in.payload);
  if (!message) return {};
  const auto cargo = cargo_of(*message);
  if (cargo.empty() || !is_of_peer(in, *message)) return {};
  return {cargo.begin(), cargo.end()};
}

/// §7.3.1.1: of two that claim the same role the controlling one keeps it if its tie-breaker is not less, the
/// controlled one if it is less.
bool Agent::keeps_role(const Check& check) const {
  const bool is_greater = tie_breaker_ >= check.tie_breaker;
  return role_ == Role::controlling ? is_greater : !is_greater;
}

/// Notes the request, too. One that is sent again is answered again, but changes nothing: it may be a replay.
bool Agent::is_repeated(const stun::TransactionId& id) {
  if (std::ranges::find(seen_, id) != seen_.end()) return true;
  seen_.push_back(id);
  if (seen_.size() > most_seen) seen_.pop_front();
  return false;
}

void Agent::send_back(const Datagram& in, Bytes payload) {
  outgoing_.push_back(
      {.socket = in.socket, .protocol = in.protocol, .remote = in.remote, .payload = std::move(payload)});
}

void Agent::handle_check(SocketId socket, Protocol protocol, const Endpoint& remote, const Check& check) {
  auto* pair = pair_of_check(socket, protocol, remote, check);
  if (!pair) return;
  pair->heard = Pair::Heard::yes;
  if (check.nomination && role_ == Role::controlled)
    pair->nomination = std::max(pair->nomination.value_or(0), *check.nomination);
  if (pair->is_valid() || triggered_.size() >= longest_triggered_queue) return;
  // §7.3.1.4. What has failed gets all its sends again, since now the peer is known to be there.
  if (pair->state != PairState::in_progress) pair->state = PairState::waiting;
  pair->rests = 0;
  pair->next_send.reset();
  if (std::ranges::find(triggered_, pair->id) == triggered_.end()) triggered_.push_back(pair->id);
}

/// The pair that a check came through, made where it is new (§7.3.1.3). Null when there is no room for it.
Pair* Agent::pair_of_check(SocketId socket, Protocol protocol, const Endpoint& remote, const Check& check) {
  if (auto* known = list_.find(socket, protocol, remote)) return known;
  const LocalCandidate* local = nullptr;
  for (const auto& candidate : locals_)
    if (candidate.base == socket && (!local || candidate.candidate.priority > local->candidate.priority))
      local = &candidate;
  if (!local) return nullptr;
  const auto* found = remote_of_check(*local, remote, check);
  return found ? list_.add(*local, *found, role_) : nullptr;
}

/// At a router the peer has one address, so one is all that it can be met at there.
Candidate* Agent::remote_of_check(const LocalCandidate& local, const Endpoint& remote, const Check& check) {
  const auto protocol = protocol_of(local.candidate.transport);
  const auto known = std::ranges::find_if(remotes_, [&](const Candidate& candidate) {
    return candidate.endpoint == remote && protocol_of(candidate.transport) == protocol;
  });
  if (known != remotes_.end()) return &*known;
  const bool is_routed = local.candidate.kind == Kind::routed;
  const auto is_there = [&](const Candidate& other) {
    return are_at_one_router(other.endpoint.address, local.candidate.endpoint.address);
  };
  const bool has_place = is_routed ? std::ranges::none_of(remotes_, is_there) : has_place_for_met();
  if (!has_place) return nullptr;
  remotes_.push_back({.kind = is_routed ? Kind::routed : Kind::peer_reflexive,
                      .transport = counterpart(local.candidate.transport),
                      .priority = check.priority,
                      .foundation = fmt::format("met{}", met_++),  // unlike all others (§7.3.1.3)
                      .endpoint = remote});
  events_.emplace_back(PeerReflexiveFound{remotes_.back()});
  return &remotes_.back();
}

/// A peer that moves leaves places behind where it answers no more: the one it was met at first is given up for the
/// next.
bool Agent::has_place_for_met() {
  const auto met = std::ranges::count(remotes_, Kind::peer_reflexive, &Candidate::kind);
  if (static_cast<std::size_t>(met) < most_peer_reflexive) return true;
  const auto left = std::ranges::find_if(remotes_, [&](const Candidate& remote) {
    return remote.kind == Kind::peer_reflexive && std::ranges::all_of(list_.pairs(), [&](const Pair& pair) {
             return pair.remote.endpoint != remote.endpoint || pair.state == PairState::failed;
           });
  });
  if (left == remotes_.end()) return false;
  list_.forget(*left);
  remotes_.erase(left);
  return true;
}

void Agent::handle_answer(Instant now, const Datagram& in, const stun::Message& answer) {
  const auto found = sent_.find(answer.transaction_id());
  auto* pair = list_.find(found->second.pair);
  // §7.2.5.2.1 fails a pair whose answer comes from elsewhere. Whoever can replay an answer could then fail any pair,
  // so it only counts as no answer.
  if (!pair || !remote_ || in.socket != pair->local.base || in.remote != pair->remote.endpoint ||
      !is_authentic(answer, remote_->password))
    return;
  const auto sent = found->second;
  std::erase(sent_order_, found->first);
  sent_.erase(found);
  learn_dialect(dialect_of(answer));
  if (answer.message_class() == stun::MessageClass::success) return succeed(now, *pair, sent, answer);
  if (answer.error_code() == role_conflict) {
    // §7.2.5.1. Unless a check of the peer has made us switch in the meantime.
    if (sent.role == role_) {
      switch_role();
      tie_breaker_ = rng_.next();
    }
    if (!pair->is_valid()) triggered_.push_back(pair->id);
  } else if (pair->state == PairState::in_progress) {
    give_up(now, *pair);
  }
}

void Agent::succeed(Instant now, Pair& pair, const Sent& sent, const stun::Message& answer) {
  const auto mapped = answer.mapped_endpoint();
  if (!mapped) return;
  pair.mapped = mapped;
  pair.rtt = smoothed(pair.rtt, now - sent.at);
  if (!pair.is_valid()) list_.unfreeze_like(pair);
  pair.state = PairState::succeeded;
  pair.rests = 0;
  pair.watch.note_answer(now, watch_timing(pair), rng_);
  const bool is_confirmation = role_ == Role::controlling && nominating_ == pair.id &&
                               sent.nomination == (dialect_ == Dialect::natkit ? nominations_ : 0);
  if (is_confirmation) {
    pair.nomination = nominations_;
    nominating_.reset();
  }
  if (nominating_ != pair.id) pair.next_send.reset();
}
}  // namespace natkit::ice
