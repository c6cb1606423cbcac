#pragma once
// What every fuzz target shares. libFuzzer looks for the entry point by its name and signature.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace natkit::fuzz {
/// Ends the process, and so makes a finding, when an invariant is broken.
inline void must_hold(bool invariant) {
  if (!invariant) std::abort();
}
}  // namespace natkit::fuzz
