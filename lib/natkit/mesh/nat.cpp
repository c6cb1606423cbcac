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

/// One of what is still possible.
struct Kind {
  Behavior mapping{};
  Behavior filtering{};
  bool lets_in = false;
};

std::vector<Kind> kinds_of(const NatFindings& findings) {
  std::vector<Kind> kinds;
  for (const auto mapping : behaviors)
    for (const auto filtering : behaviors) {
      if (!findings.mapping.contains(mapping) || !findings.filtering.contains(filtering)) continue;
      const bool is_open = mapping == endpoint_independent && filtering == endpoint_independent;
      kinds.push_back({mapping, filtering, findings.has_port || is_open});
    }
  return kinds;
}

/// Both send to where a server sees the other. What each one's NAT shows the other is another port where its mapping
/// depends on the destination; that stops who filters by port, since it opens for the port that it was told.
Need need_of(const Kind& a, const Kind& b) {
  if (a.lets_in || b.lets_in) return Need::direct;
  const bool is_a_hard = a.mapping != endpoint_independent, is_b_hard = b.mapping != endpoint_independent;
  if (!is_a_hard && !is_b_hard) return Need::direct;
  if (is_a_hard && is_b_hard) return Need::relay;
  const auto& steady = is_a_hard ? b : a;
  return steady.filtering == address_and_port_dependent ? Need::prediction : Need::direct;
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

std::string_view to_text(Need need) {
  switch (need) {
    case Need::unknown:
      return "";
    case Need::direct:
      return "direct";
    case Need::prediction:
      return "direct-with-prediction";
    case Need::member:
      return "member";
    case Need::relay:
      return "relay";
  }
  return "";
}

Need need_of(const NatFindings& a, const NatFindings& b) {
  if (a.is_blocked || b.is_blocked) return Need::relay;
  std::optional<Need> common;
  for (const auto& one : kinds_of(a))
    for (const auto& other : kinds_of(b)) {
      const auto need = need_of(one, other);
      if (common && *common != need) return Need::unknown;
      common = need;
    }
  return common.value_or(Need::unknown);
}
}  // namespace natkit::mesh
