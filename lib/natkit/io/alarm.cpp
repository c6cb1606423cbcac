#include "natkit/io/alarm.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>

namespace natkit::io {
namespace {
void arm(int timer, Duration since_boot) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (since_boot - seconds).count();
  static_cast<void>(::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr));  // fails on bad arguments only
}
}  // namespace

Alarm::Alarm(asio::io_context& context, std::function<void()> on_due) : timer_(context), on_due_(std::move(on_due)) {
  timer_.assign(::timerfd_create(CLOCK_BOOTTIME,
                                 TFD_NONBLOCK | TFD_CLOEXEC));  // throws when out of descriptors, as io_context does
  wait();
}

void Alarm::set(Instant due) {
  // All zeros would mean: never.
  arm(timer_.native_handle(), std::max(due.time_since_epoch(), Duration{1}));
}

void Alarm::clear() { arm(timer_.native_handle(), {}); }

void Alarm::wait() {
  timer_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (error) return;
    std::uint64_t times = 0;
    // Nothing to read: it was set anew after it had gone off.
    if (::read(timer_.native_handle(), &times, sizeof times) == sizeof times) on_due_();
    wait();
  });
}
}  // namespace natkit::io
