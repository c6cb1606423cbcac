#include "culprit.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/printable.hpp"

namespace natkit {
Errc code_of(portmap::Cause cause) {
  using enum portmap::Cause;
  switch (cause) {
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

namespace {
using portmap::Cause;

/// The causes stand in the order in which they matter; silence of one protocol says nothing while another speaks.
const portmap::Refusal* decisive(const std::vector<portmap::Refusal>& refusals) {
  const portmap::Refusal* found = nullptr;
  for (const auto& refusal : refusals)
    if (refusal.cause != Cause::silent && (found == nullptr || refusal.cause < found->cause)) found = &refusal;
  return found;
}

/// An external address that the internet does not know explains more than what the router says about it.
Cause cause_of(const portmap::Refusal* refusal, const std::optional<IpAddress>& external) {
  if (external && external->is_shared()) return Cause::carrier_nat;
  if (external && external->is_private()) return Cause::double_nat;
  return refusal == nullptr ? Cause::silent : refusal->cause;
}

/// One thing to do, before the rule by hand.
std::string_view next_step(Cause cause) {
  switch (cause) {
    case Cause::no_gateway:
      return "connect this host to a network; `ip route` shows what there is";
    case Cause::tunnel_owns_route:
      return "end the VPN, or name an address outside of it with --local-address";
    case Cause::silent:
    case Cause::switched_off:
      return "turn UPnP (or PCP, or NAT-PMP) on in the router's settings";
    case Cause::not_authorized:
      return "allow this host to map ports in the router's settings, or take ports above 1023";
    case Cause::port_denied:
      return "take another port, above 1023";
    case Cause::port_taken:
      return "take another port with --external any; `upnp-map list` shows whose it is";
    case Cause::table_full:
      return "remove what is not needed: `upnp-map list` shows all";
    case Cause::not_connected:
      return "check the router's connection to the internet";
    case Cause::double_nat:
    case Cause::address_mismatch:
      return "--through-all maps at the router behind it too; or make one of the two a mere bridge";
    case Cause::carrier_nat:
      return "ask the provider for a public address, or use IPv6 (`upnp-map pinhole`): no rule in this router helps";
    default:
      return "update the router's firmware, or try --via with another method";
  }
}

std::string sentence(Cause cause, const portmap::Refusal* refusal, const std::string& router,
                     const std::optional<IpAddress>& external) {
  if (cause == Cause::carrier_nat)
    return fmt::format("the router {} has the address {}, behind a NAT of the provider", router, to_text(*external));
  if (cause == Cause::double_nat && external)
    return fmt::format("the router {} has the private address {}: another router stands behind it", router,
                       to_text(*external));
  if (refusal == nullptr) return fmt::format("the router {} answers neither PCP, NAT-PMP nor UPnP", router);
  return fmt::format("the router {} {} ({})", router, printable(refusal->detail), portmap::to_text(refusal->method));
}

/// B27: what to enter by hand where nothing else works.
std::string manual_rule(const portmap::Wish& wish, const portmap::Route& route) {
  const auto port = wish.internal.port == 0 ? std::string{"the port"} : fmt::format("port {}", wish.internal.port);
  return fmt::format("enter a rule by hand in the router's settings{}: {} {} to {} {}",
                     route.router.is_v4() ? fmt::format(" (http://{}/)", to_text(route.router)) : std::string{},
                     to_text(wish.protocol), port, to_text(wish.internal.address), port);
}
/// The nearest router did its part, one further out did not.
Error outer_culprit(const portmap::Route& route, const IpAddress& outer, const portmap::Refusal* refusal) {
  const auto router = to_text(outer);
  return {.code = Errc::no_path,
          .reason = "double-nat",
          .detail = fmt::format("the router {} mapped it and was made to take it back: behind it, {}",
                                to_text(route.router), sentence(Cause::silent, refusal, router, std::nullopt)),
          .advice = fmt::format("turn UPnP (or PCP, or NAT-PMP) on at {} as well; if it is no NAT but a router of the "
                                "provider, leave --through-all out",
                                router)};
}
}  // namespace

Error culprit_of(const portmap::Wish& wish, const portmap::Route& route, const portmap::Keeper::Failed& failed) {
  const auto* const refusal = decisive(failed.refusals);
  if (!failed.gateways.empty() && failed.gateways.front() != route.router)
    return outer_culprit(route, failed.gateways.front(), refusal);
  auto cause = cause_of(refusal, failed.external);
  if (route.kind == portmap::Route::Kind::tunnel) cause = Cause::tunnel_owns_route;
  const auto router = to_text(route.router);
  auto detail = cause == Cause::tunnel_owns_route
                    ? fmt::format("a tunnel ({}) owns the way out, so the router behind it is not asked",
                                  printable(route.interface))
                    : sentence(cause, refusal, router, failed.external);
  auto advice = std::string{next_step(cause)};
  const bool helps_by_hand = cause != Cause::carrier_nat && cause != Cause::no_gateway;
  if (helps_by_hand) advice += "; or " + manual_rule(wish, route);
  return {code_of(cause), std::string{portmap::to_text(cause)}, std::move(detail), std::move(advice)};
}
}  // namespace natkit
