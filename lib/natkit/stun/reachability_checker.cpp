#include "natkit/stun/reachability_checker.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace natkit::stun {
namespace {
// Addresses that no single host has (RFC 6890): 0/8, 240/4 with the limited broadcast, multicast.
bool is_nobody(const IpAddress& address) {
  if (address.is_unspecified() || address.is_multicast()) return true;
  return address.is_v4() && (address.bytes()[0] == 0 || address.bytes()[0] >= 240);
}

// What the system's sentence about a connection that did not come to be means. A machine is told no number.
ReachState meaning_of(std::string_view why) {
  const auto is = [&](std::errc code) { return std::make_error_code(code).message() == why; };
  if (is(std::errc::connection_refused) || is(std::errc::connection_reset) || is(std::errc::host_unreachable))
    return ReachState::refused;
  return is(std::errc::timed_out) ? ReachState::timed_out : ReachState::unsent;
}
}  // namespace

ReachabilityChecker::ReachabilityChecker(const Config& config, Rng& rng)
    : config_(config),
      rng_(rng),
      accounts_({.most = config.most_addresses,
                 .requests = config.questions_per_address,
                 .allowance = config.checks_per_address},  // of checks, not of bytes
                rng) {}

void ReachabilityChecker::handle_question(Instant now, const Asked& asked) {
  auto& account = accounts_.of(asked.in.remote.address, now);
  if (account.requests.level(config_.questions_per_address, now) < 1) {
    ++counters_.rate_limited;
    return;
  }
  account.requests.take(1);

  const Asker asker{.socket = asked.in.socket,
                    .protocol = asked.in.protocol,
                    .local = asked.answer_from,
                    .remote = asked.in.remote,
                    .id = asked.message.transaction_id()};
  const Key key{asked.in.remote.address, asked.question};
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    ++counters_.repeated;
    if (!known->second.running) return answer(asker, known->second.ended);
    auto& check = running_.at(*known->second.running);
    check.asker = asker;
    return answer(asker, check.report);
  }
  const Endpoint target{key.address, key.question.port};
  if (target.port == 0 || is_nobody(target.address) || std::ranges::find(asked.own, target) != asked.own.end()) {
    ++counters_.forbidden;
    return answer(asker, {.state = ReachState::forbidden});
  }
  // Whoever asks for the very port that he asks from has it tried, and nobody else's.
  const bool is_own = asked.in.protocol == Protocol::tcp && target == asked.in.remote;
  const bool may_try = is_own || account.allowance.level(config_.checks_per_address, now) >= 1;
  const auto of_address = static_cast<std::size_t>(
      std::ranges::count_if(running_, [&](const auto& one) { return one.second.key.address == key.address; }));
  if (running_.size() >= config_.most_at_once || of_address >= config_.most_at_once_of_one || !may_try) {
    ++counters_.busy;
    return answer(asker, {.state = ReachState::busy});
  }
  if (!is_own) account.allowance.take(1);
  begin(now, asked, key, asker);
}

void ReachabilityChecker::begin(Instant now, const Asked& asked, const Key& key, const Asker& asker) {
  ++counters_.started;
  const auto socket = next_socket();
  const bool over_tcp = key.question.protocol == Protocol::tcp;
  Check check{.key = key,
              .asker = asker,
              .report = {},
              .probe = write_reach_probe(make_transaction_id(rng_), key.question),
              .next_copy = now,
              .end = now + (over_tcp ? config_.tcp_wait : config_.udp_wait)};
  // Which port, the system says only once it has connected.
  if (over_tcp && !asked.probe_from.is_unspecified()) check.report.origin = Endpoint{asked.probe_from, 0};
  changes_.emplace_back(
      SocketWish{.socket = socket, .protocol = key.question.protocol, .local = {asked.probe_from, 0}});
  by_key_[key] = {.running = socket, .ended = {}};
  auto& kept = running_.emplace(socket, std::move(check)).first->second;
  send_copy(now, socket, kept);
  answer(asker, kept.report);
}

void ReachabilityChecker::send_copy(Instant now, SocketId socket, Check& check) {
  const auto& [address, question] = check.key;
  out_.push_back(
      {.socket = socket, .protocol = question.protocol, .remote = {address, question.port}, .payload = check.probe});
  ++check.report.tries;
  const bool is_last = question.protocol == Protocol::tcp || check.report.tries >= config_.copies;
  check.next_copy = is_last ? check.end : now + config_.copy_spacing;
}

