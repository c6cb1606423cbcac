#include "natkit/io/clock.hpp"

#include <ctime>

namespace natkit::io {
Instant now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);  // cannot fail: Linux has it since 2.6.39
  return Instant{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

std::chrono::sys_seconds unix_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}
}  // namespace natkit::io
