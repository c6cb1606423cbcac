#include "natkit/report/reaches.hpp"

#include <array>

namespace natkit::report {
namespace {
using enum Behavior;

struct Kind {
  Rfc3489Label label{};
  probe::NatFindings findings{};
};
/// A firewall lets in who was sent to, as the strictest filter does.
const std::array kinds{
    Kind{Rfc3489Label::open_internet, {.mapping = endpoint_independent, .filtering = endpoint_independent}},
    Kind{Rfc3489Label::full_cone, {.mapping = endpoint_independent, .filtering = endpoint_independent}},
    Kind{Rfc3489Label::restricted_cone, {.mapping = endpoint_independent, .filtering = address_dependent}},
    Kind{Rfc3489Label::port_restricted_cone,
         {.mapping = endpoint_independent, .filtering = address_and_port_dependent}},
    Kind{Rfc3489Label::symmetric_firewall, {.mapping = endpoint_independent, .filtering = address_and_port_dependent}},
    Kind{Rfc3489Label::symmetric, {.mapping = {address_dependent, address_and_port_dependent}}},
    Kind{Rfc3489Label::udp_blocked, {.is_blocked = true}}};
}  // namespace

probe::NatFindings findings_of(const probe::Report& report) {
  if (report.udp == probe::UdpState::blocked) return {.is_blocked = true};
  const auto leading = leading_family(report);
  if (!leading) return {};
  const auto& family = *leading == Family::ipv4 ? *report.ipv4 : *report.ipv6;
  return {.mapping = family.mapping, .filtering = family.filtering};
}

std::vector<std::pair<Rfc3489Label, std::string_view>> reaches_of(const probe::Report& report) {
  std::vector<std::pair<Rfc3489Label, std::string_view>> all;
  // What lies behind a login page is not known before somebody has logged in.
  if (report.udp == probe::UdpState::unknown || report.captive_portal == true) return all;
  const auto own = findings_of(report);
  for (const auto& kind : kinds) all.emplace_back(kind.label, to_text(need_of(own, kind.findings)));
  return all;
}
}  // namespace natkit::report
