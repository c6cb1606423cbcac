#pragma once
/// Host names to addresses. The system's resolver blocks, for half a minute where DNS is dead, so it runs beside us:
/// each name on a thread of its own (a slow name delays no other), and who has not answered by the deadline has not
/// answered. A thread that is still waiting then is left behind; it holds up neither the program nor its exit.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/host_port.hpp"
#include "natkit/base/time.hpp"

namespace natkit::io {
struct Resolved {
  HostPort asked;
  std::vector<Endpoint> endpoints;  ///< both families, in the system's order of preference (RFC 6724); at most 16
  std::string failure;              ///< why there are none: the resolver's own sentence
};
/// Blocks for as long as it likes; called on a thread of its own.
using LookUp = std::function<Resolved(const HostPort&)>;
[[nodiscard]] Resolved ask_system(const HostPort& name);

/// In the order asked; blocks until all are known or `patience` is over. At most 64 names are looked up at once.
[[nodiscard]] std::vector<Resolved> resolve(std::span<const HostPort> names, Duration patience,
                                            const LookUp& look_up = ask_system);
}  // namespace natkit::io
