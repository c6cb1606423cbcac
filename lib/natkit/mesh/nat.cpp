#include "natkit/mesh/nat.hpp"

#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace natkit::mesh {
namespace {
using enum Behavior;

constexpr std::array behaviors{endpoint_independent, address_dependent, address_and_port_dependent};
constexpr unsigned filtering_shift = 3;
constexpr unsigned port_bit = 1U << 6U;
constexpr unsigned blocked_bit = 1U << 7U;

unsigned excluded(const BehaviorSet& set) {
  unsigned bits = 0;
  for (unsigned i = 0; i < behaviors.size(); ++i)
    if (!set.contains(behaviors.at(i))) bits |= 1U << i;
  return bits;
}

BehaviorSet left_by(unsigned excluded) {
  std::optional<BehaviorSet> left;
  std::vector<Behavior> members;
  for (unsigned i = 0; i < behaviors.size(); ++i)
    if ((excluded >> i & 1U) == 0) members.push_back(behaviors.at(i));
  if (members.size() == 1) return members.front();
  if (members.size() == 2) return {members.front(), members.back()};
  return {};
}
}  // namespace

Nat pack(const NatFindings& findings) {
  return Nat{static_cast<std::uint8_t>(excluded(findings.mapping) | excluded(findings.filtering) << filtering_shift |
                                       (findings.has_port ? port_bit : 0U) | (findings.is_blocked ? blocked_bit : 0U))};
}

NatFindings unpack(Nat nat) {
  const unsigned bits = std::to_underlying(nat);
  return {.mapping = left_by(bits & 7U),
          .filtering = left_by(bits >> filtering_shift & 7U),
          .has_port = (bits & port_bit) != 0,
          .is_blocked = (bits & blocked_bit) != 0};
}

Reach reach_of(const NatFindings& findings) {
  if (findings.is_blocked) return Reach::hard;
  if (findings.has_port) return Reach::open;
  if (findings.mapping == endpoint_independent)
    return findings.filtering == endpoint_independent ? Reach::open : Reach::easy;
  return findings.mapping.contains(endpoint_independent) ? Reach::unknown : Reach::hard;
}

NatFindings findings_of(Reach reach) {
  switch (reach) {
    case Reach::unknown:
      return {};
    case Reach::hard:
      return {.mapping = {address_dependent, address_and_port_dependent}};
    case Reach::easy:
      return {.mapping = endpoint_independent};
    case Reach::open:
      return {.mapping = endpoint_independent, .filtering = endpoint_independent};
  }
  return {};
}
}  // namespace natkit::mesh
