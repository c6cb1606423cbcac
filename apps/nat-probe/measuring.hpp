#pragma once
// One run of the probe, with the routers asked beside it.
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/result.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/probe/trace.hpp"
#include "options.hpp"

namespace natkit {
/// What of this host takes part.
struct Local {
  std::vector<IpAddress> addresses;
  std::vector<Family> families;  ///< to ask over, IPv4 first
};
/// Fails with `usage` where the options leave no time or no family.
[[nodiscard]] Result<Local> local_side(const Options& o);

/// The trace of a run, or how it ended instead.
struct Measured {
  io::RunEnd end = io::RunEnd::finished;
  probe::Trace trace{};
};
/// Looks the servers up and asks them all.
[[nodiscard]] Result<Measured> measure(const Options& o, const Local& local, io::ErrandChildren& errands,
                                       cli::Output& output);
}  // namespace natkit
