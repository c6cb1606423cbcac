#pragma once
// Two links on a simulated network, and a task of punch at each end, fed as the conversation feeds it: its pipes have a
// speed, and while it is busy what the peer sends stays in the link.
//
//   task -- link --12.5 ms-- internet --12.5 ms-- link -- task        the round trip is 50 ms
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "channel/virtual_time.hpp"
#include "natkit/link/hub.hpp"
#include "natkit/sim/network.hpp"
#include "task.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

class Side {
 public:
  Side(link::Hub::Config config, std::unique_ptr<Task> what, Rng& rng)
      : hub(std::move(config), rng), task(std::move(what)) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return hub.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// As people type it: further input comes later, or has ended.
  enum class More : std::uint8_t { comes, no };
  void give(Instant now, const Bytes& bytes, More more = More::no);

  link::Hub hub;
  std::unique_ptr<Task> task;
  std::optional<link::LinkId> id;
  std::optional<Instant> secured_at, peer_ready_at, done_at;
  std::optional<link::Link::Ended> ended;
  Bytes written;                          ///< to standard output
  std::size_t bytes_per_millisecond = 0;  ///< of standard output; 0: as fast as it comes
  enum class Hearing : std::uint8_t { all, nothing } hearing = Hearing::all;
  enum class Speaking : std::uint8_t { all, nothing } speaking = Speaking::all;
  /// Asked before each datagram that arrives: whether it is lost.
  std::function<bool()> loses;

 private:
  void look(Instant now);
  void hear(Instant now, link::Link::Event& event);
  [[nodiscard]] bool use_pipes(Instant now);

  Bytes input_;
  std::size_t given_ = 0;
  More more_ = More::comes;
  bool is_end_given_ = false;
  std::optional<PipeRead> reading_;
  std::optional<PipeWrite> writing_;
  Instant written_at_{};
};

struct TwoConfig {
  double loss = 0;  ///< of each of the two lines, each way
  Duration jitter{};
  std::uint64_t seed = 1;
};

class TwoSides {
 public:
  TwoSides(const TwoConfig& config, std::unique_ptr<Task> task_a, std::unique_ptr<Task> task_b);
  void run(Duration time, const std::function<bool()>& is_over);
  [[nodiscard]] bool are_done() const { return a.done_at && b.done_at; }

  sim::Network net;
  sim::Host& host_a;
  sim::Host& host_b;
  Side a, b;

 private:
  void begin(Side& side, const Side& peer, ice::Role role, sim::Host& host);
};

[[nodiscard]] double ms_between(const std::optional<Instant>& from, const std::optional<Instant>& to);
/// Bytes without a pattern that a fault could hide in.
[[nodiscard]] Bytes noise(std::size_t size, std::uint64_t seed);
}  // namespace natkit::test
