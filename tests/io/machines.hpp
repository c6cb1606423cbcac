#pragma once
// Small machines that the driver's tests run against each other over loopback, on ports that the system picks.
#include <csignal>
#include <deque>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/driver.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline IpAddress loopback(Family family = Family::ipv4) {
  return *parse_ip_address(family == Family::ipv4 ? "127.0.0.1" : "::1");
}

/// Sends its questions at once and is done when as many answers or refusals are in, or at its deadline.
class Asker {
 public:
  explicit Asker(std::vector<Datagram> questions, Duration patience = 5s)
      : questions_(questions.begin(), questions.end()), expected_(questions_.size()), patience_(patience) {}

  void start(Instant now) { deadline_ = now + patience_; }
  void handle_datagram(Instant, const Datagram& in) { answers.push_back(in); }
  void handle_timeout(Instant now) { is_late = now >= deadline_; }
  void handle_send_failure(Instant, const Datagram& lost, std::string_view why) {
    refusals.push_back(lost);
    reasons.emplace_back(why);
  }
  std::optional<Datagram> poll_transmit() {
    if (questions_.empty()) return std::nullopt;
    auto question = std::move(questions_.front());
    questions_.pop_front();
    return question;
  }
  std::optional<Instant> poll_timeout() const {
    if (is_late || answers.size() + refusals.size() >= expected_) return std::nullopt;
    return deadline_;
  }

  std::vector<Datagram> answers;
  std::vector<Datagram> refusals;
  std::vector<std::string> reasons;
  bool is_late = false;

 private:
  std::deque<Datagram> questions_;
  std::size_t expected_;
  Duration patience_;
  Instant deadline_;
};
static_assert(SansIo<Asker> && HearsSendFailure<Asker>);

/// Sends everything back to where it came from.
class Echo {
 public:
  void start(Instant) {}
  void handle_datagram(Instant, const Datagram& in) {
    received.push_back(in);
    out_.push_back(in);
  }
  void handle_timeout(Instant) {}
  void handle_send_failure(Instant, const Datagram& lost, std::string_view) { refusals.push_back(lost); }
  std::optional<Datagram> poll_transmit() {
    if (out_.empty()) return std::nullopt;
    auto out = std::move(out_.front());
    out_.pop_front();
    return out;
  }
  std::optional<Instant> poll_timeout() const { return std::nullopt; }

  std::vector<Datagram> received;
  std::vector<Datagram> refusals;

 private:
  std::deque<Datagram> out_;
};
static_assert(SansIo<Echo>);

/// Writes to itself, and takes so long over the first datagram that its timeout is overdue when it sends the second.
class HeldUp {
 public:
  void start(Instant now) {
    wish_ = SocketWish{.socket = SocketId{0}, .local = {loopback(), 0}};
    due_ = now + 50ms;
  }
  void handle_socket_opened(Instant, SocketId, const Endpoint& local) { say(local); }
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  void handle_datagram(Instant, const Datagram& in) {
    order.emplace_back(order.empty() ? "first" : "second");
    if (order.size() > 1) return;
    while (io::now() < *due_ + 20ms) continue;
    say(in.remote);
  }
  void handle_timeout(Instant) {
    order.emplace_back("timeout");
    due_.reset();
  }
  std::optional<SocketChange> poll_socket() {
    if (!wish_) return std::nullopt;
    return *std::exchange(wish_, std::nullopt);
  }
  std::optional<Datagram> poll_transmit() { return std::exchange(out_, std::nullopt); }
  std::optional<Instant> poll_timeout() const { return due_; }

  std::vector<std::string> order;

 private:
  void say(const Endpoint& where) { out_ = Datagram{.socket = SocketId{0}, .remote = where, .payload = {1}}; }

  std::optional<SocketWish> wish_;
  std::optional<Datagram> out_;
  std::optional<Instant> due_;
};
static_assert(SansIo<HeldUp> && OpensSockets<HeldUp>);

/// A machine served on its listeners by a thread of its own. SIGTERM ends it, and with it the test.
class Server {
 public:
  Server(MachineRef machine, std::vector<io::Listener> wanted, io::RunOptions options = {})
      : listeners_(std::move(*io::Listeners::bind(std::move(wanted)))) {
    for (const auto& listener : listeners_.bound()) bound_.push_back(listener.endpoint);
    std::promise<void> started;
    auto is_started = started.get_future();
    thread_ = std::thread{[this, machine, options = std::move(options), &started]() mutable {
      Announcing announcing{machine, started};
      end_ = io::run(announcing, std::move(listeners_), options);
    }};
    is_started.wait();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { static_cast<void>(stop()); }

  [[nodiscard]] const Endpoint& endpoint(std::size_t index = 0) const { return bound_.at(index); }
  /// Afterwards this thread may look at the machine.
  Result<io::RunEnd> stop() {
    if (thread_.joinable()) {
      std::raise(SIGTERM);
      thread_.join();
    }
    return end_;
  }

 private:
  /// Passes everything on; says when the run has begun, because until then a signal would end the whole process.
  struct Announcing {
    MachineRef machine;
    std::promise<void>& started;
    void start(Instant now) {
      machine.start(now);
      started.set_value();
    }
    void handle_datagram(Instant now, const Datagram& in) { machine.handle_datagram(now, in); }
    void handle_timeout(Instant now) { machine.handle_timeout(now); }
    void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
      machine.handle_send_failure(now, lost, why);
    }
    void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
      machine.handle_socket_opened(now, socket, local);
    }
    void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
      machine.handle_socket_failure(now, socket, why);
    }
    std::optional<SocketChange> poll_socket() { return machine.poll_socket(); }
    std::optional<Datagram> poll_transmit() { return machine.poll_transmit(); }
    std::optional<Instant> poll_timeout() const { return machine.poll_timeout(); }
  };

  io::Listeners listeners_;
  std::vector<Endpoint> bound_;
  std::thread thread_;
  Result<io::RunEnd> end_;
};
}  // namespace natkit::test
