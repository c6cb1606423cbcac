#pragma once
/// Chance for real runs: transaction ids, secrets, ports. Draws from the kernel (arc4random) in blocks, because one
/// call a number costs more; not from OpenSSL, whose first number takes 1.3 ms (measured with 3.0: a tenth of what a
/// mapping by PCP takes, process start included). If there is no entropy the process ends, since guessable transaction
/// ids would let anybody forge answers. A fork would share the buffered block: make a new one in the child.
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
