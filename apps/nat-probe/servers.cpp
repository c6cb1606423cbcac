#include "servers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "natkit/base/printable.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/probe/probe.hpp"
#include "natkit/stun/message.hpp"
#include "public_servers.hpp"

namespace natkit {
namespace {
std::vector<std::string> names_or_public(const ServerChoice& choice, const cli::Output& output) {
  if (!choice.names.empty()) return choice.names;
  output.explain(cli::Verbosity::steps,
                 fmt::format("no server was named: asking the public ones, {}", fmt::join(public_servers, ", ")));
  return {public_servers.begin(), public_servers.end()};
}

Result<std::vector<HostPort>> parse_names(const std::vector<std::string>& names) {
  std::vector<HostPort> parsed;
  for (const auto& name : names) {
    const auto host_port = parse_host_port(name, stun::default_port);
    if (!host_port)
      return std::unexpected(Error{Errc::usage, "bad-server", fmt::format("'{}' is not HOST[:PORT]", printable(name)),
                                   "write it like stun.example.org, 192.0.2.1:3478 or [2001:db8::1]:3478"});
    parsed.push_back(*host_port);
  }
  return parsed;
}

void add_first_of(Family family, const std::string& name, const io::Resolved& resolved,
                  std::vector<probe::Server>& servers) {
  const auto first = std::ranges::find_if(
      resolved.endpoints, [family](const Endpoint& endpoint) { return endpoint.address.family() == family; });
  if (first == resolved.endpoints.end()) return;
  const bool is_known =
      std::ranges::any_of(servers, [&](const probe::Server& server) { return server.address == *first; });
  if (!is_known) servers.push_back({.name = name, .address = *first});
}

Error nobody_found(const std::vector<io::Resolved>& resolved) {
  std::map<std::string, std::vector<std::string>> names_by_failure;  // mostly all for the same reason
  std::size_t failed = 0;
  for (const auto& name : resolved) {
    if (!name.endpoints.empty()) continue;
    names_by_failure[printable(name.failure)].push_back(printable(name.asked.host));
    ++failed;
  }
  if (failed < resolved.size())
    return {Errc::nobody_there, "no-such-family", "the servers have no address of the family that was asked for",
            "leave -4, -6 and --local-address out, or name another server"};
  std::vector<std::string> reasons;
  reasons.reserve(names_by_failure.size());
  for (const auto& [failure, names] : names_by_failure)
    reasons.push_back(fmt::format("{}: {}", fmt::join(names, ", "), failure));
  return {Errc::nobody_there, "name-not-found", fmt::format("no server was found ({})", fmt::join(reasons, "; ")),
          "check the spelling, and whether this host is online and its name service works; an address needs none"};
}
}  // namespace

Result<std::vector<probe::Server>> find_servers(const ServerChoice& choice, const cli::Output& output) {
  const auto names = names_or_public(choice, output);
  const auto asked = parse_names(names);
  if (!asked) return std::unexpected(asked.error());
  const auto resolved = io::resolve(*asked, choice.patience);
  std::vector<probe::Server> servers;
  for (std::size_t i = 0; i < resolved.size(); ++i)
    for (const auto family : choice.families) add_first_of(family, names[i], resolved[i], servers);
  if (servers.empty()) return std::unexpected(nobody_found(resolved));
  for (const auto& name : resolved)
    if (name.endpoints.empty())
      output.warn(fmt::format("{} was not found: {}", printable(name.asked.host), printable(name.failure)));
  if (servers.size() > probe::Probe::max_servers) {
    output.warn(
        fmt::format("asking only the first {} of {} server addresses", probe::Probe::max_servers, servers.size()));
    servers.resize(probe::Probe::max_servers);
  }
  return servers;
}
}  // namespace natkit
