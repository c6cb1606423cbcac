#include <fmt/format.h>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
/// The public address that the router of this host says it has; by the protocol that says it most reliably.
std::optional<IpAddress> external_of(const PortMappings& routers, Family family) {
  for (const auto* one : {&routers.pcp, &routers.nat_pmp, &routers.upnp})
    if (one->external && one->external->family() == family) return one->external;
  return std::nullopt;
}

LayersVerdict verdict(std::optional<unsigned> layers, std::optional<bool> cgn, const char* reason, std::string detail) {
  return {.layers = layers, .cgn = cgn, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
}
}  // namespace

std::vector<std::optional<IpAddress>> first_routers(const Digest& digest) {
  std::vector<std::optional<IpAddress>> routers;
  for (const auto& hop : digest.hops) {
    if (hop.has_arrived) break;
    routers.push_back(hop.router);
  }
  while (!routers.empty() && !routers.back()) routers.pop_back();
  return routers;
}

LayersVerdict judge_layers(const FamilyReport& family, const PortMappings& routers) {
  if (!family.local || !family.mapped || !family.nat)
    return verdict({}, {}, "no-answer", "what this host is seen as is not known");
  const auto& local = family.local->address;
  const auto& mapped = family.mapped->address;
  if (!*family.nat) return verdict(0, false, "no-nat", fmt::format("this host is seen as {} itself", to_text(local)));
  if (family.translation == Translation::prefix)
    return verdict(
        {}, {}, "prefix-is-translated",
        "every address has one of its own outside; how often on the way its prefix is exchanged nobody says");
  if (family.address_kind == AddressKind::clat)
    return verdict({}, {}, "own-translator",
                   fmt::format("{} is this host's own translator's, and a NAT64 makes IPv4 of it again (RFC 6877)",
                               to_text(local)));
  if (local.is_shared())
    return verdict({}, true, "local-address-is-a-carriers",
                   fmt::format("{} is an address that only carriers give (RFC 6598)", to_text(local)));
  // In a redacted trace nobody can see whether the address was a carrier's.
  if (local.is_placeholder())
    return verdict({}, {}, "addresses-are-redacted", "which kind of address this host has was redacted");
  const auto external = external_of(routers, mapped.family());
  if (!external) {
    // Some carriers number their own routers like that and have no NAT, so it is a hint only.
    for (std::size_t i = 0; i < family.hops.size(); ++i)
      if (family.hops[i] && family.hops[i]->is_shared())
        return verdict(
            {}, {}, "hop-in-a-carriers-network",
            fmt::format("the router {} hops away says that it is {}, an address that only carriers give (RFC "
                        "6598): most likely the carrier has a NAT; it has if the status page of the home's "
                        "router shows another public address than {}",
                        i + 1, to_text(*family.hops[i]), to_text(mapped)));
    return verdict({}, {}, "router-says-nothing",
                   "the router does not tell its public address, so what is beyond it is not known");
  }
  if (*external == mapped)
    return verdict(1, false, "router-has-the-public-address",
                   fmt::format("the router says that its public address is {}, and so do servers", to_text(mapped)));
  auto detail = fmt::format(
      "the router says that its outer address is {}, but servers see {}: there is another NAT beyond it, or more",
      to_text(*external), to_text(mapped));
  if (external->is_shared()) return verdict({}, true, "router-behind-a-carriers-nat", std::move(detail));
  // Carriers use these as well, and so do second routers at home.
  if (external->is_private()) return verdict({}, {}, "router-behind-a-nat", std::move(detail));
  return verdict({}, {}, "router-has-another-address", std::move(detail));
}
}  // namespace natkit::probe
