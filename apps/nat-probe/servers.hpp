#pragma once
// From the names that a user gave to the addresses that the probe asks.
#include <string>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit {
struct ServerChoice {
  std::vector<std::string> names;  ///< host[:port]; none: the built-in public ones
  std::vector<Family> families;    ///< which to ask over
  Duration patience{};             ///< with the resolver
};

/// All names at once; of each name the first address of each family, since the others are usually the same server.
/// Names without an address are warned of; `name-not-found` when none is left, `no-such-family` when all that were
/// found are of the other one.
[[nodiscard]] Result<std::vector<probe::Server>> find_servers(const ServerChoice& choice, const cli::Output& output);
}  // namespace natkit
