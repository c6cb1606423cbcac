#include "wishes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "natkit/io/interfaces.hpp"
#include "natkit/io/listening.hpp"
#include "session.hpp"

namespace natkit {
namespace {
struct Risky {
  std::uint16_t port;
  std::string_view what;
};
/// What is attacked within minutes of being reachable: the services that scanners ask for first (IANA's names).
constexpr std::array risky_ports{
    Risky{22, "SSH"},
    Risky{23, "telnet"},
    Risky{80, "web"},
    Risky{443, "web"},
    Risky{445, "Windows file sharing"},
    Risky{3389, "remote desktop"},
};
constexpr std::uint16_t first_unprivileged = 1024;

Error refused_address(std::string reason, std::string detail, std::string advice) {
  return {Errc::usage, std::move(reason), std::move(detail), std::move(advice)};
}

Result<void> check_lease(Duration lease) {
  if (lease >= std::chrono::seconds{1}) return {};
  return std::unexpected(Error{Errc::usage, "usage", "--lease must be at least 1s: to a router, 0 means for ever", {}});
}

/// Loopback and other hosts are refused before anybody is asked.
Result<void> check_address(const IpAddress& address) {
  if (address.is_loopback())
    return std::unexpected(refused_address(
        "loopback", fmt::format("{} is reached from this host only, whatever the router does", to_text(address)),
        "bind the program to 0.0.0.0 or to this host's address, then give the port alone"));
  const auto own = io::interface_addresses();
  if (std::ranges::find(own, address, &io::InterfaceAddress::address) == own.end())
    return std::unexpected(refused_address("not-this-host",
                                           fmt::format("{} is not an address of this host", to_text(address)),
                                           "a host maps ports for itself alone: run upnp-map there"));
  return {};
}

/// The default route's address where none was named.
IpAddress internal_address(const PortAt& at, const std::vector<portmap::Route>& routes) {
  if (at.address && !at.address->is_unspecified()) return *at.address;
  const auto v4 = std::ranges::find_if(routes, [](const auto& route) { return route.local.is_v4(); });
  return v4 == routes.end() ? routes.front().local : v4->local;
}

bool covers(const Endpoint& listener, const Endpoint& wanted) {
  if (listener.port != wanted.port) return false;
  // A socket on :: takes IPv4 as well unless it was told otherwise; the table does not say.
  return listener.address == wanted.address || listener.address.is_unspecified();
}

/// Whether packets that come through would find somebody (B26: a program that only listens locally stays hidden).
std::optional<std::string> listener_warning(Protocol protocol, const Endpoint& internal) {
  const auto listeners = io::listening_sockets(protocol);
  if (!listeners || std::ranges::any_of(*listeners, [&](const auto& one) { return covers(one, internal); }))
    return std::nullopt;
  const auto is_local = [&](const Endpoint& one) { return one.port == internal.port && one.address.is_loopback(); };
  if (std::ranges::any_of(*listeners, is_local))
    return fmt::format(
        "the program at {} port {} listens on loopback only, so nothing reaches it from outside; bind it to 0.0.0.0",
        to_text(protocol), internal.port);
  return fmt::format("no program listens at {} {} yet", to_text(protocol), to_text(internal));
}

void add_warnings(Plan& plan, const portmap::Wish& wish) {
  const auto* const risky = std::ranges::find(risky_ports, wish.internal.port, &Risky::port);
  if (risky != risky_ports.end())
    plan.warnings.push_back(fmt::format(
        "port {} ({}) is attacked as soon as it is reachable; be sure that you want that", risky->port, risky->what));
  else if (wish.external_port != 0 && wish.external_port < first_unprivileged && wish.internal.address.is_v4())
    plan.warnings.push_back(
        fmt::format("many routers refuse external ports below 1024, or give another one than {}", wish.external_port));
  if (const auto warning = listener_warning(wish.protocol, wish.internal)) plan.warnings.push_back(*warning);
}

Result<Plan> plan_for(const MappingOptions& o, const Endpoint& internal, std::uint16_t external,
                      const std::vector<portmap::Route>& routes) {
  const auto lease = std::chrono::duration_cast<std::chrono::seconds>(o.lease);
  const auto route = route_of(internal.address, routes);
  if (!route)
    return std::unexpected(Error{Errc::nobody_there, "no-gateway",
                                 fmt::format("no default route leaves from {}", to_text(internal.address)),
                                 "name an address that `ip route` shows, or give the port alone"});
  Plan plan;
  plan.routes.push_back(*route);
  for (const auto& other : routes)
    if (!(other == *route)) plan.routes.push_back(other);
  if (route->kind == portmap::Route::Kind::tunnel)
    plan.warnings.push_back(fmt::format(
        "the way out of {} is a tunnel ({}), so the mapping would be the VPN's; --local-address names another",
        to_text(internal.address), route->interface));
  const auto choice = requested_port(o).value_or(0) == 0 ? portmap::PortChoice::preferred : portmap::PortChoice::exact;
  for (const auto protocol : o.protocols) {
    plan.wishes.push_back({.protocol = protocol,
                           .internal = internal,
                           .external_port = external,
                           .choice = choice,
                           .lifetime = lease,
                           .description = o.description,
                           .only = o.via});
    add_warnings(plan, plan.wishes.back());
  }
  return plan;
}
}  // namespace

Result<Plan> plan_mapping(const MappingOptions& o) {
  if (const auto enough = check_lease(o.lease); !enough) return std::unexpected(enough.error());
  const auto at = parse_port_at(o.internal).value_or(PortAt{});
  if (at.address && !at.address->is_unspecified())
    if (const auto ours = check_address(*at.address); !ours) return std::unexpected(ours.error());
  const auto routes = routes_for(o.router);
  if (!routes) return std::unexpected(routes.error());
  return plan_for(o, {internal_address(at, *routes), at.port}, requested_port(o).value_or(at.port), *routes);
}

Result<Plan> plan_pinhole(const PinholeOptions& o) {
  if (const auto enough = check_lease(o.mapping.lease); !enough) return std::unexpected(enough.error());
  const auto port = parse_port_at(o.port).value_or(PortAt{}).port;
  const auto address = parse_ip_address(o.address).value_or(IpAddress{});
  if (!address.is_v6() || address.is_unspecified() || address.is_link_local() || address.is_private())
    return std::unexpected(refused_address("not-global",
                                           fmt::format("{} is not a global IPv6 address", to_text(address)),
                                           "pinholes are for IPv6; with IPv4 `upnp-map add` maps a port"));
  if (const auto ours = check_address(address); !ours) return std::unexpected(ours.error());
  const auto routes = routes_for(o.mapping.router);
  if (!routes) return std::unexpected(routes.error());
  // Nothing is translated: the port outside is the port inside.
  return plan_for(o.mapping, {address, port}, port, *routes);
}
}  // namespace natkit
