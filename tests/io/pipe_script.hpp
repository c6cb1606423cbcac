#pragma once
// A machine for tests of pipes, which does what the test says.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "catch.hpp"
#include "io/machines.hpp"
#include "natkit/io/driver.hpp"

namespace natkit::test {
inline constexpr PipeId listener{1}, ours{2}, other{3};

inline Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + (i >> 8) * 29);
  return bytes;
}

/// Does what the test says when something happens; ends when it is told to, or out of time.
class PipeScript {
 public:
  void start(Instant now) {
    deadline_ = now + 10s;
    on_start();
  }
  void handle_datagram(Instant, const Datagram&) {}
  void handle_timeout(Instant) {
    is_late = true;
    finish();
  }
  std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline_; }
  std::optional<PipeChange> poll_pipe() {
    if (wishes.empty()) return std::nullopt;
    auto wish = std::move(wishes.front());
    wishes.pop_front();
    return wish;
  }
  void handle_pipe_opened(Instant, PipeId pipe, const Endpoint& local) { on_opened(pipe, local); }
  void handle_pipe_accepted(Instant, PipeId by, PipeId pipe, const Endpoint& remote) {
    CHECK(by == listener);
    accepted = pipe;
    accepted_from = remote;
    on_accepted(pipe);
  }
  void handle_pipe_read(Instant, PipeId pipe, ByteView piece) {
    auto& all = heard[pipe];
    all.insert(all.end(), piece.begin(), piece.end());
    largest = std::max(largest, piece.size());
    on_read(pipe, piece);
  }
  void handle_pipe_written(Instant, PipeId pipe) { on_written(pipe); }
  void handle_pipe_failure(Instant, PipeId pipe, std::string_view why) {
    failures[pipe] = why;
    on_failure(pipe);
  }
  void wish(PipeChange change) { wishes.push_back(std::move(change)); }
  void finish() { deadline_.reset(); }
  /// Listens, and connects to that.
  void meet() {
    on_start = [this] { wish(PipeListen{listener, {loopback(), 0}}); };
    on_opened = [this](PipeId pipe, const Endpoint& local) {
      if (pipe == listener) wish(PipeConnect{ours, local});
    };
  }

  std::function<void()> on_start;
  std::function<void(PipeId, const Endpoint&)> on_opened = [](PipeId, const Endpoint&) {};
  std::function<void(PipeId)> on_accepted = [](PipeId) {}, on_written = on_accepted, on_failure = on_accepted;
  std::function<void(PipeId, ByteView)> on_read = [](PipeId, ByteView) {};
  std::deque<PipeChange> wishes;
  std::map<PipeId, Bytes> heard;
  std::map<PipeId, std::string> failures;
  PipeId accepted{};
  Endpoint accepted_from{};
  std::size_t largest = 0;
  bool is_late = false;

 private:
  std::optional<Instant> deadline_;
};
static_assert(OpensPipes<PipeScript>);

inline void run(PipeScript& machine) {
  REQUIRE(io::run(machine));
  REQUIRE_FALSE(machine.is_late);
}
}  // namespace natkit::test
