#pragma once
/// Chance for real runs: transaction ids, secrets, ports. Draws from OpenSSL's generator (a CTR-DRBG seeded by the
/// kernel) in blocks, because one call a number costs fifty times more. If there is no entropy the process ends, since
/// guessable transaction ids would let anybody forge answers.
/// A fork would share the buffered block: make a new one in the child.
#include <array>
#include <cstddef>

#include "natkit/base/rng.hpp"

namespace natkit::crypto {
class SecureRng final : public Rng {
 public:
  [[nodiscard]] std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 64> block_{};
  std::size_t used_ = block_.size();
};
}  // namespace natkit::crypto
