#pragma once
/// Inside this room only: behaviours in half a sentence, for readers who do not know RFC 4787.
#include <string_view>

#include "natkit/base/behavior.hpp"

namespace natkit::report {
[[nodiscard]] std::string_view meaning_of_mapping(Behavior mapping);
[[nodiscard]] std::string_view meaning_of_filtering(Behavior filtering);
}  // namespace natkit::report
