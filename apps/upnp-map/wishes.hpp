#pragma once
// From what was typed to what a router is asked for, with what should be said about it before.
#include <string>
#include <vector>

#include "natkit/portmap/mapping.hpp"
#include "options.hpp"

namespace natkit {
struct Plan {
  std::vector<portmap::Route> routes{};
  std::vector<portmap::Wish> wishes{};  ///< one for each protocol
  std::vector<std::string> warnings{};  ///< about a port that many attack, or that nobody listens at
};
/// Refuses what would expose more than was meant, or nothing at all: `loopback`, `not-this-host`.
[[nodiscard]] Result<Plan> plan_mapping(const MappingOptions& options);
/// The same for IPv6, where there is nothing to translate.
[[nodiscard]] Result<Plan> plan_pinhole(const PinholeOptions& options);
}  // namespace natkit
