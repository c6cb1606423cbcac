#include "natkit/portmap/outside_check_of_family.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "natkit/stun/receipt.hpp"

namespace natkit::portmap {
namespace {
using namespace std::chrono_literals;
using stun::ReachState;

constexpr Duration ask_interval = 300ms;    // as often as one round asks again; a round trip of the internet
constexpr Duration round_interval = 250ms;  // between two rounds: independent of each other where loss comes in bursts
constexpr Duration busy_interval = 1s;      // the server earns one check a second
constexpr std::size_t most_rounds = 8;      // 24 datagrams decide at up to 60 % loss of questions
constexpr double believed_error = 1e-5;     // a silence that loss explains with a smaller probability is believed
constexpr unsigned least_copies = 4;        // however good the path looks
constexpr unsigned udp_copies = 3;          // of a round, as our server sends them
constexpr unsigned syns_of_a_try = 2;       // Linux repeats the first after 1 s (RFC 6298 §2), the third comes too late
constexpr Duration token_grace = 2s;        // from "connected" to the token, a retransmission included
constexpr Duration parting_time = 150ms;    // our server closes 50 ms after it connected
constexpr unsigned impostors_needed = 2;    // connections that were accepted, but not by us
constexpr unsigned most_refused_sends = 3;
constexpr std::size_t most_streams = 16;  // connections of strangers that are read at a time
constexpr std::size_t most_asks = 400;    // the default patience needs 300 at most

bool is_inside(const IpAddress& address) {
  return address.is_private() || address.is_loopback() || address.is_link_local();
}

bool is_public(const IpAddress& address) {
  return !is_inside(address) && !address.is_shared() && !address.is_unspecified();
}

std::vector<LikelyCause> likely_causes(const OutsideResult& result) {
  using enum LikelyCause;
  if (result.reason == OutsideReason::another_answered && result.address_as_expected.value_or(true)) return {shadowed};
  if (result.address_as_expected == false) {
    if (is_inside(*result.expected)) return {double_nat};
    return {result.expected->is_shared() ? carrier_nat : other_wan};
  }
  const bool nobody_known = result.listening == Listening::not_asked || result.listening == Listening::failed;
  if (result.reason == OutsideReason::refused) {
    if (nobody_known) return {nobody_listens, not_mapped, shadowed, host_firewall};
    return {not_mapped, shadowed, host_firewall};
  }
  return {host_firewall, not_mapped, shadowed, filtered_on_way};
}
}  // namespace

OutsideCheckOfFamily::OutsideCheckOfFamily(const Config& config, Rng& rng) : config_(config), rng_(rng) {
  result_.family = config_.server.address.family();
  result_.protocol = config_.protocol;
  result_.server = config_.server;
  result_.expected = config_.expected;
}

void OutsideCheckOfFamily::start(Instant now) {
  phase_ = Phase::proving;
  deadline_ = now + config_.patience;
  if (config_.internal) {
    result_.listening = Listening::pending;
    changes_.emplace_back(SocketWish{.socket = config_.ask_socket, .local = {config_.internal->address, 0}});
    changes_.emplace_back(SocketWish{.socket = config_.listen_socket,
                                     .protocol = config_.protocol,
                                     .local = *config_.internal,
                                     .role = TcpRole::listens});
  }
  send_ask(now, std::nullopt);
}

void OutsideCheckOfFamily::send_ask(Instant now, std::optional<std::size_t> round) {
  const auto id = stun::make_transaction_id(rng_);
  const auto family = config_.server.address.family();
  Bytes payload;
  if (round) {
    const stun::ReachQuestion question{config_.protocol, config_.external_port, rounds_[*round].token};
    payload = stun::write_reach_request(id, family, question, cookie_);
    rounds_[*round].next_ask = now + ask_interval;
  } else {
    stun::MessageWriter writer{stun::MessageClass::request, stun::Method::binding, id};
    stun::add_receipt_request(writer, family, stun::Fingerprint::none);
    payload = writer.finish();
    next_ask_ = now + ask_interval;
  }
  if (asks_.size() >= most_asks) return;  // the patience was set to minutes: it is time that passes then, not datagrams
  asks_.push_back({.id = id, .sent = now, .round = round});
  out_.push_back({.socket = config_.ask_socket, .remote = config_.server, .payload = std::move(payload)});
}

void OutsideCheckOfFamily::handle_datagram(Instant now, const Datagram& in) {
  if (phase_ != Phase::proving && phase_ != Phase::trying) return;
  if (in.socket == config_.ask_socket)
    handle_answer(now, in);
  else if (in.protocol == config_.protocol)
    handle_arrival(now, in);
  judge(now);
}

void OutsideCheckOfFamily::handle_answer(Instant now, const Datagram& in) {
  if (in.remote != config_.server) return;
  const auto message = stun::parse_message(in.payload);
  if (!message || message->message_class() == stun::MessageClass::request ||
      message->message_class() == stun::MessageClass::indication)
    return;
  const auto ask = std::ranges::find(asks_, message->transaction_id(), &Ask::id);
  if (ask == asks_.end()) return;
  // A check that ends is told in a second answer to the last question, which says nothing about the round trip.
  if (!std::exchange(ask->is_answered, true)) rtt_ = std::min(rtt_.value_or(now - ask->sent), now - ask->sent);
  if (!ask->round) return handle_proof(*message);
  const auto report = stun::parse_reach_report(*message);
  if (!report) return finish(Openness::unknown, OutsideReason::server_cannot_check);
  handle_report(now, rounds_[*ask->round], *report);
}

void OutsideCheckOfFamily::handle_proof(const stun::Message& answer) {
  if (phase_ != Phase::proving) return;
  cookie_ = stun::cookie(answer);
  const auto seen = answer.endpoint(stun::AttributeType::xor_mapped_address);
  if (!cookie_ || !seen) return finish(Openness::unknown, OutsideReason::server_cannot_check);
  result_.seen = seen;
  if (config_.expected) result_.address_as_expected = seen->address == *config_.expected;
  if (config_.expected && is_public(*config_.expected) && is_inside(seen->address))
    return finish(Openness::unknown, OutsideReason::server_inside);
  phase_ = Phase::trying;
}

void OutsideCheckOfFamily::handle_report(Instant now, Round& round, const stun::ReachReport& report) {
  if (round.is_over()) return;  // an answer that was overtaken
  round.report = report;
  round.reported = now;
  if (report.state == ReachState::busy) round.next_ask = now + busy_interval;
  result_.seen = report.seen;
  result_.tried = Endpoint{report.seen.address, config_.external_port};
  if (config_.expected) result_.address_as_expected = report.seen.address == *config_.expected;
  if (report.origin) result_.sent_from = report.origin;
  unsigned tries = 0;
  for (const auto& each : rounds_) tries += each.report ? each.report->tries : 0;
  result_.tries = tries;
}

void OutsideCheckOfFamily::handle_arrival(Instant now, const Datagram& in) {
  if (in.protocol == Protocol::tcp) return handle_stream(now, in);
  look_for_token(now, in, in.payload);
}

void OutsideCheckOfFamily::handle_stream(Instant now, const Datagram& in) {
  auto stream = std::ranges::find(streams_, in.remote, &Stream::from);
  if (stream == streams_.end()) {
    if (streams_.size() == most_streams) streams_.pop_front();
    streams_.push_back({.from = in.remote, .framer = stun::StreamFramer{}});
    stream = std::prev(streams_.end());
  }
  stream->framer.append(in.payload);
  while (const auto message = stream->framer.next()) look_for_token(now, in, *message);
}

void OutsideCheckOfFamily::look_for_token(Instant now, const Datagram& in, ByteView bytes) {
  const auto message = stun::parse_message(bytes);
  const auto brought = message ? stun::parse_reach(*message) : std::nullopt;
  if (!brought || brought->protocol != config_.protocol || brought->port != config_.external_port) return;
  if (std::ranges::find(rounds_, brought->token, &Round::token) == rounds_.end()) return;
  result_.arrived_from = in.remote;
  result_.arrived_at = config_.internal;
  if (!result_.tried && result_.seen) result_.tried = Endpoint{result_.seen->address, config_.external_port};
  finish(Openness::open, OutsideReason::token_arrived);
  if (in.protocol == Protocol::udp) return;
  phase_ = Phase::parting;
  changes_.clear();
  deadline_ = now + parting_time;
}

void OutsideCheckOfFamily::handle_timeout(Instant now) {
  if (phase_ == Phase::parting && now >= deadline_) close();
  if (phase_ == Phase::proving || phase_ == Phase::trying) judge(now);
  if (phase_ != Phase::proving && phase_ != Phase::trying) return;
  if (now >= deadline_) return give_up(OutsideReason::too_much_loss);
  if (phase_ == Phase::proving && now >= next_ask_) send_ask(now, std::nullopt);
  for (std::size_t i = 0; i < rounds_.size(); ++i)
    if (!rounds_[i].is_over() && now >= rounds_[i].next_ask) send_ask(now, i);
}

double OutsideCheckOfFamily::loss(Instant now) const {
  const auto rtt = rtt_.value_or(1s);
  const auto patience = std::max<Duration>(3 * rtt, rtt + 300ms);
  unsigned answered = 0;
  unsigned lost = 0;
  for (const auto& ask : asks_) {
    if (ask.is_answered)
      ++answered;
    else if (now - ask.sent > patience)
      ++lost;
  }
  return (lost + 1.0) / (answered + lost + 2.0);  // Laplace's rule: no loss seen is not no loss
}

unsigned OutsideCheckOfFamily::copies_of(const Round& round) const {
  if (config_.protocol == Protocol::tcp) return syns_of_a_try;
  return round.is_over() ? round.report->tries : udp_copies;
}

std::optional<Instant> OutsideCheckOfFamily::next_round_due() const {
  if (phase_ != Phase::trying || result_.listening == Listening::pending || rounds_.size() >= most_rounds) return {};
  return rounds_.empty() ? Instant::min() : last_round_ + round_interval;
}

void OutsideCheckOfFamily::start_round_if_needed(Instant now) {
  const auto due = next_round_due();
  if (!due || now < *due) return;
  unsigned copies = 0;
  for (const auto& round : rounds_)
    if (!round.is_over() || round.ended_as(ReachState::sent) || round.ended_as(ReachState::timed_out))
      copies += copies_of(round);
  last_round_ = now;
  if (copies >= least_copies && std::pow(loss(now), copies) <= believed_error) return;
  Round round;
  rng_.fill(round.token);
  rounds_.push_back(round);
  send_ask(now, rounds_.size() - 1);
}

void OutsideCheckOfFamily::judge(Instant now) {
  for (const auto& round : rounds_) {
    if (phase_ != Phase::trying) return;
    if (round.is_over()) judge_end_of(round);
  }
  if (phase_ != Phase::trying) return;
  judge_impostor(now);
  if (phase_ == Phase::trying) judge_silence(now);
  if (phase_ == Phase::trying) start_round_if_needed(now);
}

// What a single end proves by itself.
void OutsideCheckOfFamily::judge_end_of(const Round& round) {
  switch (round.report->state) {
    case ReachState::answered:
      // We send nothing from the internal port: so it was somebody else who answered.
      if (is_listening()) return finish(Openness::closed, OutsideReason::another_answered);
      return finish(Openness::open, OutsideReason::port_answered);
    case ReachState::connected:
      if (!is_listening()) return finish(Openness::open, OutsideReason::port_accepted);
      return;
    case ReachState::refused:
      return finish(Openness::closed, OutsideReason::refused);
    case ReachState::forbidden:
      return finish(Openness::unknown, OutsideReason::server_refused);
    default:
      return;
  }
}

// Over TCP our system accepts before we read the token: "connected" alone is no proof against us.
void OutsideCheckOfFamily::judge_impostor(Instant now) {
  for (auto& round : rounds_)
    if (round.ended_as(ReachState::connected) && now >= round.reported + token_grace) round.is_impostor = true;
  const auto impostors = std::ranges::count_if(rounds_, &Round::is_impostor);
  if (impostors >= impostors_needed) finish(Openness::closed, OutsideReason::another_answered);
}

void OutsideCheckOfFamily::judge_silence(Instant now) {
  unsigned copies = 0;
  bool all_over = rounds_.size() == most_rounds;
  unsigned unsent = 0;
  for (const auto& round : rounds_) {
    if (round.ended_as(ReachState::sent) || round.ended_as(ReachState::timed_out)) copies += copies_of(round);
    if (round.ended_as(ReachState::unsent)) ++unsent;
    all_over = all_over && round.is_over() && !round.ended_as(ReachState::connected);
  }
  if (copies >= least_copies && std::pow(loss(now), copies) <= believed_error) {
    result_.loss = loss(now);
    const bool over_tcp = config_.protocol == Protocol::tcp;
    if (is_listening()) return finish(Openness::closed, OutsideReason::nothing_arrived);
    if (over_tcp) return finish(Openness::closed, OutsideReason::connection_silent);
    return finish(Openness::unknown, result_.listening == Listening::port_taken ? OutsideReason::holder_silent
                                                                                : OutsideReason::nobody_listened);
  }
  if (all_over) give_up(unsent > most_rounds / 2 ? OutsideReason::server_unable : OutsideReason::too_much_loss);
}

void OutsideCheckOfFamily::give_up(OutsideReason fallback) {
  const bool was_answered = std::ranges::any_of(asks_, &Ask::is_answered);
  const auto any_ended_as = [&](ReachState state) {
    return std::ranges::any_of(rounds_, [&](const Round& round) { return round.ended_as(state); });
  };
  if (phase_ == Phase::proving && !was_answered) fallback = OutsideReason::server_silent;
  if (any_ended_as(ReachState::unsent)) fallback = OutsideReason::server_unable;
  if (any_ended_as(ReachState::busy)) fallback = OutsideReason::server_busy;
  if (result_.listening == Listening::pending) fallback = OutsideReason::not_asked;
  finish(Openness::unknown, fallback);
}

void OutsideCheckOfFamily::finish(Openness openness, OutsideReason reason) {
  result_.openness = openness;
  result_.reason = reason;
  if (openness == Openness::closed) result_.likely = likely_causes(result_);
  close();
}

void OutsideCheckOfFamily::close() {
  phase_ = Phase::done;
  out_.clear();
  if (!config_.internal) return;
  changes_.emplace_back(SocketEnd{config_.ask_socket});
  if (is_listening()) changes_.emplace_back(SocketEnd{config_.listen_socket});
}

void OutsideCheckOfFamily::handle_send_failure(const Datagram& lost) {
  if (phase_ != Phase::proving || lost.socket != config_.ask_socket) return;
  if (++refused_sends_ >= most_refused_sends) finish(Openness::unknown, OutsideReason::not_asked);
}

void OutsideCheckOfFamily::handle_socket_opened(Instant now, SocketId socket) {
  if (socket == config_.listen_socket && result_.listening == Listening::pending) result_.listening = Listening::yes;
  judge(now);
}

void OutsideCheckOfFamily::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (phase_ != Phase::proving && phase_ != Phase::trying) return;
  if (socket == config_.ask_socket) return finish(Openness::unknown, OutsideReason::not_asked);
  const bool is_taken = std::make_error_code(std::errc::address_in_use).message() == why;
  result_.listening = is_taken ? Listening::port_taken : Listening::failed;
  judge(now);
}

std::optional<SocketChange> OutsideCheckOfFamily::poll_socket() {
  if (changes_.empty()) return std::nullopt;
  auto next = std::move(changes_.front());
  changes_.pop_front();
  return next;
}

std::optional<Datagram> OutsideCheckOfFamily::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

std::optional<Instant> OutsideCheckOfFamily::poll_timeout() const {
  if (phase_ == Phase::idle || phase_ == Phase::done) return std::nullopt;
  if (phase_ == Phase::parting) return deadline_;
  Instant due = deadline_;
  if (phase_ == Phase::proving) due = std::min(due, next_ask_);
  for (const auto& round : rounds_) {
    if (!round.is_over()) due = std::min(due, round.next_ask);
    if (round.ended_as(ReachState::connected) && !round.is_impostor) due = std::min(due, round.reported + token_grace);
  }
  if (const auto round = next_round_due()) due = std::min(due, *round);
  return due;
}
}  // namespace natkit::portmap
