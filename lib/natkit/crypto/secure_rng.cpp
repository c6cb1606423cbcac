#include "natkit/crypto/secure_rng.hpp"

#include <cstdlib>
#include <utility>

namespace natkit::crypto {
std::uint64_t SecureRng::next() {
  if (used_ == block_.size()) {
    ::arc4random_buf(block_.data(), sizeof block_);  // the BSDs', macOS's, and glibc's since 2.36
    used_ = 0;
  }
  return std::exchange(block_[used_++], 0);  // what was given out is not kept
}
}  // namespace natkit::crypto
