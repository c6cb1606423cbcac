#pragma once
/// Inside this room only: behaviours in half a sentence, for readers who do not know RFC 4787.
#include <string>
#include <string_view>

#include "natkit/base/behavior.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
[[nodiscard]] std::string_view meaning_of_mapping(Behavior mapping);
[[nodiscard]] std::string_view meaning_of_translation(probe::Translation translation);
[[nodiscard]] std::string_view meaning_of_filtering(Behavior filtering);
/// Of one that was measured, or is known to be longer.
[[nodiscard]] std::string lifetime_text(const probe::MappingLifetime& lifetime);
}  // namespace natkit::report
