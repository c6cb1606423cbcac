#include "natkit/crypto/secure_rng.hpp"

#include <openssl/rand.h>

#include <cstdlib>
#include <utility>

namespace natkit::crypto {
std::uint64_t SecureRng::next() {
  if (used_ == block_.size()) {
    auto* const bytes = reinterpret_cast<unsigned char*>(block_.data());  // NOLINT(*-reinterpret-cast): words as bytes
    if (RAND_bytes(bytes, static_cast<int>(sizeof block_)) != 1) std::abort();
    used_ = 0;
  }
  return std::exchange(block_[used_++], 0);  // what was given out is not kept
}
}  // namespace natkit::crypto
