#pragma once
// Two machines small enough to trust: one asks, the other says whom it saw asking.
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/sans_io.hpp"

namespace natkit::test {
/// Answers each datagram with its source address as text, from the sockets that its payload lists (one byte each).
class Reflector {
 public:
  void start(Instant) {}
  void handle_datagram(Instant, const Datagram& in) {
    ++heard;
    const auto seen = to_text(in.remote);
    const auto view = as_bytes(seen);
    for (const auto socket : in.payload)
      out_.push_back({.socket = SocketId{socket},
                      .protocol = in.protocol,
                      .remote = in.remote,
                      .payload = Bytes(view.begin(), view.end())});
  }
  void handle_timeout(Instant) {}
  std::optional<Datagram> poll_transmit() {
    if (out_.empty()) return std::nullopt;
    auto next = std::move(out_.front());
    out_.pop_front();
    return next;
  }
  std::optional<Instant> poll_timeout() const { return std::nullopt; }
  int heard = 0;

 private:
  std::deque<Datagram> out_;
};
static_assert(SansIo<Reflector>);

/// Sends what it was told to, when it was told to, and listens until its patience ends.
class Asker {
 public:
  struct Ask {
    SocketId socket{};
    Endpoint to{};
    Bytes reply_from{0};
    Duration after{};
    std::uint8_t hop_limit = 64;
    Protocol protocol = Protocol::udp;
  };
  struct Answer {
    Duration after{};
    SocketId socket{};
    Endpoint from{};
    Endpoint local{};
    std::string text{};
  };
  explicit Asker(std::vector<Ask> asks, Duration patience = std::chrono::seconds{1})
      : asks_(std::move(asks)), patience_(patience) {}

  void start(Instant now) {
    started_ = now;
    until_ = now + patience_;
  }
  void handle_datagram(Instant now, const Datagram& in) {
    answers.push_back({now - started_, in.socket, in.remote, in.local, std::string(as_text(in.payload))});
  }
  void handle_send_failure(Instant, const Datagram& lost, std::string_view why) {
    failures.push_back(std::string(why) + " " + to_text(lost.remote));
  }
  void handle_timeout(Instant now) {
    now_ = now;
    if (until_ && now >= *until_) until_.reset();
  }
  std::optional<Datagram> poll_transmit() {
    if (sent_ == asks_.size() || started_ + asks_[sent_].after > std::max(now_, started_)) return std::nullopt;
    const auto& ask = asks_[sent_++];
    return Datagram{.socket = ask.socket,
                    .protocol = ask.protocol,
                    .remote = ask.to,
                    .hop_limit = ask.hop_limit,
                    .payload = ask.reply_from};
  }
  std::optional<Instant> poll_timeout() const {
    if (until_ && sent_ < asks_.size()) return std::min(*until_, started_ + asks_[sent_].after);
    return until_;
  }

  /// What a socket was told from an endpoint; nothing when no answer came.
  std::optional<std::string> told(SocketId socket, const Endpoint& by) const {
    for (const auto& answer : answers)
      if (answer.socket == socket && answer.from == by) return answer.text;
    return std::nullopt;
  }
  std::vector<Answer> answers;
  std::vector<std::string> failures;

 private:
  std::vector<Ask> asks_;  // in the order of their times
  Duration patience_;
  Instant started_{};
  Instant now_{};
  std::optional<Instant> until_;
  std::size_t sent_ = 0;
};
static_assert(SansIo<Asker> && HearsSendFailure<Asker>);
}  // namespace natkit::test
