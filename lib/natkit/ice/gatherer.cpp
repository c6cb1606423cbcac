#include "natkit/ice/gatherer.hpp"

#include <algorithm>
#include <utility>

namespace natkit::ice {
namespace {
Bytes binding_request(const stun::TransactionId& id) {
  return stun::MessageWriter{stun::MessageClass::request, stun::Method::binding, id}.add_fingerprint().finish();
}
}  // namespace

stun::ClientTransaction Gatherer::begin(Instant now, const LocalCandidate& host, const stun::TransactionId& id) const {
  auto timing = stun::ClientTransaction::Config{
      .rto = config_.first_rto, .most_requests = config_.most_requests, .last_wait_rtos = config_.last_wait_rtos};
  if (protocol_of(host.candidate.transport) == Protocol::tcp)
    timing = {.rto = config_.tcp_patience, .most_requests = 1, .last_wait_rtos = 1};
  stun::ClientTransaction transaction{timing, binding_request(id)};
  transaction.start(now);
  return transaction;
}

void Gatherer::add_base(Instant now, const LocalCandidate& host) {
  for (const auto& server : config_.servers) {
    if (server.address.family() != host.candidate.endpoint.address.family() || questions_.size() >= most_questions)
      continue;
    const auto id = stun::make_transaction_id(rng_);
    questions_.push_back({host, server, id, begin(now, host, id)});
    ++open_;
    if (protocol_of(host.candidate.transport) == Protocol::tcp) break;
  }
  if (open_ == 0) events_.emplace_back(Done{});
}

bool Gatherer::handle_datagram(Instant now, const Datagram& in) {
  const auto message = stun::parse_message(in.payload);
  if (!message) return false;
  const auto question = std::ranges::find(questions_, message->transaction_id(), &Question::id);
  if (question == questions_.end()) return false;
  if (in.socket != question->host.base || in.remote != question->server) return true;
  if (question->transaction.state() != stun::ClientTransaction::State::waiting) return true;
  if (question->transaction.handle_message(now, *message) != stun::ClientTransaction::Match::first) return true;
  const auto mapped = message->mapped_endpoint();
  if (message->message_class() == stun::MessageClass::success && mapped) {
    hear(*question, *mapped);
  } else if (question->asked == Question::Asked::first) {
    events_.emplace_back(Silent{question->host.base, question->server});
  }
  close(now, *question);
  return true;
}

void Gatherer::handle_send_failure(Instant now, const Datagram& lost) {
  if (lost.protocol != Protocol::tcp) return;
  for (auto& question : questions_) {
    if (question.host.base != lost.socket || question.server != lost.remote) continue;
    if (question.transaction.state() != stun::ClientTransaction::State::waiting) continue;
    question.transaction.give_up();
    give_up(now, question);
  }
}

void Gatherer::give_up(Instant now, Question& question) {
  if (question.asked == Question::Asked::first) events_.emplace_back(Silent{question.host.base, question.server});
  close(now, question);
}

void Gatherer::hear(Question& question, const Endpoint& mapped) {
  const auto& host = question.host.candidate;
  // Without a NAT in between it is the host candidate again (RFC 8445 §5.1.3).
  if (mapped == host.endpoint || mapped.address.family() != host.endpoint.address.family()) return;
  const bool is_known = std::ranges::any_of(known_, [&](const LocalCandidate& known) {
    return known.base == question.host.base && known.candidate.endpoint == mapped;
  });
  if (is_known) return;
  const LocalCandidate found{.candidate = make_candidate(Kind::server_reflexive, host.transport, mapped,
                                                         {.base = host.endpoint,
                                                          .server = question.server.address,
                                                          .local_preference = local_preference(host.priority)}),
                             .base = question.host.base,
                             .manner = question.host.manner};
  known_.push_back(found);
  events_.emplace_back(Found{found, question.server, question.transaction.rtt()});
}

void Gatherer::close(Instant now, Question& question) {
  const bool is_deaf = protocol_of(question.host.candidate.transport) == Protocol::tcp &&
                       question.transaction.state() == stun::ClientTransaction::State::timed_out;
  if (config_.keep_alive && !is_deaf) question.ask_again_at = now + *config_.keep_alive;
  if (std::exchange(question.asked, Question::Asked::again) == Question::Asked::again) return;
  if (--open_ == 0) events_.emplace_back(Done{});
}

void Gatherer::handle_timeout(Instant now) {
  for (auto& question : questions_) {
    if (question.ask_again_at && *question.ask_again_at <= now) {
      question.ask_again_at.reset();
      question.id = stun::make_transaction_id(rng_);
      question.transaction = begin(now, question.host, question.id);
    }
    if (question.transaction.state() != stun::ClientTransaction::State::waiting) continue;
    question.transaction.handle_timeout(now);
    if (question.transaction.state() == stun::ClientTransaction::State::timed_out) give_up(now, question);
  }
}

std::optional<Datagram> Gatherer::poll_transmit() {
  for (auto& question : questions_) {
    const auto request = question.transaction.poll_transmit();
    if (!request) continue;
    return Datagram{.socket = question.host.base,
                    .protocol = protocol_of(question.host.candidate.transport),
                    .remote = question.server,
                    .payload = Bytes(request->begin(), request->end())};
  }
  return std::nullopt;
}

std::optional<Instant> Gatherer::poll_timeout() const {
  std::optional<Instant> due;
  for (const auto& question : questions_)
    for (const auto at : {question.transaction.poll_timeout(), question.ask_again_at})
      if (at && (!due || *at < *due)) due = at;
  return due;
}

std::optional<Gatherer::Event> Gatherer::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}
}  // namespace natkit::ice