void ReachabilityChecker::answer(const Asker& asker, const ReachReport& report) {
  auto told = report;
  told.seen = asker.remote;
  out_.push_back({.socket = asker.socket,
                  .protocol = asker.protocol,
                  .local = asker.local,
                  .remote = asker.remote,
                  .payload = write_reach_answer(asker.id, told)});
}

ReachabilityChecker::Check* ReachabilityChecker::find_open(SocketId socket) {
  const auto found = running_.find(socket);
  if (found == running_.end() || is_over(found->second.report.state)) return nullptr;
  return &found->second;
}

void ReachabilityChecker::settle(SocketId socket, Check& check, ReachState state) {
  check.report.state = state;
  count(state);
  answer(check.asker, check.report);
  if (state != ReachState::connected) return forget(socket);
}

void ReachabilityChecker::forget(SocketId socket) {
  const auto found = running_.find(socket);
  std::erase_if(out_, [&](const Datagram& datagram) { return datagram.socket == socket; });
  changes_.emplace_back(SocketEnd{socket});
  by_key_[found->second.key] = {.running = {}, .ended = found->second.report};
  ended_.push_back(found->second.key);
  running_.erase(found);
  if (ended_.size() <= config_.most_kept) return;
  by_key_.erase(ended_.front());
  ended_.pop_front();
}

void ReachabilityChecker::count(ReachState state) {
  if (state == ReachState::answered || state == ReachState::connected)
    ++counters_.open;
  else if (state == ReachState::refused)
    ++counters_.refused;
  else if (state == ReachState::unsent)
    ++counters_.unsent;
  else
    ++counters_.silent;
}

SocketId ReachabilityChecker::next_socket() {
  const auto first = static_cast<std::uint32_t>(config_.first_socket);
  const auto span = ~first;  // so many ids stand above the first
  for (;;) {
    const SocketId socket{first + sockets_made_};
    sockets_made_ = sockets_made_ == span ? 0 : sockets_made_ + 1;
    if (!running_.contains(socket)) return socket;
  }
}

void ReachabilityChecker::handle_datagram(Instant /*now*/, const Datagram& in) {
  auto* check = find_open(in.socket);
  if (check == nullptr || in.protocol != Protocol::udp) return;
  if (in.remote != Endpoint{check->key.address, check->key.question.port}) return;
  settle(in.socket, *check, ReachState::answered);
}

void ReachabilityChecker::handle_connected(Instant now, SocketId socket, const Endpoint& /*remote*/) {
  auto* check = find_open(socket);
  if (check == nullptr) return;
  check->end = now + config_.tcp_linger;
  check->next_copy = check->end;
  settle(socket, *check, ReachState::connected);
}

void ReachabilityChecker::handle_send_failure(Instant /*now*/, const Datagram& lost, std::string_view why) {
  auto* check = find_open(lost.socket);
  if (check == nullptr) return;
  settle(lost.socket, *check, lost.protocol == Protocol::tcp ? meaning_of(why) : ReachState::unsent);
}

void ReachabilityChecker::handle_socket_opened(Instant /*now*/, SocketId socket, const Endpoint& local) {
  auto* check = find_open(socket);
  if (check != nullptr && !local.address.is_unspecified()) check->report.origin = local;
}

void ReachabilityChecker::handle_socket_failure(Instant /*now*/, SocketId socket, std::string_view /*why*/) {
  auto* check = find_open(socket);
  if (check != nullptr) settle(socket, *check, ReachState::unsent);
}

void ReachabilityChecker::handle_timeout(Instant now) {
  std::vector<SocketId> due;
  for (auto& [socket, check] : running_) {
    if (now >= check.end)
      due.push_back(socket);
    else if (now >= check.next_copy)
      send_copy(now, socket, check);
  }
  for (const auto socket : due) {
    auto& check = running_.at(socket);
    if (is_over(check.report.state))
      forget(socket);
    else
      settle(socket, check, check.key.question.protocol == Protocol::tcp ? ReachState::timed_out : ReachState::sent);
  }
}

std::optional<SocketChange> ReachabilityChecker::poll_socket() {
  if (changes_.empty()) return std::nullopt;
  auto next = std::move(changes_.front());
  changes_.pop_front();
  return next;
}

std::optional<Datagram> ReachabilityChecker::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

std::optional<Instant> ReachabilityChecker::poll_timeout() const {
  std::optional<Instant> first;
  for (const auto& [socket, check] : running_) {
    const auto due = std::min(check.next_copy, check.end);
    if (!first || due < *first) first = due;
  }
  return first;
}
}  // namespace natkit::stun
