#include "natkit/crypto/secure_rng.hpp"

#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace natkit::crypto {
std::uint64_t SecureRng::next() {
  static_assert(sizeof block_ <= 256, "what getentropy gives in one call");
  if (used_ == block_.size()) {
    if (::getentropy(block_.data(), sizeof block_) != 0) std::abort();
    used_ = 0;
  }
  return std::exchange(block_[used_++], 0);  // what was given out is not kept
}
}  // namespace natkit::crypto
