#include "natkit/stun/transaction.hpp"

#include <vector>

#include "catch.hpp"
#include "natkit/base/rng.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
using namespace std::chrono_literals;
using State = ClientTransaction::State;
using Match = ClientTransaction::Match;

TransactionId id_of(std::uint8_t fill) {
  TransactionId id;
  id.bytes.fill(fill);
  return id;
}
Bytes binding(MessageClass message_class, std::uint8_t id = 1) {
  return MessageWriter{message_class, Method::binding, id_of(id)}.finish();
}

// Runs to the end without an answer; the times at which requests went out, since the start.
std::vector<Duration> run_unanswered(ClientTransaction& transaction, Instant& now) {
  const Instant start = now;
  std::vector<Duration> sent;
  transaction.start(now);
  for (;;) {
    while (const auto bytes = transaction.poll_transmit()) {
      CHECK(parse_message(*bytes)->transaction_id() == id_of(1));
      sent.push_back(now - start);
    }
    const auto next = transaction.poll_timeout();
    if (!next) return sent;
    now = *next;
    transaction.handle_timeout(now);
  }
}
}  // namespace

TEST_CASE("An unanswered request is repeated at the times of RFC 8489, then given up", "[transaction]") {
  ClientTransaction transaction{{}, binding(MessageClass::request)};
  CHECK(transaction.state() == State::idle);
  CHECK_FALSE(transaction.poll_timeout());
  Instant now{};
  const auto sent = run_unanswered(transaction, now);
  CHECK(sent == std::vector<Duration>{0s, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms});
  CHECK(now - Instant{} == 39500ms);
  CHECK(transaction.state() == State::timed_out);
  CHECK_FALSE(transaction.rtt());
}

TEST_CASE("Over a stream there is one request and the same patience", "[transaction]") {
  ClientTransaction transaction{ClientTransaction::over_stream(), binding(MessageClass::request)};
  Instant now{};
  CHECK(run_unanswered(transaction, now) == std::vector<Duration>{0s});
  CHECK(now - Instant{} == 39500ms);
}

TEST_CASE("Early copies follow the first request and leave the timer alone", "[transaction]") {
  ClientTransaction transaction{{.rto = 100ms, .most_requests = 2, .last_wait_rtos = 2, .early_copies = 2},
                                binding(MessageClass::request)};
  Instant now{};
  CHECK(run_unanswered(transaction, now) == std::vector<Duration>{0ms, 20ms, 40ms, 100ms});
  CHECK(now - Instant{} == 300ms);
}

TEST_CASE("The first answer ends the transaction, success or error alike, and tells the round trip", "[transaction]") {
  const auto message_class = GENERATE(MessageClass::success, MessageClass::error);
  ClientTransaction transaction{{}, binding(MessageClass::request)};
  transaction.start(Instant{});
  CHECK(transaction.poll_transmit());
  const auto answer = binding(message_class);
  CHECK(transaction.handle_message(Instant{80ms}, parse_message(answer).value()) == Match::first);
  CHECK(transaction.state() == State::answered);
  CHECK(transaction.rtt() == Duration{80ms});
  CHECK_FALSE(transaction.poll_timeout());
  CHECK(transaction.handle_message(Instant{81ms}, parse_message(answer).value()) == Match::repeated);
  CHECK(transaction.rtt() == Duration{80ms});
}

TEST_CASE("After a retransmission nobody knows which request was answered, so the round trip is unknown",
          "[transaction]") {
  ClientTransaction transaction{{}, binding(MessageClass::request)};
  transaction.start(Instant{});
  CHECK(transaction.poll_transmit());
  transaction.handle_timeout(Instant{500ms});
  CHECK(transaction.poll_transmit());
  const auto answer = binding(MessageClass::success);
  CHECK(transaction.handle_message(Instant{510ms}, parse_message(answer).value()) == Match::first);
  CHECK_FALSE(transaction.rtt());
  CHECK(transaction.times_sent() == 2);
}

TEST_CASE("What is not the answer leaves the transaction waiting", "[transaction]") {
  ClientTransaction transaction{{}, binding(MessageClass::request)};
  const auto right = binding(MessageClass::success);
  CHECK(transaction.handle_message(Instant{}, parse_message(right).value()) == Match::foreign);  // nothing asked yet
  transaction.start(Instant{});
  const auto foreign = [&](const Bytes& bytes) {
    CHECK(transaction.handle_message(Instant{1ms}, parse_message(bytes).value()) == Match::foreign);
    CHECK(transaction.state() == State::waiting);
  };
  foreign(binding(MessageClass::success, 2));
  foreign(binding(MessageClass::request));
  foreign(binding(MessageClass::indication));
  foreign(MessageWriter{MessageClass::success, Method::allocate, id_of(1)}.finish());
  foreign(MessageWriter{MessageClass::success, Method::binding, id_of(1), 0x01020304}.finish());
}

TEST_CASE("A machine that was held up sends what is due once, not once for every time it missed", "[transaction]") {
  ClientTransaction transaction{{}, binding(MessageClass::request)};
  transaction.start(Instant{});
  CHECK(transaction.poll_transmit());
  transaction.handle_timeout(Instant{10s});
  CHECK(transaction.poll_transmit());
  CHECK_FALSE(transaction.poll_transmit());
  CHECK(transaction.poll_timeout() == Instant{11s});
}
