#include "natkit/ice/agent.hpp"

#include <algorithm>
#include <utility>

namespace natkit::ice {
namespace {
constexpr std::size_t most_locals = most_candidates;
constexpr std::size_t most_path_errors = 16;
/// Later than this is more than any timer's own lateness: a tick of the slowest kernels (HZ=100).
constexpr Duration standstill_begins = std::chrono::milliseconds{10};

bool is_same_place(const Candidate& a, const Candidate& b) {
  return a.endpoint == b.endpoint && protocol_of(a.transport) == protocol_of(b.transport);
}
}  // namespace

Agent::Agent(Config config, Rng& rng)
    : config_(std::move(config)), rng_(rng), role_(config_.role), tie_breaker_(rng.next()), local_(config_.local) {}

void Agent::start(Instant now) {
  note_call(now);
  if (started_at_) return;
  started_at_ = now;
  state_ = State::checking;
  if (remote_) began_at_ = checking_since_ = now;
  advance(now);
}

void Agent::set_remote(Instant now, const Credentials& credentials, Dialect dialect) {
  note_call(now);
  remote_ = credentials;
  learn_dialect(dialect);
  if (started_at_) began_at_ = checking_since_ = now;
  for (const auto& early : std::exchange(early_, {}))
    if (early.sender == credentials.ufrag) handle_check(early.socket, early.protocol, early.remote, early.check);
  advance(now);
}

void Agent::add_local(Instant now, const LocalCandidate& local) {
  note_call(now);
  if (local.candidate.component != only_component || locals_.size() >= most_locals) return;
  const bool is_known = std::ranges::any_of(locals_, [&](const LocalCandidate& known) {
    return known.base == local.base && known.candidate.kind == local.candidate.kind &&
           is_same_place(known.candidate, local.candidate);
  });
  if (is_known) return;
  locals_.push_back(local);
  for (const auto& remote : remotes_)
    if (remote.kind != Kind::peer_reflexive) pair_up(local, remote);
  advance(now);
}

/// RFC 8445 §7.3.1.3 and RFC 8838 §11: a candidate that was met as a peer-reflexive one before it was announced becomes
/// what it was announced as, and its pairs stay.
void Agent::add_remote(Instant now, const Candidate& remote) {
  note_call(now);
  if (remote.component != only_component) return;
  const auto known =
      std::ranges::find_if(remotes_, [&](const Candidate& other) { return is_same_place(other, remote); });
  if (known != remotes_.end()) {
    if (known->kind != Kind::peer_reflexive) return;
    *known = remote;
    for (auto& pair : list_.pairs())
      if (is_same_place(pair.remote, remote)) pair.remote = remote;
    list_.reprioritize(role_);
    // The path in use may end there: a relay's address, say, from which the peer's checks came before it was announced.
    if (const auto* used = path_ ? list_.find(path_->socket, path_->protocol, path_->remote) : nullptr)
      path_->remote_kind = remote_kind(*used);
  } else {
    const auto announced =
        std::ranges::count_if(remotes_, [](const Candidate& other) { return other.kind != Kind::peer_reflexive; });
    if (static_cast<std::size_t>(announced) >= most_candidates) return;
    remotes_.push_back(remote);
  }
  for (const auto& local : locals_) pair_up(local, remote);
  advance(now);
}

void Agent::end_local(Instant now) {
  note_call(now);
  locals_complete_ = true;
  advance(now);
}

void Agent::end_remote(Instant now) {
  note_call(now);
  remotes_complete_ = true;
  advance(now);
}

void Agent::pair_up(const LocalCandidate& local, const Candidate& remote) {
  // RFC 6544 §6.2: who waits for connections has nobody to check until one has come.
  if (local.candidate.transport == Transport::tcp_passive) return;
  // Between our own agents nothing waits for what has the same foundation.
  if (list_.add(local, remote, role_) && dialect_ == Dialect::natkit) list_.unfreeze_all();
}

void Agent::forget_base(SocketId base) {
  std::erase_if(locals_, [&](const LocalCandidate& local) { return local.base == base; });
  list_.remove(base);
  if (nominating_ && !list_.find(*nominating_)) nominating_.reset();
}

void Agent::remove_base(Instant now, SocketId base) {
  note_call(now);
  forget_base(base);
  if (path_ && path_->socket == base) lose_path(now);
  advance(now);
}

void Agent::remove_local(Instant now, SocketId base) {
  note_call(now);
  forget_base(base);
  if (path_ && path_->socket == base) lose_path(now, Others::trusted);
  advance(now);
}

void Agent::restart(Instant now, const Credentials& local) {
  note_call(now);
  previous_ = Previous{.local = std::exchange(local_, local)};
  remote_.reset();
  remotes_.clear();
  remotes_complete_ = false;
  list_.clear();
  triggered_.clear();
  sent_.clear();
  sent_order_.clear();
  seen_.clear();
  early_.clear();
  nominations_ = 0;
  nominating_.reset();
  first_valid_at_.reset();
  began_at_.reset();
  checking_since_.reset();
  was_connected_ = false;
  fresh_bases_ = 0;
  if (started_at_) state_ = State::checking;
  advance(now);
}

void Agent::learn_dialect(Dialect dialect) {
  if (dialect != Dialect::natkit || dialect_ == Dialect::natkit) return;
  dialect_ = Dialect::natkit;
  list_.unfreeze_all();
}

void Agent::set_role(Role role) {
  role_ = role;
  list_.reprioritize(role_);
}

void Agent::switch_role() {
  role_ = other(role_);
  nominating_.reset();
  for (auto& pair : list_.pairs()) pair.nomination.reset();
  list_.reprioritize(role_);
}

bool Agent::handle_datagram(Instant now, const Datagram& in) {
  note_call(now);
  const auto message = stun::parse_message(in.payload);
  if (!message || message->method() != stun::Method::binding) return false;
  switch (message->message_class()) {
    case stun::MessageClass::request:
      if (!handle_request(in, *message)) return false;
      break;
    case stun::MessageClass::success:
    case stun::MessageClass::error:
      if (!owns(message->transaction_id())) return false;
      handle_answer(now, in, *message);
      break;
    case stun::MessageClass::indication:
      return is_path(in.socket, in.remote);  // a keep-alive: nobody else wants it
  }
  advance(now);
  return true;
}

void Agent::handle_path_error(Instant /*now*/, const PathError& error) {
  const bool is_ours = std::ranges::any_of(list_.pairs(), [&](const Pair& pair) {
    return pair.local.base == error.socket && pair.remote.endpoint == error.remote;
  });
  // An opener that dies on its way is meant to.
  if (is_ours && error.kind != PathError::Kind::hop_limit_exceeded && path_errors_.size() < most_path_errors)
    path_errors_.push_back(error);
}

void Agent::handle_send_failure(Instant now, const Datagram& lost) {
  note_call(now);
  auto* pair = list_.find(lost.socket, lost.protocol, lost.remote);
  if (!pair) return;
  if (pair->protocol() == Protocol::tcp) {
    lose_connection(now, *pair);
  } else if (pair->state == PairState::in_progress) {
    give_up(now, *pair);
  }
  advance(now);
}

void Agent::note_payload(Instant now, SocketId socket, const Endpoint& remote) {
  if (dialect_ != Dialect::natkit) return;  // RFC 7675 §5.1: only an answer is consent
  for (auto& pair : list_.pairs())
    if (pair.local.base == socket && pair.remote.endpoint == remote) pair.watch.note_payload(now);
}

void Agent::handle_timeout(Instant now) {
  note_call(now);
  run_openers(now);
  advance(now);
}

void Agent::note_call(Instant now) {
  if (const auto due = poll_timeout(); due && now - std::max(*due, called_at_) >= standstill_begins)
    excuse(now, now - std::max(*due, called_at_));
  called_at_ = now;
}

void Agent::excuse(Instant now, Duration standstill) {
  for (auto* since : {&began_at_, &checking_since_, &first_valid_at_})
    if (*since) **since += standstill;
  for (auto& [id, sent] : sent_) sent.at = std::min(sent.at + standstill, now);
  if (dialect_ != Dialect::natkit) return;
  for (auto& pair : list_.pairs()) pair.watch.excuse(now, standstill);
}

void Agent::advance(Instant now) {
  run_checks(now);
  run_watches(now);
  choose(now);
  want_fresh_base(now);
  judge(now);
}

std::optional<Datagram> Agent::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  auto out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<Agent::Event> Agent::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = events_.front();
  events_.pop_front();
  return event;
}

std::optional<Instant> Agent::poll_timeout() const {
  std::optional<Instant> due;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  for (const auto& pair : list_.pairs()) consider(pair_due(pair));
  if (!triggered_.empty() && remote_) consider(pacer_.next(timing()));
  consider(ordinary_due());
  consider(nomination_due());
  consider(fresh_base_due());
  consider(verdict_due());
  return due;
}

bool Agent::is_path(SocketId socket, const Endpoint& remote) const {
  if (path_ && path_->socket == socket && path_->remote == remote) return true;  // of before a restart
  return std::ranges::any_of(list_.pairs(), [&](const Pair& pair) {
    return pair.local.base == socket && pair.remote.endpoint == remote &&
           (pair.is_valid() || pair.heard == Pair::Heard::yes);
  });
}
}  // namespace natkit::ice
