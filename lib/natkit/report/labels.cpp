#include "natkit/report/labels.hpp"

#include <array>
#include <string>

namespace natkit::report {
namespace {
using enum Behavior;
using enum Rfc3489Label;

constexpr std::array<std::string_view, 7> names{"open-internet",   "symmetric-firewall",   "full-cone",
                                                "restricted-cone", "port-restricted-cone", "symmetric",
                                                "udp-blocked"};
constexpr std::array<std::string_view, 7> phrases{"open internet",   "symmetric firewall",   "full cone",
                                                  "restricted cone", "port-restricted cone", "symmetric",
                                                  "UDP blocked"};

enum class Way : std::uint8_t { through_nat, without_nat };

std::vector<Way> possible_ways(std::optional<bool> nat) {
  if (!nat) return {Way::through_nat, Way::without_nat};
  return {*nat ? Way::through_nat : Way::without_nat};
}

Rfc3489Label cone_label(Behavior filtering) {
  switch (filtering) {
    case endpoint_independent:
      return full_cone;
    case address_dependent:
      return restricted_cone;
    case address_and_port_dependent:
      break;
  }
  return port_restricted_cone;
}

/// One combination of facts; none where it cannot be: without a NAT nothing changes the port.
std::optional<Rfc3489Label> label_of(Way way, Behavior mapping, Behavior filtering) {
  if (way == Way::through_nat) return mapping == endpoint_independent ? cone_label(filtering) : symmetric;
  if (mapping != endpoint_independent) return std::nullopt;
  return filtering == endpoint_independent ? open_internet : symmetric_firewall;
}

bool has_answer(const std::optional<probe::FamilyReport>& family) { return family && family->mapped; }
}  // namespace

std::string_view to_text(Rfc3489Label label) { return names.at(static_cast<std::size_t>(label)); }
std::string_view to_phrase(Rfc3489Label label) { return phrases.at(static_cast<std::size_t>(label)); }

std::vector<Behavior> members(const BehaviorSet& set) {
  std::vector<Behavior> out;
  for (const auto behavior : {endpoint_independent, address_dependent, address_and_port_dependent})
    if (set.contains(behavior)) out.push_back(behavior);
  return out;
}

std::optional<Rfc3489Label> rfc3489_label(const probe::FamilyReport& family) {
  std::optional<Rfc3489Label> only;
  for (const auto way : possible_ways(family.nat)) {
    for (const auto mapping : members(family.mapping)) {
      for (const auto filtering : members(family.filtering)) {
        const auto label = label_of(way, mapping, filtering);
        if (!label) continue;
        if (only && *only != *label) return std::nullopt;
        only = label;
      }
    }
  }
  return only;
}

std::optional<Rfc3489Label> rfc3489_label(const probe::Report& report) {
  if (report.udp == probe::UdpState::blocked) return udp_blocked;
  const auto family = leading_family(report);
  if (!family) return std::nullopt;
  return rfc3489_label(*family == Family::ipv4 ? *report.ipv4 : *report.ipv6);
}

std::optional<Family> leading_family(const probe::Report& report) {
  if (has_answer(report.ipv4)) return Family::ipv4;
  if (has_answer(report.ipv6)) return Family::ipv6;
  if (report.ipv4) return Family::ipv4;
  if (report.ipv6) return Family::ipv6;
  return std::nullopt;
}
}  // namespace natkit::report
