#include "natkit/portmap/mapping.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::portmap {
namespace {
constexpr std::array methods{
    std::pair{Method::pcp, std::string_view{"pcp"}},
    std::pair{Method::nat_pmp, std::string_view{"nat-pmp"}},
    std::pair{Method::upnp, std::string_view{"upnp"}},
};
}  // namespace

std::string_view to_text(Method method) {
  return std::ranges::find(methods, method, &decltype(methods)::value_type::first)->second;
}

std::optional<Method> parse_method(std::string_view text) {
  const auto* const found = std::ranges::find(methods, text, &decltype(methods)::value_type::second);
  if (found == methods.end()) return std::nullopt;
  return found->first;
}

bool may_be_external(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_link_local() && !address.is_multicast();
}

std::string_view to_text(Cause cause) {
  switch (cause) {
    case Cause::unknown:
      return "unknown";
    case Cause::no_gateway:
      return "no-gateway";
    case Cause::tunnel_owns_route:
      return "tunnel-owns-route";
    case Cause::silent:
      return "silent";
    case Cause::switched_off:
      return "switched-off";
    case Cause::not_authorized:
      return "not-authorized";
    case Cause::port_denied:
      return "port-denied";
    case Cause::port_taken:
      return "port-taken";
    case Cause::table_full:
      return "table-full";
    case Cause::not_connected:
      return "not-connected";
    case Cause::double_nat:
      return "double-nat";
    case Cause::carrier_nat:
      return "carrier-nat";
    case Cause::address_mismatch:
      return "address-mismatch";
    case Cause::unsupported:
      return "unsupported";
    case Cause::malformed:
      return "malformed";
    case Cause::failed:
      return "failed";
  }
  return "unknown";
}
}  // namespace natkit::portmap
