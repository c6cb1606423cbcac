#include "natkit/probe/pair.hpp"

#include <array>
#include <optional>
#include <vector>

namespace natkit::probe {
namespace {
using enum Behavior;

constexpr std::array behaviors{endpoint_independent, address_dependent, address_and_port_dependent};

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
}  // namespace natkit::probe
