#pragma once
/// What others wrote, on its way in: traces, a peer's report.
#include <cstddef>
#include <string>

#include "natkit/base/result.hpp"

namespace natkit::cli {
/// The whole file, or one byte more than it may have, which shows that it is too large; "-" is standard input. Fails
/// with `cannot-read`.
[[nodiscard]] Result<std::string> read_input(const std::string& path, std::size_t most_bytes);
}  // namespace natkit::cli
