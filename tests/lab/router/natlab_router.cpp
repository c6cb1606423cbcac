// natlab_router: the lab's user-space router. It stands between two interfaces that have no addresses and moves every
// frame from one to the other, through a NAT if asked, and through a link that delays and loses:
//
//   inside interface <--> NAT (sim::Nat) <--> link (sim::LinkConfig, each way) <--> outside interface
//
// Packet sockets, not TUN: they need no device file, so they work in containers and for users without rights, and no
// routing has to be bent around them.
#include <fmt/core.h>
#include <sys/epoll.h>

#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "delay_queue.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/sim/link.hpp"
#include "options.hpp"
#include "system.hpp"
#include "translator.hpp"

namespace {
using namespace natkit;
using namespace natkit::lab;

class Router {
 public:
  Router(const Options& options, FrameSocket inside, FrameSocket outside)
      : link_(options.link), rng_(options.seed), inside_(std::move(inside)), outside_(std::move(outside)) {
    if (options.nat) translator_.emplace(*options.nat, rng_);
  }

  /// Takes what has arrived at one end; bounded, so that the other end and the timer get their turn.
  void receive(Side from) {
    constexpr int batch = 64;
    for (int i = 0; i < batch; ++i) {
      const ByteView frame = socket(from).receive(buffer_);
      if (frame.empty()) return;
      Bytes bytes(frame.begin(), frame.end());
      if (from == Side::inside)
        translate(Side::inside, bytes);
      else
        enter_link(Side::inside, bytes);
    }
  }
  /// Hands on what the link has carried to its end.
  void deliver(Instant now) {
    queue_.pop_arrived(now, [this](Side towards, Bytes& frame) { leave_link(towards, frame); });
  }
  [[nodiscard]] std::optional<Instant> next_arrival() const { return queue_.next_arrival(); }
  [[nodiscard]] const FrameSocket& socket(Side side) const { return side == Side::inside ? inside_ : outside_; }

 private:
  void translate(Side from, Bytes& frame) {
    const Fate fate = translator_ ? translator_->handle(monotonic_now(), from, frame) : Fate::across;
    if (fate == Fate::drop) return;
    const Side towards = fate == Fate::across ? opposite(from) : from;
    if (towards == Side::inside)
      inside_.send(frame);
    else
      enter_link(Side::outside, frame);
  }
  void enter_link(Side towards, Bytes& frame) {
    for (const Duration offset : sim::draw_arrivals(link_, rng_)) {
      if (offset > Duration::zero())
        queue_.push(monotonic_now() + offset, towards, frame);
      else
        leave_link(towards, frame);
    }
  }
  void leave_link(Side towards, Bytes& frame) {
    if (towards == Side::outside)
      outside_.send(frame);
    else
      translate(Side::outside, frame);
  }

  sim::LinkConfig link_;
  SeededRng rng_;
  FrameSocket inside_;
  FrameSocket outside_;
  std::optional<Translator> translator_;
  DelayQueue queue_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(65536 + 14);  // the largest packet and its frame header
};

/// Until a stop signal.
Result<void> serve(Router& router) {
  const auto timer = Timer::open();
  if (!timer) return std::unexpected(timer.error());
  const auto stop = open_stop_signals();
  if (!stop) return std::unexpected(stop.error());
  const int inside = router.socket(Side::inside).number(), outside = router.socket(Side::outside).number();
  const auto epoll = open_epoll(std::array{inside, outside, timer->number(), stop->number()});
  if (!epoll) return std::unexpected(epoll.error());
  ask_for_promptness();
  std::puts("ready");
  std::fflush(stdout);

  constexpr Instant never = Instant::max();
  Instant armed = never;
  while (true) {
    std::array<epoll_event, 4> events{};
    const int count = ::epoll_wait(epoll->number(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int ready = events.at(static_cast<std::size_t>(i)).data.fd;
      if (ready == stop->number()) return {};
      if (ready == timer->number()) timer->acknowledge(), armed = never;
      if (ready == inside) router.receive(Side::inside);
      if (ready == outside) router.receive(Side::outside);
    }
    router.deliver(monotonic_now());
    if (const auto next = router.next_arrival(); next && *next != armed) timer->set(*next), armed = *next;
  }
}

Result<void> run(const Options& options) {
  auto inside = FrameSocket::open(options.inside);
  if (!inside) return std::unexpected(inside.error());
  auto outside = FrameSocket::open(options.outside);
  if (!outside) return std::unexpected(outside.error());
  Router router{options, std::move(*inside), std::move(*outside)};
  return serve(router);
}
}  // namespace

int main(int argc, char** argv) {
  const auto done = run(parse_options(argc, argv));
  if (done) return 0;
  fmt::print(stderr, "natlab_router: {}\n", done.error().detail);
  return 1;
}
