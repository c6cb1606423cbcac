#include "natkit/portmap/epoch.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace std::chrono_literals;

namespace {
using enum Epoch::Verdict;

/// The second of two values, heard so much later.
Epoch::Verdict verdict(Epoch::Rule rule, std::chrono::seconds first, Duration later, std::chrono::seconds second) {
  Epoch epoch;
  const Instant start{1h};
  REQUIRE(epoch.hear(start, first, rule) == Epoch::Verdict::first);
  return epoch.hear(start + later, second, rule);
}
}  // namespace

TEST_CASE("A server's clock may step back by one second and no more", "[epoch]") {
  CHECK(verdict(Epoch::Rule::pcp, 1000s, 0s, 1000s) == steady);
  CHECK(verdict(Epoch::Rule::pcp, 1000s, 0s, 999s) == steady);
  CHECK(verdict(Epoch::Rule::pcp, 1000s, 0s, 998s) == state_lost);
  CHECK(verdict(Epoch::Rule::pcp, 1000s, 3600s, 0s) == state_lost);
}

TEST_CASE("A server's clock that runs fast is believed up to two seconds and a sixteenth", "[epoch]") {
  // RFC 6887 §8.5: lost where client_delta + 2 < server_delta - server_delta / 16. At 160 s of the server: 150 - 2.
  CHECK(verdict(Epoch::Rule::pcp, 0s, 148s, 160s) == steady);
  CHECK(verdict(Epoch::Rule::pcp, 0s, 147s, 160s) == state_lost);
  CHECK(verdict(Epoch::Rule::pcp, 0s, 0s, 2s) == steady);
  CHECK(verdict(Epoch::Rule::pcp, 0s, 0s, 3s) == state_lost);
}

TEST_CASE("A server's clock that runs slow is believed up to two seconds and a sixteenth", "[epoch]") {
  // RFC 6887 §8.5: lost where server_delta + 2 < client_delta - client_delta / 16. At 160 s here: 150 - 2.
  CHECK(verdict(Epoch::Rule::pcp, 0s, 160s, 148s) == steady);
  CHECK(verdict(Epoch::Rule::pcp, 0s, 160s, 147s) == state_lost);
}

TEST_CASE("A restart is noticed even when the new clock has passed the old value", "[epoch]") {
  // Heard at 10 s, restarted at once, heard 200 s later: it is not below the old value, but too low for the time.
  CHECK(verdict(Epoch::Rule::pcp, 10s, 200s, 180s) == state_lost);
}

TEST_CASE("NAT-PMP asks for seven eighths of the time that passed, less two seconds", "[epoch]") {
  // RFC 6886 §3.6. 80 s here: 70 - 2.
  CHECK(verdict(Epoch::Rule::nat_pmp, 0s, 80s, 68s) == steady);
  CHECK(verdict(Epoch::Rule::nat_pmp, 0s, 80s, 67s) == state_lost);
  CHECK(verdict(Epoch::Rule::nat_pmp, 1000s, 0s, 997s) == state_lost);
  // It has no rule against a fast clock.
  CHECK(verdict(Epoch::Rule::nat_pmp, 0s, 10s, 1000s) == steady);
}

TEST_CASE("A loss is told once, and the clock that told it is the one to compare with", "[epoch]") {
  Epoch epoch;
  const Instant start{1h};
  CHECK(epoch.hear(start, 5000s, Epoch::Rule::pcp) == first);
  CHECK(epoch.hear(start + 10s, 3s, Epoch::Rule::pcp) == state_lost);
  CHECK(epoch.hear(start + 20s, 13s, Epoch::Rule::pcp) == steady);
}
