#include "offer_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/turn/peer_rules.hpp"

namespace natkit::rendezvousd {
namespace {
using rendezvous::Service;
using Kind = Service::Kind;
using Transport = Service::Transport;

constexpr std::uint16_t turn_port = 3478;   // RFC 8656 §3
constexpr std::uint16_t turns_port = 5349;  // the same
constexpr Duration resolver_patience = std::chrono::seconds{5};
constexpr std::size_t secret_bytes = 32;

struct TurnUrl {
  HostPort server;
  std::vector<Transport> transports;  ///< without a wish: those that every relay has
};

std::optional<TurnUrl> parse_turn_url(std::string_view text) {
  const bool is_tls = text.starts_with("turns:");
  if (!is_tls && !text.starts_with("turn:")) return std::nullopt;
  text.remove_prefix(text.find(':') + 1);
  TurnUrl url;
  url.transports = is_tls ? std::vector{Transport::tls} : std::vector{Transport::udp, Transport::tcp};
  if (const auto query = text.find('?'); query != std::string_view::npos) {
    const auto wish = text.substr(query + 1);
    text = text.substr(0, query);
    if (wish != "transport=tcp" && (is_tls || wish != "transport=udp")) return std::nullopt;
    if (!is_tls) url.transports = {wish == "transport=tcp" ? Transport::tcp : Transport::udp};
  }
  const auto server = parse_host_port(text, is_tls ? turns_port : turn_port);
  if (!server) return std::nullopt;
  url.server = *server;
  return url;
}

/// The best address of each family; loopback only where there is nothing else.
std::vector<Endpoint> choose_addresses(std::span<const Endpoint> listening) {
  std::vector<Endpoint> chosen;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto is_usable = [&](const Endpoint& one) {
      return one.address.family() == family && !one.address.is_link_local() && !one.address.is_unspecified();
    };
    const auto is_best = [&](const Endpoint& one) {
      return is_usable(one) && turn::classify_peer(one.address) == turn::PeerClass::public_unicast;
    };
    auto found = std::ranges::find_if(listening, is_best);
    if (found == listening.end())
      found = std::ranges::find_if(listening,
                                   [&](const Endpoint& one) { return is_usable(one) && !one.address.is_loopback(); });
    if (found == listening.end()) found = std::ranges::find_if(listening, is_usable);
    if (found != listening.end()) chosen.push_back(*found);
  }
  return chosen;
}
}  // namespace

std::string make_secret(Rng& rng) {
  std::array<std::uint8_t, secret_bytes> bytes{};
  rng.fill(bytes);
  return to_hex(bytes);
}

bool is_turn_url(std::string_view text) { return parse_turn_url(text).has_value(); }

Result<rendezvous::Offer::Config> plan_offer(const OwnServices& own, std::span<const std::string> turn_urls) {
  rendezvous::Offer::Config offer{.addresses = choose_addresses(own.listening)};
  const auto add = [&](Kind kind, Transport transport) {
    offer.here.push_back({.kind = kind, .transport = transport});
  };
  add(Kind::signalling, Transport::tcp);
  if (own.tls == OwnServices::Presence::yes) add(Kind::signalling, Transport::tls);
  add(Kind::stun, Transport::udp);
  add(Kind::stun, Transport::tcp);
  if (own.relay == OwnServices::Presence::yes) {
    add(Kind::turn, Transport::udp);
    add(Kind::turn, Transport::tcp);
    if (own.tls == OwnServices::Presence::yes) add(Kind::turn, Transport::tls);
  }
  std::vector<TurnUrl> urls;
  std::vector<HostPort> names;
  for (const auto& text : turn_urls)
    if (auto url = parse_turn_url(text)) {
      names.push_back(url->server);
      urls.push_back(std::move(*url));
    }
  const auto all = io::resolve(names, resolver_patience);
  for (std::size_t i = 0; i < urls.size(); ++i) {
    if (all[i].endpoints.empty())
      return std::unexpected(Error{
          .code = Errc::nobody_there,
          .reason = "name-not-found",
          .detail = fmt::format("--turn: {} was not found: {}", printable(names[i].host), printable(all[i].failure)),
          .advice = "check the spelling; an address needs no look-up"});
    for (const auto family : {Family::ipv4, Family::ipv6}) {
      const auto found =
          std::ranges::find(all[i].endpoints, family, [](const Endpoint& one) { return one.address.family(); });
      if (found == all[i].endpoints.end()) continue;
      for (const auto transport : urls[i].transports)
        offer.elsewhere.push_back({.kind = Kind::turn,
                                   .transport = transport,
                                   .address = *found,
                                   .name = transport == Transport::tls ? names[i].host : std::string{}});
    }
  }
  return offer;
}
}  // namespace natkit::rendezvousd
