#include "places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "natkit/base/printable.hpp"
#include "natkit/cli/hosts.hpp"
#include "natkit/cli/secret_file.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
namespace {
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

Error bad_relay(std::string_view text) {
  return {Errc::usage, "bad-server", fmt::format("'{}' is not a relay", printable(text)),
          "write it like relay.example.org, turn:192.0.2.1:3478?transport=tcp or turns:relay.example.org"};
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
    const auto password = cli::read_secret(o.turn_password_file);
    if (!password) return std::unexpected(password.error());
    credentials = turn::Credentials{.username = o.turn_user, .password = {}};
    if (*password) credentials->password.assign((*password)->begin(), (*password)->end());
  }
  for (const auto& text : o.turn) {
    const auto url = parse_turn_url(text);
    if (!url || !parse_host_port(url->server, url->port)) return std::unexpected(bad_relay(text));
    if (url->protocol == Protocol::tcp && o.transport == Options::Transport::udp) continue;
    if (url->protocol == Protocol::udp && o.transport == Options::Transport::tcp) continue;
    const auto found = cli::look_up({url->server}, url->port);
    if (!found) return std::unexpected(found.error());
    link::RelayServer relay{.address = {url->protocol, found->front().front()}, .credentials = credentials};
    if (url->is_tls) relay.tls = TlsWish{.server = parse_host_port(url->server, url->port)->host};
    relays.push_back(std::move(relay));
  }
  return relays;
}
}  // namespace

Result<Places> find_places(const Options& o, const cli::Output& output) {
  const auto servers = cli::look_up(o.servers);
  if (!servers) return std::unexpected(servers.error());
  Places places;
  for (const auto& one : *servers) places.servers.insert(places.servers.end(), one.begin(), one.end());
  const auto stun = cli::look_up(o.stun);
  if (!stun) return std::unexpected(stun.error());
  auto& gathering = places.gathering;
  gathering.stun = places.servers;  // rendezvousd answers STUN at the same address and port
  for (const auto& one : *stun) gathering.stun.insert(gathering.stun.end(), one.begin(), one.end());
  gathering.addresses = cli::own_addresses(places.servers);
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
