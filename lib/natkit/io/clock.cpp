#include "natkit/io/clock.hpp"

namespace natkit::io {
Instant now() {
  return Instant{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}
}  // namespace natkit::io
