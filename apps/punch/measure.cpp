#include "measure.hpp"

#include <algorithm>

#include "natkit/base/bytes.hpp"

namespace natkit {
namespace {
using namespace std::chrono_literals;

/// A probe that comes while the peer still secures its end waits there, and would make the path look slow. So the first
/// one leaves once the peer has said that it is there; or after this, if it says nothing.
constexpr Duration greeting = 1s;
constexpr Duration interval = 50ms;
constexpr Duration last_answer = 500ms;        ///< for what is still on its way
constexpr Duration slower_peer = 3s;           ///< may measure for longer than we do
constexpr std::uint64_t most_probes = 72'000;  ///< an hour of them

enum class Type : std::uint8_t { question, answer };

/// type (8 bits), the sender's clock in nanoseconds (64): what comes back says when it left.
Bytes write_probe(Type type, std::uint64_t sent_at) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(static_cast<std::uint8_t>(type));
  writer.write_u64(sent_at);
  return out;
}
}  // namespace

void Measure::begin(Instant now, link::Link& link) {
  // A probe goes out once and no more, in any order: what is repeated measures nothing.
  static_cast<void>(link.open_agreed_stream(
      task_stream, {.ordering = channel::Ordering::unordered, .delivery = channel::MostRepeats{0}}));
  state_ = State::greeting;
  end_ = now + greeting;
}

void Measure::handle_peer_ready(Instant now, link::Link& link) {
  if (state_ == State::greeting) start(now, link);
}

void Measure::start(Instant now, link::Link& link) {
  state_ = State::measuring;
  end_ = now + time_;
  next_ = now;
  handle_timeout(now, link);
}

void Measure::send_probe(Instant now, link::Link& link) {
  const auto clock = static_cast<std::uint64_t>(now.time_since_epoch().count());
  if (link.send(now, task_stream, channel::MessageKind::binary, write_probe(Type::question, clock))) ++sent_;
  next_ = now + interval;
}

void Measure::hear(Instant now, link::Link& link, channel::Message message) {
  if (message.stream == control_stream) {
    is_peer_done_ = true;
    return advance(now, link);
  }
  ByteReader reader{message.payload};
  const auto type = reader.read_u8();
  const auto clock = reader.read_u64();
  if (!type || !clock) return;
  if (*type == static_cast<std::uint8_t>(Type::question)) {
    static_cast<void>(link.send(now, task_stream, channel::MessageKind::binary, write_probe(Type::answer, *clock)));
  } else if (round_trips_.size() < sent_) {
    // Whatever the peer makes of our clock: what is not negative can be taken off.
    const Instant sent_at{Duration{static_cast<Duration::rep>(*clock)}};
    if (sent_at >= Instant{} && sent_at <= now && now - sent_at <= time_ + last_answer)
      round_trips_.push_back(now - sent_at);
    advance(now, link);
  }
}

void Measure::handle_timeout(Instant now, link::Link& link) {
  if (state_ == State::greeting && now >= end_) return start(now, link);
  if (state_ == State::measuring && next_ <= now && now < end_ && sent_ < most_probes) send_probe(now, link);
  advance(now, link);
}

void Measure::advance(Instant now, link::Link& link) {
  if (state_ == State::measuring && now >= end_) {
    state_ = State::collecting;
    end_ = now + last_answer;
  }
  if (state_ == State::collecting && (now >= end_ || round_trips_.size() == sent_)) {
    state_ = State::waiting;
    end_ = now + slower_peer;
    const Bytes done{'d', 'o', 'n', 'e'};
    static_cast<void>(link.send(now, control_stream, channel::MessageKind::text, done));
  }
  if (state_ == State::waiting && (now >= end_ || is_peer_done_)) state_ = State::done;
}

std::optional<Instant> Measure::poll_timeout() const {
  if (state_ == State::idle || state_ == State::done) return std::nullopt;
  return state_ == State::measuring ? std::min(next_, end_) : end_;
}

std::optional<report::PathQuality> Measure::quality() const {
  if (state_ == State::idle || state_ == State::greeting) return std::nullopt;
  report::PathQuality quality{.sent = sent_, .answered = round_trips_.size()};
  if (round_trips_.empty()) return quality;
  Duration differences{};
  for (std::size_t i = 1; i < round_trips_.size(); ++i)
    differences += round_trips_[i] < round_trips_[i - 1] ? round_trips_[i - 1] - round_trips_[i]
                                                         : round_trips_[i] - round_trips_[i - 1];
  if (round_trips_.size() > 1) quality.jitter = differences / static_cast<Duration::rep>(round_trips_.size() - 1);
  auto sorted = round_trips_;
  std::ranges::sort(sorted);
  quality.least = sorted.front();
  quality.median = sorted[sorted.size() / 2];
  quality.most = sorted.back();
  return quality;
}
}  // namespace natkit
