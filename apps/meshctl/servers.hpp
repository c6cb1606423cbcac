#pragma once
// Which rendezvousd the user means.
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "options.hpp"

namespace natkit {
/// By preference, looked up; at least one.
[[nodiscard]] Result<std::vector<Endpoint>> find_servers(const Options& options);
}  // namespace natkit
