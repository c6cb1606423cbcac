// Streams over TCP that a machine carries, over loopback: one machine that listens, and connects to itself.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "catch.hpp"
#include "io/machines.hpp"
#include "natkit/io/driver.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr PipeId listener{1}, ours{2}, other{3};

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + (i >> 8) * 29);
  return bytes;
}

/// Does what the test says when something happens; ends when it is told to, or out of time.
class Scripted {
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
    CHECK(remote.address == loopback());
    accepted = pipe;
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
  std::size_t largest = 0;
  bool is_late = false;

 private:
  std::optional<Instant> deadline_;
};
static_assert(OpensPipes<Scripted>);

void run(Scripted& machine) {
  REQUIRE(io::run(machine));
  REQUIRE_FALSE(machine.is_late);
}
}  // namespace

TEST_CASE("A stream over TCP arrives whole, in pieces of the size that is asked for", "[tcp_pipes]") {
  Scripted machine;
  const auto bytes = numbered(3'000'000);
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) { machine.wish(PipeRead{pipe, 10'000}); };
  std::size_t sent = 0;
  const auto send = [&] {
    const auto piece = ByteView{bytes}.subspan(sent, std::min<std::size_t>(65'536, bytes.size() - sent));
    sent += piece.size();
    machine.wish(piece.empty() ? PipeChange{PipeEnd{ours}} : PipeWrite{ours, {piece.begin(), piece.end()}});
  };
  machine.on_written = [&](PipeId) { send(); };
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    if (pipe != listener) return send();
    machine.wish(PipeConnect{ours, local});
  };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    piece.empty() ? machine.finish() : machine.wish(PipeRead{pipe, 10'000});
  };
  run(machine);
  CHECK(machine.heard[machine.accepted] == bytes);
  CHECK(machine.largest <= 10'000);
  CHECK(machine.failures.empty());
}

TEST_CASE("What is wished for before a connection stands is done once it does", "[tcp_pipes]") {
  Scripted machine;
  machine.on_start = [&] { machine.wish(PipeListen{listener, {loopback(), 0}}); };
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    if (pipe != listener) return;
    machine.wish(PipeConnect{ours, local});
    machine.wish(PipeRead{ours});
    machine.wish(PipeWrite{ours, numbered(10)});
  };
  machine.on_accepted = [&](PipeId pipe) { machine.wish(PipeRead{pipe}); };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    if (pipe == ours) return machine.finish();
    machine.wish(PipeWrite{pipe, {piece.begin(), piece.end()}});
  };
  run(machine);
  CHECK(machine.heard[ours] == numbered(10));
}

TEST_CASE("One direction may end while the other goes on", "[tcp_pipes]") {
  Scripted machine;
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeRead{pipe});
    machine.wish(PipeRead{ours});
    machine.wish(PipeEnd{ours});
  };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    if (pipe == machine.accepted && piece.empty()) machine.wish(PipeWrite{pipe, numbered(100'000)});
    if (pipe == ours && piece.empty()) machine.finish();
    if (pipe == ours && !piece.empty()) machine.wish(PipeRead{ours});
  };
  machine.on_written = [&](PipeId pipe) { machine.wish(PipeEnd{pipe}); };
  run(machine);
  CHECK(machine.heard[ours] == numbered(100'000));
  CHECK(machine.failures.empty());
}

TEST_CASE("A piece counts as written only once the other side makes room", "[tcp_pipes]") {
  // More than the system keeps for both sides (tcp_wmem, tcp_rmem: 4 and 6 MiB).
  const auto bytes = numbered(std::size_t{32} << 20);
  Scripted machine;
  machine.meet();
  bool is_written = false, was_written_early = false;
  std::size_t read = 0;
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeWrite{ours, bytes});
    machine.wish(PipeRead{pipe, 1000});
  };
  machine.on_written = [&](PipeId) { is_written = true; };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    was_written_early = was_written_early || (is_written && read < (std::size_t{16} << 20));
    read += piece.size();
    read == bytes.size() ? machine.finish() : machine.wish(PipeRead{pipe, std::size_t{1} << 20});
  };
  run(machine);
  CHECK(is_written);
  CHECK_FALSE(was_written_early);
  CHECK(machine.heard[machine.accepted] == bytes);
}

TEST_CASE("A connection that is closed in the middle is cut off for the other side, and not ended", "[tcp_pipes]") {
  Scripted machine;
  machine.meet();
  machine.on_accepted = [&](PipeId pipe) {
    machine.wish(PipeRead{pipe});
    machine.wish(PipeClose{ours});
  };
  machine.on_read = [&](PipeId, ByteView) { machine.finish(); };
  machine.on_failure = [&](PipeId) { machine.finish(); };
  run(machine);
  CHECK(machine.heard.empty());
  CHECK(machine.failures.count(machine.accepted) == 1);
}

TEST_CASE("Nobody there, or a port in use, is a failure and no opened pipe", "[tcp_pipes]") {
  Scripted machine;
  machine.on_start = [&] { machine.wish(PipeListen{listener, {loopback(), 0}}); };
  std::vector<PipeId> opened;
  Endpoint at;
  machine.on_opened = [&](PipeId pipe, const Endpoint& local) {
    opened.push_back(pipe);
    at = local;
    machine.wish(PipeListen{other, local});
  };
  machine.on_failure = [&](PipeId pipe) {
    if (pipe == ours) return machine.finish();
    machine.wish(PipeClose{listener});
    machine.wish(PipeConnect{ours, at});
  };
  run(machine);
  CHECK(opened == std::vector{listener});
  CHECK(machine.failures.at(other) == "Address already in use");
  CHECK(machine.failures.at(ours) == "Connection refused");
}
