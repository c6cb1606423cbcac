#include "forwarding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "natkit/base/printable.hpp"
#include "natkit/io/interfaces.hpp"
#include "natkit/io/resolver.hpp"

namespace natkit {
namespace {
using namespace std::chrono_literals;
constexpr Duration resolver_patience = 5s;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

/// What stands before the first colon outside brackets; takes it and the colon off the text.
std::optional<std::string_view> take_part(std::string_view& text) {
  const auto from = text.starts_with('[') ? text.find(']') : 0;
  const auto colon = from == std::string_view::npos ? from : text.find(':', from);
  if (colon == std::string_view::npos) return std::nullopt;
  const auto part = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  return part;
}

std::optional<IpAddress> parse_bind(std::string_view text) {
  const bool is_bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  return parse_ip_address(is_bracketed ? text.substr(1, text.size() - 2) : text);
}

/// What "localhost" is here; a host may have no IPv6.
std::vector<IpAddress> loopback_addresses() {
  std::vector<IpAddress> found{*parse_ip_address("127.0.0.1")};
  const auto six = *parse_ip_address("::1");
  if (std::ranges::any_of(io::interface_addresses(), [&](const auto& one) { return one.address == six; }))
    found.push_back(six);
  return found;
}

link::Forwarder::Listen to_listen(const ListenSpec& spec, Protocol protocol) {
  link::Forwarder::Listen listen{.protocol = protocol, .at = {}, .to = spec.to};
  for (const auto& address : spec.bind ? std::vector{*spec.bind} : loopback_addresses())
    listen.at.push_back({address, spec.port});
  return listen;
}

Result<void> look_up(std::vector<link::Permit>& permits) {
  std::vector<HostPort> names;
  names.reserve(permits.size());
  for (const auto& permit : permits) names.push_back({.host = permit.host, .port = permit.port.value_or(0)});
  const auto found = io::resolve(names, resolver_patience);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].endpoints.empty())
      return std::unexpected(
          Error{Errc::nobody_there, "name-not-found",
                fmt::format("--permit: {} was not found: {}", printable(permits[i].host), printable(found[i].failure)),
                "check the spelling, and whether this host is online; an address needs no look-up"});
    for (const auto& endpoint : found[i].endpoints) permits[i].addresses.push_back(endpoint.address);
  }
  return {};
}
}  // namespace

std::optional<ListenSpec> parse_listen_spec(std::string_view text) {
  ListenSpec spec;
  auto first = take_part(text);
  if (!first) return std::nullopt;
  auto port = parse_port(*first);
  if (!port) {
    spec.bind = parse_bind(*first);
    const auto second = take_part(text);
    if (!spec.bind || !second) return std::nullopt;
    port = parse_port(*second);
  }
  const auto to = link::parse_place(text);
  if (!port || !to) return std::nullopt;
  spec.port = *port;
  spec.to = *to;
  return spec;
}

std::optional<link::Permit> parse_permit(std::string_view text) {
  const bool is_any_port = text.ends_with(":*");
  const auto place =
      link::parse_place(is_any_port ? std::string{text.substr(0, text.size() - 1)} + "1" : std::string{text});
  if (!place) return std::nullopt;
  link::Permit permit{.host = place->host, .port = place->port, .addresses = {}};
  if (is_any_port) permit.port.reset();
  return permit;
}

Result<link::Forwarder::Config> find_forwarding(const Options& o) {
  link::Forwarder::Config config;
  for (const auto& text : o.tcp_forwards)
    if (const auto spec = parse_listen_spec(text)) config.listens.push_back(to_listen(*spec, Protocol::tcp));
  for (const auto& text : o.udp_forwards)
    if (const auto spec = parse_listen_spec(text)) config.listens.push_back(to_listen(*spec, Protocol::udp));
  for (const auto& text : o.permits)
    if (auto permit = parse_permit(text)) config.permits.push_back(std::move(*permit));
  if (const auto found = look_up(config.permits); !found) return std::unexpected(found.error());
  return config;
}
}  // namespace natkit
