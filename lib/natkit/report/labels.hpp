#pragma once
/// The older names of NATs (RFC 3489 §5), as labels for readers. They hide half of what RFC 4787 tells apart, so they
/// are derived from the report and never used to decide anything.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/behavior.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
enum class Rfc3489Label : std::uint8_t {
  open_internet,
  symmetric_firewall,
  full_cone,
  restricted_cone,
  port_restricted_cone,
  symmetric,
  udp_blocked,
};
[[nodiscard]] std::string_view to_text(Rfc3489Label label);    ///< as in the contract: "port-restricted-cone"
[[nodiscard]] std::string_view to_phrase(Rfc3489Label label);  ///< for people: "port-restricted cone"

/// The label that every combination still possible leads to; none where they lead to several. So "address-dependent or
/// address-and-port-dependent" mapping is symmetric whatever the filtering, and an unknown filtering has no label.
/// No NAT together with a mapping that depends on the destination contradicts itself and has none either.
[[nodiscard]] std::optional<Rfc3489Label> rfc3489_label(const probe::FamilyReport& family);

/// Of the whole report: blocked, or the label of its leading family.
[[nodiscard]] std::optional<Rfc3489Label> rfc3489_label(const probe::Report& report);

/// The family a single answer speaks of: IPv4 where somebody answered over it, else IPv6 where somebody answered over
/// that, else whichever was asked, IPv4 first. Players' NATs are IPv4 matters. None when nothing was asked.
[[nodiscard]] std::optional<Family> leading_family(const probe::Report& report);

/// The members of a set, from the most open to the strictest.
[[nodiscard]] std::vector<Behavior> members(const BehaviorSet& set);
}  // namespace natkit::report
