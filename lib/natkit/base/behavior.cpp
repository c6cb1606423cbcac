#include "natkit/base/behavior.hpp"

#include <array>

namespace natkit {
namespace {
constexpr std::array<std::string_view, 3> names{"endpoint-independent", "address-dependent",
                                                "address-and-port-dependent"};
constexpr std::array all_behaviors{Behavior::endpoint_independent, Behavior::address_dependent,
                                   Behavior::address_and_port_dependent};
}  // namespace

std::string_view to_text(Behavior behavior) { return names.at(static_cast<std::size_t>(behavior)); }

std::optional<Behavior> parse_behavior(std::string_view text) {
  for (const auto behavior : all_behaviors)
    if (to_text(behavior) == text) return behavior;
  return std::nullopt;
}

std::string to_text(BehaviorSet behaviors) {
  if (behaviors.is_unknown()) return "unknown";
  std::string text;
  for (const auto behavior : all_behaviors) {
    if (!behaviors.contains(behavior)) continue;
    if (!text.empty()) text += " or ";
    text += to_text(behavior);
  }
  return text;
}

std::optional<Behavior> BehaviorSet::single() const {
  for (const auto behavior : all_behaviors)
    if (*this == BehaviorSet{behavior}) return behavior;
  return std::nullopt;
}
}  // namespace natkit
