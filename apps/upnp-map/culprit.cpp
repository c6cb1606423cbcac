#include "culprit.hpp"

#include <fmt/format.h>

#include <algorithm>

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

Error culprit_of(const portmap::Wish& wish, const portmap::Route& route, const portmap::Keeper::Failed& failed) {
  portmap::Refusal first{.method = portmap::Method::pcp, .cause = portmap::Cause::silent, .code = {}, .detail = {}};
  for (const auto& refusal : failed.refusals)
    if (first.cause == portmap::Cause::silent && refusal.cause != portmap::Cause::silent) first = refusal;
  const auto router = to_text(route.router);
  // B27: what to enter by hand where nothing else works.
  const auto port = wish.internal.port == 0 ? std::string{"the port"} : fmt::format("port {}", wish.internal.port);
  const auto rule = fmt::format("enter a rule by hand in the router's settings{}: {} {} to {} {}",
                                route.router.is_v4() ? fmt::format(" (http://{}/)", router) : std::string{},
                                to_text(wish.protocol), port, to_text(wish.internal.address), port);
  if (first.cause == portmap::Cause::silent)
    return {Errc::nobody_there, "silent", fmt::format("the router {} answers neither PCP, NAT-PMP nor UPnP", router),
            "turn UPnP on there, or " + rule};
  return {code_of(first.cause), std::string{portmap::to_text(first.cause)},
          fmt::format("the router {} {} ({})", router, printable(first.detail), portmap::to_text(first.method)), rule};
}
}  // namespace natkit
