#include "measuring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "beside_routers.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/portmap/discovery.hpp"
#include "natkit/probe/probe.hpp"
#include "own_side.hpp"
#include "progress.hpp"
#include "servers.hpp"

namespace natkit {
namespace {
bool is_any_outside(const std::vector<probe::Server>& servers) {
  return std::ranges::any_of(servers, [](const auto& server) { return !server.address.address.is_loopback(); });
}

/// Without a way for IPv6 nothing can be translated.
Nat64Question nat64_question(const std::vector<probe::Server>& servers, const Local& local) {
  if (!is_any_outside(servers) || std::ranges::find(local.families, Family::ipv6) == local.families.end())
    return Nat64Question::none;
  const bool has_route =
      std::ranges::any_of(io::default_routes(), [](const portmap::Route& route) { return route.local.is_v6(); });
  return has_route ? Nat64Question::ask : Nat64Question::none;
}

/// The routers on the ways that the questions take. A server on this very host has none before it.
std::vector<portmap::Route> routers_before(const std::vector<probe::Server>& servers, const Local& local) {
  if (!is_any_outside(servers)) return {};
  auto routes = io::default_routes();
  std::erase_if(routes, [&](const portmap::Route& route) {
    const bool is_asked = std::ranges::find(local.families, route.local.family()) != local.families.end();
    const bool is_named =
        local.addresses.empty() || std::ranges::find(local.addresses, route.local) != local.addresses.end();
    return !is_asked || !is_named;
  });
  return routes;
}

/// What the run is at.
WithProgress<BesideRouters>::Word word_of_progress(std::size_t servers, const probe::Timing& timing) {
  return [asking = fmt::format("asking {} server address{} …", servers, servers == 1 ? "" : "es"),
          timing](Duration elapsed) {
    if (!timing.longest_lifetime || elapsed < timing.timeout) return asking;
    return fmt::format("letting mappings rest: {:.0f} s of at most {} … (Ctrl-C for what is known by now)",
                       std::chrono::duration<double>(elapsed).count(), cli::to_text(*timing.longest_lifetime));
  };
}

Result<Measured> ask(const Options& o, const Local& local, std::vector<probe::Server> servers,
                     io::ErrandChildren& errands, cli::Output& output) {
  for (const auto& server : servers)
    output.explain(cli::Verbosity::details,
                   fmt::format("asking {} ({})", to_text(server.address), printable(server.name)));
  auto timing = o.timing;
  if (o.wants_hairpin) timing.hairpin = probe::Timing::Hairpin::ask;
  timing.extent = probe::Timing::Extent::full;
  timing.longest_lifetime = cli::parse_duration(o.lifetime);
  const auto word = word_of_progress(servers.size(), timing);
  crypto::SecureRng rng;
  const OwnSide own{nat64_question(servers, local)};
  portmap::Discovery routers{{.routes = routers_before(servers, local), .first_socket = BesideRouters::first_socket},
                             rng};
  probe::Probe probe{{.servers = std::move(servers), .timing = timing, .local_addresses = local.addresses}, rng};
  BesideRouters both{probe, routers};
  WithProgress shown{both, output, word};
  const auto end =
      io::run(shown, {.local_addresses = local.addresses, .trust = crypto::TlsContext::trust, .errands = &errands});
  if (!end) return std::unexpected(end.error());
  Measured measured{*end, probe.trace()};
  measured.trace.port_mapping = both.port_mappings();
  measured.trace.host = own.facts(measured.trace);
  return measured;
}
}  // namespace

Result<Local> local_side(const Options& o) {
  if (o.timing.timeout <= Duration::zero())
    return std::unexpected(Error{Errc::usage, "usage", "--timeout leaves no time at all", "the default is 3s"});
  Local local;
  for (const auto& text : o.local_addresses)
    if (const auto address = parse_ip_address(text)) local.addresses.push_back(*address);
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto given = std::ranges::count_if(local.addresses, [&](const auto& a) { return a.family() == family; });
    if (given > 1)
      return std::unexpected(Error{Errc::usage, "usage",
                                   fmt::format("--local-address has two {} addresses", to_text(family)),
                                   "give one for each family; run nat-probe once for each interface"});
    const bool is_excluded = family == Family::ipv4 ? o.only_ipv6 : o.only_ipv4;
    if (!is_excluded && (local.addresses.empty() || given == 1)) local.families.push_back(family);
  }
  if (local.families.empty())
    return std::unexpected(
        Error{Errc::usage, "usage", "--local-address is not of the family that was asked for", "leave -4 or -6 out"});
  return local;
}

Result<Measured> measure(const Options& o, const Local& local, io::ErrandChildren& errands, cli::Output& output) {
  auto servers = find_servers({.names = o.named_servers.empty() ? o.default_servers : o.named_servers,
                               .families = local.families,
                               .patience = o.timing.timeout},
                              output);
  if (!servers) return std::unexpected(servers.error());
  return ask(o, local, std::move(*servers), errands, output);
}
}  // namespace natkit
