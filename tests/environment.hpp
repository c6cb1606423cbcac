#pragma once
// What whoever runs the tests may choose by a variable: more runs, other seeds.
#include <cstdint>
#include <cstdlib>

namespace natkit::test {
inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}
}  // namespace natkit::test
