#include "culprit.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace natkit {
namespace {
Errc code_of(portmap::Cause cause) {
  using enum portmap::Cause;
  switch (cause) {
    case unknown:
    case no_gateway:
    case silent:
      return Errc::nobody_there;
    case switched_off:
    case not_authorized:
    case port_denied:
    case port_taken:
    case table_full:
      return Errc::refused;
    default:
      return Errc::no_path;
  }
}

/// What was not heard is only a question of time.
std::string_view reason_of(portmap::Cause cause) {
  return cause == portmap::Cause::unknown ? "timed-out" : portmap::to_text(cause);
}

std::string_view advice_of(portmap::NextStep step) {
  using enum portmap::NextStep;
  switch (step) {
    case wait_longer:
      return "try again with a longer --timeout";
    case connect_host:
      return "connect it to a network; `ip route` shows what there is";
    case leave_tunnel:
      return "end the VPN, or name an address outside of it with --local-address";
    case switch_on:
      return "turn UPnP (or PCP, or NAT-PMP) on in the router's settings";
    case switch_on_outer:
      return "turn UPnP (or PCP, or NAT-PMP) on there as well; if it is no NAT but a router of the provider, leave "
             "--through-all out";
    case use_other_router:
      return "turn UPnP (or PCP, or NAT-PMP) on in the settings of the router that is the way out";
    case allow_host:
      return "allow this host to map ports in the router's settings";
    case take_high_port:
      return "take another port, above 1023";
    case take_other_port:
      return "take another port with --external any; `upnp-map list` shows whose it is";
    case clear_table:
      return "remove what is not needed: `upnp-map list` shows all";
    case check_uplink:
      return "check the router's connection to the internet";
    case map_all_layers:
      return "--through-all maps at the router behind it too; or make one of the two a mere bridge";
    case join_routers:
      return "make one of the two routers a mere bridge";
    case ask_provider:
      return "ask the provider for a public address, or use IPv6 (`upnp-map pinhole`): no rule in this router helps";
    case try_other_method:
      break;
  }
  return "update the router's firmware, or try --via with another method";
}
}  // namespace

Error error_of(const portmap::Diagnosis& diagnosis) {
  auto advice = std::string{advice_of(diagnosis.next_step)};
  if (diagnosis.rule) advice += "; or " + portmap::to_text(*diagnosis.rule);
  return {code_of(diagnosis.cause), std::string{reason_of(diagnosis.cause)}, diagnosis.sentence, std::move(advice)};
}

Error culprit(const cli::Output& output, const portmap::Diagnosis& diagnosis) {
  for (const auto& line : diagnosis.evidence) output.explain(cli::Verbosity::steps, line);
  return error_of(diagnosis);
}
}  // namespace natkit
