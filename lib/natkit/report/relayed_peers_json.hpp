#pragma once
/// What is remembered of peers as a file, schema "natkit/peers/1". It is meant for nobody but a later run, and whoever
/// can write there may have written anything: the reader takes any bytes, checks every field and bounds every number.
#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/report/relayed_peers.hpp"

namespace natkit::report {
/// Twice what `most_relayed_peers` need. So small a file cannot nest too deep for the parser either.
inline constexpr std::size_t most_relayed_peers_bytes = std::size_t{32} << 10U;

[[nodiscard]] std::string to_json(const RelayedPeers& peers);

/// Errc::usage "bad-memory": text that is no JSON or too long, another schema or version, too many peers, a field
/// missing or out of range. Times are compared with no clock: `forget_old` does.
[[nodiscard]] Result<RelayedPeers> parse_relayed_peers(std::string_view text);
}  // namespace natkit::report
