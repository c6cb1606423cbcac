#pragma once
/// The list of sessions that was told last, when the directory does not answer.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"

namespace natkit::report {
struct MeshStaleList {
  /// One object with the error, and the sessions of `kept` (what MeshEvents::list gave) marked as stale. None: that is
  /// no list.
  static std::optional<std::string> json(const Error& error, std::string_view kept, Duration age);
  /// A line to stand above the table.
  static std::string heading(Duration age);
};
}  // namespace natkit::report
