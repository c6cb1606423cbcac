#include "natkit/cli/hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "natkit/base/printable.hpp"
#include "natkit/io/interfaces.hpp"
#include "natkit/io/resolver.hpp"

namespace natkit::cli {
namespace {
constexpr Duration resolver_patience = std::chrono::seconds{5};

Error bad_server(std::string_view text) {
  return {Errc::usage, "bad-server", fmt::format("'{}' is not HOST[:PORT]", printable(text)),
          "write it like rendezvous.example.org, 192.0.2.1:3478 or [2001:db8::1]:3478"};
}
}  // namespace

Result<std::vector<std::vector<Endpoint>>> look_up(const std::vector<std::string>& names, std::uint16_t default_port) {
  std::vector<HostPort> asked;
  for (const auto& name : names) {
    const auto parsed = parse_host_port(name, default_port);
    if (!parsed) return std::unexpected(bad_server(name));
    asked.push_back(*parsed);
  }
  std::vector<std::vector<Endpoint>> found;
  for (const auto& resolved : io::resolve(asked, resolver_patience)) {
    if (resolved.endpoints.empty())
      return std::unexpected(
          Error{Errc::nobody_there, "name-not-found",
                fmt::format("{} was not found: {}", printable(resolved.asked.host), printable(resolved.failure)),
                "check the spelling, and whether this host is online; an address needs no look-up"});
    found.push_back(resolved.endpoints);
  }
  return found;
}

std::vector<IpAddress> own_addresses(const std::vector<Endpoint>& servers) {
  std::vector<IpAddress> own, loopback;
  for (const auto& one : io::interface_addresses())
    if (!one.address.is_link_local()) (one.address.is_loopback() ? loopback : own).push_back(one.address);
  const bool is_all_here = !servers.empty() && std::ranges::all_of(servers, [](const Endpoint& server) {
    return server.address.is_loopback();
  });
  return is_all_here || own.empty() ? loopback : own;
}
}  // namespace natkit::cli
