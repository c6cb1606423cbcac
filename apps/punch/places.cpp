#include "places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "natkit/base/printable.hpp"
#include "natkit/io/interfaces.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/stun/message.hpp"
#include "secret.hpp"

namespace natkit {
namespace {
using namespace std::chrono_literals;
constexpr Duration resolver_patience = 5s;

constexpr std::uint16_t tls_port = 5349;  // RFC 8656 §17

/// turn:HOST[:PORT][?transport=udp|tcp], turns:HOST[:PORT] (RFC 7065), or HOST[:PORT].
struct TurnUrl {
  std::string server;
  Protocol protocol = Protocol::udp;
  std::uint16_t port = stun::default_port;
  bool is_tls = false;
};
std::optional<TurnUrl> parse_turn_url(std::string_view text) {
  TurnUrl url;
  if (text.starts_with("turns:")) {
    text.remove_prefix(6);
    url.protocol = Protocol::tcp;
    url.port = tls_port;
    url.is_tls = true;
  } else if (text.starts_with("turn:")) {
    text.remove_prefix(5);
  }
  const auto query = text.find('?');
  if (query != std::string_view::npos) {
    const auto transport = text.substr(query + 1);
    if (transport == "transport=tcp")
      url.protocol = Protocol::tcp;
    else if (transport != "transport=udp" || url.is_tls)
      return std::nullopt;
    text = text.substr(0, query);
  }
  url.server = text;
  return url;
}

Error bad_server(std::string_view text) {
  return {Errc::usage, "bad-server", fmt::format("'{}' is not HOST[:PORT]", printable(text)),
          "write it like rendezvous.example.org, 192.0.2.1:3478 or [2001:db8::1]:3478"};
}

Error bad_relay(std::string_view text) {
  return {Errc::usage, "bad-server", fmt::format("'{}' is not a relay", printable(text)),
          "write it like relay.example.org, turn:192.0.2.1:3478?transport=tcp or turns:relay.example.org"};
}

/// All addresses of all names, in the order of the names.
Result<std::vector<std::vector<Endpoint>>> look_up(const std::vector<std::string>& names,
                                                   std::uint16_t default_port = stun::default_port) {
  std::vector<io::HostPort> asked;
  for (const auto& name : names) {
    const auto parsed = io::parse_host_port(name, default_port);
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

/// The addresses that peers may reach. Loopback only where there is no other, or the server is met there: all on one
/// machine.
std::vector<IpAddress> own_addresses(const std::vector<Endpoint>& servers) {
  std::vector<IpAddress> own, loopback;
  for (const auto& one : io::interface_addresses())
    if (!one.address.is_link_local()) (one.address.is_loopback() ? loopback : own).push_back(one.address);
  const bool is_all_here = !servers.empty() && std::ranges::all_of(servers, [](const Endpoint& server) {
    return server.address.is_loopback();
  });
  return is_all_here || own.empty() ? loopback : own;
}

/// A relayed path cannot be handed over: it ends with this process.
bool may_relay(const Options& o) { return o.relay != Options::Relay::never && o.then != Options::Then::exec; }

/// A connection cannot be handed over either, since it is encrypted for this process.
link::Gathering::Directly directly(const Options& o) {
  using enum link::Gathering::Directly;
  if (o.transport == Options::Transport::udp || o.then == Options::Then::exec) return by_udp;
  return o.transport == Options::Transport::tcp ? by_tcp : by_any;
}

Result<std::vector<link::RelayServer>> find_relays(const Options& o) {
  std::vector<link::RelayServer> relays;
  if (!may_relay(o)) return relays;
  std::optional<turn::Credentials> credentials;
  if (!o.turn_user.empty()) {
    const auto password = read_secret(o.turn_password_file);
    if (!password) return std::unexpected(password.error());
    credentials = turn::Credentials{.username = o.turn_user, .password = {}};
    if (*password) credentials->password.assign((*password)->begin(), (*password)->end());
  }
  for (const auto& text : o.turn) {
    const auto url = parse_turn_url(text);
    if (!url || !io::parse_host_port(url->server, url->port)) return std::unexpected(bad_relay(text));
    if (url->protocol == Protocol::tcp && o.transport == Options::Transport::udp) continue;
    if (url->protocol == Protocol::udp && o.transport == Options::Transport::tcp) continue;
    const auto found = look_up({url->server}, url->port);
    if (!found) return std::unexpected(found.error());
    link::RelayServer relay{.address = {url->protocol, found->front().front()}, .credentials = credentials};
    if (url->is_tls) relay.tls = TlsWish{.server = io::parse_host_port(url->server, url->port)->host};
    relays.push_back(std::move(relay));
  }
  return relays;
}
}  // namespace

Result<Places> find_places(const Options& o, const cli::Output& output) {
  const auto servers = look_up(o.servers);
  if (!servers) return std::unexpected(servers.error());
  Places places;
  for (const auto& one : *servers) places.servers.insert(places.servers.end(), one.begin(), one.end());
  const auto stun = look_up(o.stun);
  if (!stun) return std::unexpected(stun.error());
  auto& gathering = places.gathering;
  gathering.stun = places.servers;  // rendezvousd answers STUN at the same address and port
  for (const auto& one : *stun) gathering.stun.insert(gathering.stun.end(), one.begin(), one.end());
  gathering.addresses = own_addresses(places.servers);
  if (gathering.addresses.empty())
    return std::unexpected(Error{Errc::nobody_there, "no-address", "this host has no address that a peer could reach",
                                 "`ip address` lists what it has; is it online?"});
  auto relays = find_relays(o);
  if (!relays) return std::unexpected(relays.error());
  gathering.relays = std::move(*relays);
  gathering.port = o.local_port;
  gathering.directly = directly(o);
  if (o.relay == Options::Relay::only) gathering.offer = link::Gathering::Offer::relayed;
  if (o.by_hand && gathering.offer == link::Gathering::Offer::relayed && gathering.relays.empty())
    output.warn("without a relay (--turn) this leaves no way to the peer");
  return places;
}
}  // namespace natkit
