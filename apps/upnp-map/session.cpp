#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "culprit.hpp"
#include "natkit/cli/port_journal.hpp"
#include "natkit/io/interfaces.hpp"
#include "natkit/io/routes.hpp"

namespace natkit {
Result<Notebook> Session::open_notebook() {
  auto file = cli::open_port_journal(rng);
  if (!file) return std::unexpected(file.error());
  auto entries = (*file)->entries();
  if (!entries) return std::unexpected(entries.error());
  if ((*file)->damaged_lines() > 0)
    output.warn(fmt::format("{} damaged lines in {} were passed over", (*file)->damaged_lines(), (*file)->path()));
  return Notebook{.file = std::move(*file), .entries = std::move(*entries)};
}

Result<io::RunEnd> Session::run(Supervised& machine, const std::function<void(Instant)>& on_stop,
                                const std::function<void(Instant)>& on_routes_changed) {
  return io::run(machine, {.on_stop = on_stop, .on_routes_changed = on_routes_changed, .errands = &errands});
}

Result<std::vector<portmap::Route>> routes_for(const RouterOptions& options) {
  auto routes = io::default_routes();
  if (const auto local = parse_ip_address(options.local_address)) {
    auto route = route_of(*local, routes);
    if (!route)
      return std::unexpected(Error{Errc::nobody_there, "no-gateway",
                                   fmt::format("no default route leaves from {}", to_text(*local)),
                                   "leave --local-address out, or name one that `ip route` shows"});
    routes = {*route};
  }
  if (routes.empty()) return std::unexpected(error_of(portmap::diagnose({})));
  return routes;
}

std::optional<portmap::Route> route_of(const IpAddress& internal, const std::vector<portmap::Route>& routes) {
  const auto own = std::ranges::find(routes, internal, &portmap::Route::local);
  if (own != routes.end()) return *own;
  for (const auto& [interface, address] : io::interface_addresses()) {
    if (address != internal) continue;
    for (auto route : routes) {
      if (route.interface != interface || route.local.family() != internal.family()) continue;
      route.local = internal;
      return route;
    }
  }
  return std::nullopt;
}

Result<void> check_timeout(Duration timeout) {
  if (timeout > Duration::zero()) return {};
  return std::unexpected(Error{Errc::usage, "usage", "--timeout leaves no time at all", "the default is 5s"});
}

cli::Exit interrupted(cli::Output& output, io::RunEnd end, std::string_view what) {
  const bool is_sigint = end == io::RunEnd::interrupted;
  static_cast<void>(output.fail({.code = Errc::usage,
                                 .reason = "interrupted",
                                 .detail = fmt::format("ended by {}; {}", is_sigint ? "SIGINT" : "SIGTERM", what),
                                 .advice = {}}));
  return is_sigint ? cli::Exit::interrupted : cli::Exit::terminated;
}
}  // namespace natkit
