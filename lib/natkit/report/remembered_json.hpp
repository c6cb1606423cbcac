#pragma once
/// What is remembered of networks as a file, schema "natkit/networks/1". It is meant for nobody but a later run, and
/// whoever can write there may have written anything: the reader takes any bytes, checks every field and bounds every
/// number.
#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::report {
/// Twice what `most_networks` need. So small a file cannot nest too deep for the parser either.
inline constexpr std::size_t most_memories_bytes = std::size_t{64} << 10U;

[[nodiscard]] std::string to_json(const NetworkMemories& memories);

/// Errc::usage "bad-memory": text that is no JSON or too long, another schema or version, too many networks, a field
/// missing or out of range. Times are compared with no clock: `forget_old` does.
[[nodiscard]] Result<NetworkMemories> parse_memories(std::string_view text);
}  // namespace natkit::report
