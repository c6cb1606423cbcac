#pragma once
/// The command line of natlab_router, which natlab writes (scripts/natlab_lib/router.py).
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/sim/link.hpp"
#include "natkit/sim/nat_config.hpp"

namespace natkit::lab {
struct Options {
  std::string inside;   ///< interface towards the hosts
  std::string outside;  ///< interface towards the internet
  sim::LinkConfig link{};
  std::optional<sim::NatConfig> nat{};  ///< none: a link and nothing more
  std::uint64_t seed = 0;               ///< 0: another one every time
};

/// Ends the process with status 2 and a message when the arguments are wrong.
[[nodiscard]] Options parse_options(int argc, char** argv);
}  // namespace natkit::lab
