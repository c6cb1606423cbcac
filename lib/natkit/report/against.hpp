#pragma once
/// `--against`: what a connection between this host and one peer will take, told from the reports of both, and what to
/// do first where it is not direct. What the reports leave open stays unknown, with what would settle it.
#include <string>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/probe/pair.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
struct Against {
  probe::Need expected = probe::Need::unknown;  ///< unknown, direct, prediction or relay
  std::string reason{};                         ///< a clause without a full stop; names no addresses
  std::vector<std::string> advice{};            ///< sentences, what helps most first; none where it is direct
  std::vector<Family> families{};               ///< over which both were answered
};
[[nodiscard]] Against against_of(const probe::Report& own, const probe::Report& peer);

/// A block for people, an empty line before it.
[[nodiscard]] std::string to_text(const Against& against);
}  // namespace natkit::report
