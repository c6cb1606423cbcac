#pragma once
// From what was typed to the addresses that are used: servers, relays, and this host's own.
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/link/gathering.hpp"
#include "options.hpp"

namespace natkit {
struct Places {
  std::vector<Endpoint> servers;  ///< to meet at, by preference
  link::Gathering::Config gathering;
};
/// Fails with `name-not-found`, `bad-server`, `secret-not-readable` (of the relay), `no-address`.
[[nodiscard]] Result<Places> find_places(const Options& options, const cli::Output& output);
}  // namespace natkit
