#pragma once
/// A bucket that fills at a steady rate and never beyond its size: the usual shape of "so much at once, so much a
/// second". It starts full.
#include <algorithm>
#include <chrono>

#include "natkit/base/time.hpp"

namespace natkit::stun {
/// In whatever unit the owner counts: requests, bytes.
struct BucketSize {
  double burst = 0;  ///< what a full bucket holds
  double per_second = 0;
};

class TokenBucket {
 public:
  TokenBucket(const BucketSize& size, Instant now) : level_(size.burst), as_of_(now) {}

  [[nodiscard]] double level(const BucketSize& size, Instant now) {
    const double elapsed = std::chrono::duration<double>(now - as_of_).count();
    level_ = std::min(size.burst, level_ + elapsed * size.per_second);
    as_of_ = now;
    return level_;
  }
  /// What was looked at just before must be there.
  void take(double amount) { level_ -= amount; }

 private:
  double level_;
  Instant as_of_;
};
}  // namespace natkit::stun
