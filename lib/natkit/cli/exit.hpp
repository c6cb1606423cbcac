#pragma once
/// The exit status of every tool: the table of the command-line contract, and of each man page.
#include "natkit/base/result.hpp"

namespace natkit::cli {
enum class Exit {
  ok = 0,             ///< done, or measured
  no = 1,             ///< measured, and the answer is no
  usage = 2,          ///< wrong usage or configuration, or the answer could not be written
  nobody_there = 3,   ///< no server, no gateway, no route, no name
  refused = 4,        ///< authentication, full, locked, banned
  peer = 5,           ///< not connected, unresponsive, lost during the attempt
  no_path = 6,        ///< every method was tried and failed
  protocol = 7,       ///< protocol or version mismatch
  defect = 70,        ///< of ours (EX_SOFTWARE of sysexits.h)
  interrupted = 130,  ///< SIGINT: 128 + 2, as a shell counts
  terminated = 143,   ///< SIGTERM: 128 + 15
};
[[nodiscard]] Exit exit_for(Errc code);
}  // namespace natkit::cli
