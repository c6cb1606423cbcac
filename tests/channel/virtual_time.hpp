#pragma once
// OpenSSL and usrsctp read the clock themselves. This executable is linked with a `gettimeofday` of its own, which both
// libraries find before the system's, so that time passes for them as the test says.
#include "natkit/base/time.hpp"

namespace natkit::test {
void set_virtual_time(Instant now);
}  // namespace natkit::test
