#include "natkit/cli/surroundings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/digest.hpp"
#include "natkit/io/neighbours.hpp"
#include "natkit/io/routes.hpp"

namespace natkit::cli {
namespace {
constexpr std::size_t prefix_bytes = 8;  // the network's half of an IPv6 address (RFC 4291 §2.5.4)
}  // namespace

report::NetworkId network_id(const portmap::Route& route, const std::optional<std::string>& link_layer) {
  auto place = fmt::format("interface {}", route.interface);
  if (route.local.is_v6()) place += " prefix " + to_hex(route.local.bytes().first(prefix_bytes));
  const auto text =
      fmt::format("natkit network 1\nrouter {}\n{}", to_text(route.router), link_layer ? "link " + *link_layer : place);
  return crypto::sha256(as_bytes(text));
}

std::optional<report::NetworkId> network_before(const IpAddress& local) {
  const auto routes = io::default_routes();
  const auto found = std::ranges::find(routes, local, &portmap::Route::local);
  if (found == routes.end() || found->router.is_unspecified()) return std::nullopt;
  return network_id(*found, io::link_layer_address(found->router, found->interface));
}

std::optional<report::NetworkId> whole_network() { return whole_network(io::default_routes()); }

std::optional<report::NetworkId> whole_network(const std::vector<portmap::Route>& routes) {
  std::string text{"natkit networks 1"};
  bool is_known = false;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto is_of_family = [&](const portmap::Route& route) { return route.local.family() == family; };
    const auto found = std::ranges::find_if(routes, is_of_family);
    text += '\n';
    if (found == routes.end()) continue;
    if (found->router.is_unspecified()) {
      text += "no router";  // a tunnel: other things are reached than without it
      continue;
    }
    is_known = true;
    text += to_hex(network_id(*found, io::link_layer_address(found->router, found->interface)));
  }
  if (!is_known) return std::nullopt;
  return crypto::sha256(as_bytes(text));
}
}  // namespace natkit::cli
