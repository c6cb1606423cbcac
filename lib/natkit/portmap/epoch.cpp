#include "natkit/portmap/epoch.hpp"

#include <utility>

namespace natkit::portmap {
namespace {
using std::chrono::seconds;

/// §8.5: up to one second back is rounding and reordering; else the two clocks may differ by 2 s and a sixteenth.
bool is_steady_pcp(Duration client, Duration server) {
  if (server < -seconds{1}) return false;
  return client + seconds{2} >= server - server / 16 && server + seconds{2} >= client - client / 16;
}

/// RFC 6886 §3.6: at least 7/8 of what has passed here must have passed there, less two seconds.
bool is_steady_nat_pmp(Duration client, Duration server) { return server + seconds{2} >= client - client / 8; }
}  // namespace

Epoch::Verdict Epoch::hear(Instant now, seconds server, Rule rule) {
  const auto last = std::exchange(last_, Heard{now, server});
  if (!last) return Verdict::first;
  const auto here = now - last->at;
  const Duration there = server - last->server;
  const bool is_steady = rule == Rule::pcp ? is_steady_pcp(here, there) : is_steady_nat_pmp(here, there);
  return is_steady ? Verdict::steady : Verdict::state_lost;
}
}  // namespace natkit::portmap
