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
/// "192.168.1.1, ?, 203.0.113.1": those that said nothing are a question mark.
[[nodiscard]] std::string hops_text(const std::vector<std::optional<IpAddress>>& hops);
/// Of one that was measured, or is known to be longer.
[[nodiscard]] std::string lifetime_text(const probe::MappingLifetime& lifetime);
}  // namespace natkit::report
