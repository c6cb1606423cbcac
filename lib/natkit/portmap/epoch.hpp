#pragma once
/// Whether a gateway has lost its state since it was last heard, told by its clock (RFC 6887 §8.5; NAT-PMP's rule of
/// RFC 6886 §3.6 is the same idea with a bound of its own).
#include <chrono>
#include <cstdint>
#include <optional>

#include "natkit/base/time.hpp"

namespace natkit::portmap {
class Epoch {
 public:
  enum class Rule : std::uint8_t { pcp, nat_pmp };
  enum class Verdict : std::uint8_t { first, steady, state_lost };

  /// One value heard. What is lost once is not reported again: the value heard becomes the new reference.
  [[nodiscard]] Verdict hear(Instant now, std::chrono::seconds server, Rule rule);

 private:
  struct Heard {
    Instant at{};
    std::chrono::seconds server{};
  };
  std::optional<Heard> last_;
};
}  // namespace natkit::portmap
