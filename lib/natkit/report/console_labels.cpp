#include "natkit/report/console_labels.hpp"

#include "natkit/report/labels.hpp"

namespace natkit::report {
namespace {
using enum Behavior;
using Rule = probe::PortAllocation::Rule;

/// Whether every behaviour that is still possible is this one, or none is.
std::optional<bool> is(const BehaviorSet& set, Behavior behavior) {
  if (!set.contains(behavior)) return false;
  return set == BehaviorSet{behavior} ? std::optional{true} : std::nullopt;
}

std::string_view nintendo(const probe::FamilyReport& family) {
  const auto is_steady = is(family.mapping, endpoint_independent);
  if (!is_steady) return {};
  if (*is_steady) {
    const auto is_strict = is(family.filtering, address_and_port_dependent);
    if (!is_strict) return {};
    return *is_strict ? "B" : "A";
  }
  const auto rule = family.port_allocation.rule;
  if (!rule) return {};
  return *rule == Rule::sequential ? "C" : "D";
}

std::string_view xbox(const probe::FamilyReport& family, std::optional<bool> upnp) {
  const auto is_steady = is(family.mapping, endpoint_independent);
  const auto lets_in = is(family.filtering, endpoint_independent);
  if (upnp == true || (is_steady == true && lets_in == true)) return "open";
  // Whether UPnP would have helped matters only where there is a NAT.
  if (!upnp && family.nat != false) return {};
  if (is_steady == false) return "strict";
  return is_steady == true && lets_in == false ? "moderate" : "";
}

std::string_view playstation(const probe::FamilyReport& family, std::optional<bool> upnp) {
  if (family.nat == false) return "type-1";
  const auto is_steady = is(family.mapping, endpoint_independent);
  if (upnp == true || is_steady == true) return family.nat ? "type-2" : "";
  return upnp == false && is_steady == false ? "type-3" : "";
}
}  // namespace

ConsoleLabels console_labels(const probe::Report& report) {
  if (report.captive_portal == true) return {};
  if (report.udp == probe::UdpState::blocked) return {.nintendo = "F", .xbox = "strict", .playstation = "type-3"};
  const auto leading = leading_family(report);
  if (!leading) return {};
  const auto& family = *leading == Family::ipv4 ? *report.ipv4 : *report.ipv6;
  if (!family.mapped) return {};
  const auto upnp = report.port_mapping.upnp.available;
  return {.nintendo = nintendo(family), .xbox = xbox(family, upnp), .playstation = playstation(family, upnp)};
}
}  // namespace natkit::report
