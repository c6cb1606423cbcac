#pragma once
/// The Linux side of the router: descriptors, raw frames of an interface (packet(7)), and a timer.
#include <cerrno>
#include <expected>
#include <span>
#include <string>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"

namespace natkit::lab {
/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_ = -1;
};

/// Every frame that the other end of a veth pair sends, and a way to send it frames. Non-blocking.
class FrameSocket {
 public:
  /// Needs CAP_NET_RAW in the network namespace.
  [[nodiscard]] static Result<FrameSocket> open(const std::string& interface);
  /// The next frame, or an empty one when there is none. The bytes live until the next call.
  [[nodiscard]] ByteView receive(std::span<std::uint8_t> buffer) const;
  /// A frame that cannot be sent now is lost, as on a congested link.
  void send(ByteView frame) const;
  [[nodiscard]] int number() const { return descriptor_.number(); }

 private:
  explicit FrameSocket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

/// Wakes an epoll at an instant of CLOCK_MONOTONIC.
class Timer {
 public:
  [[nodiscard]] static Result<Timer> open();
  void set(Instant due) const;
  void acknowledge() const;
  [[nodiscard]] int number() const { return descriptor_.number(); }

 private:
  explicit Timer(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;
};

/// Asks to run before other programs, so that delays stay true on a busy machine; granted to root only.
void ask_for_promptness();
[[nodiscard]] Instant monotonic_now();
/// SIGINT and SIGTERM as a descriptor that becomes readable; they no longer end the process by themselves.
[[nodiscard]] Result<Descriptor> open_stop_signals();
[[nodiscard]] Result<Descriptor> open_epoll(std::span<const int> numbers);
}  // namespace natkit::lab
