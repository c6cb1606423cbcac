#include "channel/virtual_time.hpp"

#include <sys/time.h>

#include <chrono>

// The declaration renames the symbol, so that neither the C library's own declaration nor a reader is misled.
extern "C" int tell_virtual_time(timeval* out, void* zone) __asm__("gettimeofday");

namespace {
constexpr std::chrono::seconds beginning{1'700'000'000};  // some day in 2023: neither library likes the year 1970
natkit::Instant virtual_now{};
}  // namespace

int tell_virtual_time(timeval* out, void* /*zone*/) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(beginning + virtual_now.time_since_epoch());
  out->tv_sec = since.count() / 1'000'000;
  out->tv_usec = since.count() % 1'000'000;
  return 0;
}

namespace natkit::test {
void set_virtual_time(Instant now) { virtual_now = now; }
}  // namespace natkit::test
