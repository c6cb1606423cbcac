#pragma once
// Why there is no mapping, as an error with one thing to do about it.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/portmap/keeper.hpp"

namespace natkit {
[[nodiscard]] Error culprit_of(const portmap::Wish& wish, const portmap::Route& route,
                               const portmap::Keeper::Failed& failed);
/// Which exit status a cause deserves.
[[nodiscard]] Errc code_of(portmap::Cause cause);
}  // namespace natkit
