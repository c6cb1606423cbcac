#include "natkit/stun/transaction.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace natkit::stun {
ClientTransaction::ClientTransaction(Config config, Bytes request) : config_(config), request_(std::move(request)) {
  assert(config.most_requests > 0);
  assert(parse_message(request_));
}

void ClientTransaction::start(Instant now) {
  assert(state_ == State::idle);
  state_ = State::waiting;
  is_due_ = true;
  started_ = now;
  next_copy_ = now + config_.copy_spacing;
  schedule_request(now);
}

// Called when a request goes out: when the next one is due, or, after the last, when to give up.
void ClientTransaction::schedule_request(Instant now) {
  const bool is_last = ++requests_ == config_.most_requests;
  next_request_ = now + (is_last ? config_.rto * config_.last_wait_rtos : config_.rto * (1U << (requests_ - 1)));
}

ClientTransaction::Match ClientTransaction::handle_message(Instant now, const Message& message) {
  const bool is_answer =
      message.message_class() == MessageClass::success || message.message_class() == MessageClass::error;
  const auto asked = parse_message(request_);
  if (!is_answer || message.method() != asked->method() || message.cookie() != asked->cookie() ||
      message.transaction_id() != asked->transaction_id() || state_ == State::idle) {
    return Match::foreign;
  }
  if (state_ != State::waiting) return Match::repeated;
  state_ = State::answered;
  is_due_ = false;
  if (times_sent_ == 1) rtt_ = now - started_;
  return Match::first;
}

void ClientTransaction::handle_timeout(Instant now) {
  if (state_ != State::waiting) return;
  if (copies_ < config_.early_copies && now >= next_copy_) {
    ++copies_;
    next_copy_ = now + config_.copy_spacing;
    is_due_ = true;
  }
  if (now < next_request_) return;
  if (requests_ == config_.most_requests) {
    state_ = State::timed_out;
    is_due_ = false;
    return;
  }
  schedule_request(now);
  is_due_ = true;
}

void ClientTransaction::give_up() {
  state_ = State::timed_out;
  is_due_ = false;
}

std::optional<ByteView> ClientTransaction::poll_transmit() {
  if (!is_due_) return std::nullopt;
  is_due_ = false;
  ++times_sent_;
  return request_;
}

std::optional<Instant> ClientTransaction::poll_timeout() const {
  if (state_ != State::waiting) return std::nullopt;
  return copies_ < config_.early_copies ? std::min(next_copy_, next_request_) : next_request_;
}
}  // namespace natkit::stun
