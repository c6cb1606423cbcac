#include "natkit/report/advice.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace natkit::report {
namespace {
using enum Behavior;

bool maps_ports(const probe::PortMappings& routers) {
  return routers.upnp.available == true || routers.nat_pmp.available == true || routers.pcp.available == true;
}

bool maps_none(const probe::PortMappings& routers) {
  return routers.upnp.available == false && routers.nat_pmp.available == false && routers.pcp.available == false;
}

/// A NAT beyond the router: what that one leads to this host reaches only as far as there.
bool has_nat_beyond(const probe::Report& report) {
  static constexpr std::array<std::string_view, 3> reasons{"router-behind-a-nat", "router-behind-a-carriers-nat",
                                                           "router-has-another-address"};
  return std::ranges::any_of(report.evidence, [](const probe::Evidence& evidence) {
    return evidence.about.ends_with(".layers") && std::ranges::find(reasons, evidence.reason) != reasons.end();
  });
}

/// How a port of the router would lead to this host, and whether that helps at all.
std::string port_advice(const probe::Report& report, const probe::FamilyReport& family) {
  if (family.address_kind == AddressKind::clat)
    return "Use IPv6: IPv4 is carried over it here to a translator that many share (464XLAT), so no port that your own "
           "router opens can be reached over IPv4.";
  if (family.cgn == true)
    return "Ask the provider for a public IPv4 address, or use IPv6: it shares one address among its customers, so no "
           "port "
           "that your own router opens can be reached from outside.";
  if (has_nat_beyond(report))
    return "Let one of the two routers be a bridge, since there is another NAT beyond yours; or open the port in both "
           "(upnp-map add --through-all PORT).";
  if (maps_ports(report.port_mapping))
    return "Open a port while you play: upnp-map hold PORT. Your router does that when it is asked, and everybody "
           "reaches "
           "that port, whatever the NAT does.";
  if (maps_none(report.port_mapping))
    return "Turn UPnP, NAT-PMP or PCP on in the router, which answers to none of them, or forward a UDP port to this "
           "host "
           "there by hand: players then reach it through that port.";
  return "Forward a UDP port to this host in the router, or turn UPnP on there: players then reach it through that "
         "port.";
}
}  // namespace

std::vector<std::string> advice_of(const probe::Report& report, const probe::FamilyReport& family) {
  const bool is_hard = !family.mapping.contains(endpoint_independent);
  const bool is_strict = family.filtering == address_and_port_dependent;
  std::vector<std::string> advice;
  // To whom all but the strictest NATs are open, a port is not worth the trouble; where one can be had it costs
  // nothing.
  const bool is_worth_it = is_hard || (is_strict && maps_ports(report.port_mapping) && family.cgn != true);
  if (is_worth_it) advice.push_back(port_advice(report, family));
  if (family.rewritten == true)
    advice.emplace_back(
        "Turn the router's application-level gateways off (\"SIP ALG\"): one changes addresses inside of packets, "
        "which "
        "breaks programs that send them unmasked.");
  if (is_hard) advice.emplace_back("Use a relay (TURN) for the players that cannot be reached directly.");
  return advice;
}

std::vector<std::string> ipv6_advice_of(const probe::FamilyReport& family) {
  std::vector<std::string> advice;
  if (family.translation == probe::Translation::prefix)
    advice.emplace_back(
        "Let programs ask a STUN server for their IPv6 address, since the prefix is exchanged on the way (NPTv6) and "
        "the "
        "one that this host has is of no use outside; ports stay, so what is to come in only needs a rule in the "
        "firewall.");
  if (family.translation == probe::Translation::nat66)
    advice.emplace_back(
        "Ask for a delegated prefix (DHCPv6-PD) and turn NAT66 off in the router: IPv6 has addresses for all hosts, "
        "and "
        "then no port needs to be forwarded.");
  if (family.temporary == true)
    advice.emplace_back(
        "Use this host's stable IPv6 address for what others must find again, such as a server or an opened port: the "
        "one "
        "that it sends from is temporary, and another takes its place within a day (RFC 8981).");
  return advice;
}
}  // namespace natkit::report
