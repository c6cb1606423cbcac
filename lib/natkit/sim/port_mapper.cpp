#include "natkit/sim/port_mapper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/portmap/ssdp.hpp"

namespace natkit::sim {
namespace pcp = portmap::pcp;
namespace natpmp = portmap::natpmp;
namespace ssdp = portmap::ssdp;
using portmap::Method;
using std::chrono::seconds;

namespace {
constexpr std::uint16_t another_ssdp_port = 41900;
// 224.0.0.1 and ff02::1 (RFC 6887 §14.1.1)
const IpAddress all_hosts = IpAddress::v4(0xE0000001);
const IpAddress all_nodes = IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
constexpr seconds error_lifetime{30};  // miniupnpd 2.3.1's "do not ask again for"

Bytes to_bytes(const std::string& text) { return {text.begin(), text.end()}; }
}  // namespace

void PortMapper::start(Instant now) { booted_at_ = back_at_ = now_ = now; }

seconds PortMapper::epoch(Instant now) const { return std::chrono::duration_cast<seconds>(now - booted_at_); }

void PortMapper::send(Instant at, const Endpoint& to, Bytes payload, std::uint16_t from_port) {
  const auto from = to.address.is_v6() && config_.inside_v6 ? *config_.inside_v6 : config_.inside;
  outgoing_.emplace(at, Datagram{.local = {from, from_port}, .remote = to, .payload = std::move(payload)});
}

void PortMapper::reboot(Instant now, Duration away) {
  const bool keeps = config_.reboots == RouterConfig::Reboots::keep_permanent;
  table_.erase_if([&](const Rule& rule) { return !keeps || rule.expires; });
  pinholes_.clear();
  outgoing_.clear();
  booted_at_ = back_at_ = now + away;
  has_announced_ = config_.announces == RouterConfig::Announces::nothing;
  if (config_.igd.restart_port == IgdConfig::RestartPort::another) ++restarts_;
}

void PortMapper::set_external(Instant now, const IpAddress& address) {
  config_.external = address;
  if (config_.announces == RouterConfig::Announces::restarts) announce(now);
}

void PortMapper::announce(Instant now) {
  has_announced_ = true;
  announce(now, Family::ipv4);
  if (config_.inside_v6) announce(now, Family::ipv6);
}

void PortMapper::announce(Instant now, Family family) {
  const Endpoint everybody{family == Family::ipv4 ? all_hosts : all_nodes, pcp::client_port};
  if (config_.pcp.speaks == PcpConfig::Speaks::fully)
    send(now, everybody, pcp::write_response({.epoch = epoch(now), .operation = pcp::Announce{}}));
  if (config_.nat_pmp.presence == Presence::on && family == Family::ipv4)
    send(now, everybody,
         natpmp::write_response({.epoch = epoch(now), .body = natpmp::AddressResponse{config_.external}}));
  const auto group = ssdp::group(family);
  if (config_.ssdp.presence == Presence::on)
    send(now, group,
         to_bytes(fmt::format("NOTIFY * HTTP/1.1\r\nHOST: {}\r\nNT: {}\r\nNTS: ssdp:alive\r\n"
                              "LOCATION: {}\r\nUSN: uuid:sim::{}\r\n\r\n",
                              natkit::to_text(group), ssdp::igd_1, location(family), ssdp::igd_1)),
         ssdp::port);
}

void PortMapper::handle_timeout(Instant now) {
  now_ = std::max(now_, now);
  if (!has_announced_ && !is_away(now)) announce(now);
}

std::optional<Instant> PortMapper::poll_timeout() const {
  std::optional<Instant> due;
  if (!has_announced_) due = back_at_;
  if (!outgoing_.empty()) due = due ? std::min(*due, outgoing_.begin()->first) : outgoing_.begin()->first;
  return due;
}

std::optional<Datagram> PortMapper::poll_transmit() {
  if (outgoing_.empty() || outgoing_.begin()->first > now_) return std::nullopt;
  auto out = std::move(outgoing_.begin()->second);
  outgoing_.erase(outgoing_.begin());
  return out;
}

void PortMapper::handle_datagram(Instant now, const Datagram& in) {
  now_ = std::max(now_, now);
  if (is_away(now)) return;
  table_.purge(now);
  if (in.local.port == pcp::server_port) handle_control(now, in);
  if (in.local.port == ssdp::port) handle_search(now, in);
}

void PortMapper::handle_control(Instant now, const Datagram& in) {
  if (const auto request = pcp::parse_request(in.payload)) return handle_pcp(now, in, *request);
  if (const auto request = natpmp::parse_request(in.payload)) handle_nat_pmp(now, in, *request);
}

void PortMapper::handle_pcp(Instant now, const Datagram& in, const pcp::Request& request) {
  using enum pcp::ResultCode;
  const auto speaks = config_.pcp.speaks;
  if (speaks == PcpConfig::Speaks::silent) return;
  if (speaks == PcpConfig::Speaks::refuses_version) {
    if (config_.nat_pmp.presence == Presence::off) return;
    return send(now, in.remote,
                natpmp::write_response({.result = natpmp::ResultCode::unsupported_version,
                                        .epoch = epoch(now),
                                        .body = natpmp::BareResponse{in.payload.at(1)}}));
  }
  pcp::Response reply{.lifetime = request.lifetime, .epoch = epoch(now), .operation = request.operation};
  if (speaks == PcpConfig::Speaks::not_authorized) {
    reply.result = not_authorized;
  } else if (request.client != in.remote.address) {
    reply.result = address_mismatch;
  } else if (const auto* map = std::get_if<pcp::Map>(&request.operation)) {
    const auto& from = in.remote.address;
    const bool is_deletion = request.lifetime == seconds{0};
    if (from.is_v6())
      reply.result = open_pinhole(now, from, request, reply);
    else
      reply.result = is_deletion ? delete_pcp(from, *map) : map_pcp(now, from, request, reply);
  } else if (std::holds_alternative<pcp::Announce>(request.operation)) {
    const auto announce = config_.pcp.announce;
    if (announce == PcpConfig::AnnounceOpcode::unsupported) reply.result = unsupported_opcode;
    if (announce == PcpConfig::AnnounceOpcode::not_authorized) reply.result = not_authorized;
  } else {
    reply.result = unsupported_opcode;
  }
  if (config_.pcp.filters == PcpConfig::Filters::always_claimed)
    reply.options = {pcp::Filter{.prefix_length = 128, .peer = {IpAddress::v4(0x0B000063), 0}}};
  if (reply.result != success) reply.lifetime = error_lifetime;
  send(now, in.remote, pcp::write_response(reply));
}

bool PortMapper::may_touch(const Rule& rule, Method via) const {
  return config_.tables == RouterConfig::Tables::one || (rule.via == Method::upnp) == (via == Method::upnp);
}

/// One step up at a time until one is allowed and free, as miniupnpd does; 0 where there is none.
std::uint16_t PortMapper::free_port(Protocol protocol, std::uint16_t wished) const {
  if (config_.first_port > config_.last_port) return 0;
  std::uint32_t port = std::clamp(wished, config_.first_port, config_.last_port);
  const std::uint32_t count = config_.last_port - std::uint32_t{config_.first_port} + 1;
  for (std::uint32_t tried = 0; tried < count; ++tried) {
    if (!table_.find(protocol, static_cast<std::uint16_t>(port))) return static_cast<std::uint16_t>(port);
    port = port == config_.last_port ? config_.first_port : port + 1;
  }
  return 0;
}

pcp::ResultCode PortMapper::map_pcp(Instant now, const IpAddress& from, const pcp::Request& request,
                                    pcp::Response& reply) {
  using enum pcp::ResultCode;
  auto& map = std::get<pcp::Map>(reply.operation);
  const auto protocol = pcp::protocol_of(map.protocol);
  if (!protocol) return unsupported_protocol;
  if (config_.pcp.speaks == PcpConfig::Speaks::claims_network_down || config_.wan == RouterConfig::Wan::down) {
    map.external = {config_.external, 0};
    return config_.wan == RouterConfig::Wan::down ? network_failure : no_resources;
  }
  const bool prefers_failure = std::ranges::any_of(
      request.options, [](const auto& option) { return std::holds_alternative<pcp::PreferFailure>(option); });
  const Endpoint internal{from, map.internal_port};
  auto* rule = table_.find_internal(*protocol, internal);
  if (rule && !may_touch(*rule, Method::pcp)) rule = nullptr;
  if (rule && rule->nonce && *rule->nonce != map.nonce && config_.pcp.nonce_check == PcpConfig::NonceCheck::always)
    return not_authorized;
  const bool is_another = rule && map.external.port != 0 && map.external.port != rule->external_port;
  if (is_another && prefers_failure) return cannot_provide_external;
  if (is_another && config_.pcp.other_suggestion == PcpConfig::OtherSuggestion::second_mapping) rule = nullptr;
  if (!rule) {
    if (table_.size() >= config_.table_size) return no_resources;
    const auto wished = map.external.port == 0 ? map.internal_port : map.external.port;
    const auto port = free_port(*protocol, wished);
    if (port == 0) return is_allowed(wished) ? no_resources : not_authorized;
    if (prefers_failure && port != wished) return cannot_provide_external;
    table_.put({.protocol = *protocol,
                .external_port = port,
                .internal = internal,
                .via = Method::pcp,
                .nonce = map.nonce,
                .description = "PCP MAP"});
    rule = table_.find(*protocol, port);
  }
  reply.lifetime = std::clamp(request.lifetime, config_.pcp.shortest, config_.pcp.longest);
  rule->expires = now + reply.lifetime;
  map.external = {config_.external, rule->external_port};
  return success;
}

pcp::ResultCode PortMapper::delete_pcp(const IpAddress& from, const pcp::Map& map) {
  const auto protocol = pcp::protocol_of(map.protocol);
  if (!protocol) return pcp::ResultCode::unsupported_protocol;
  const Endpoint internal{from, map.internal_port};
  bool is_refused = false;
  const auto size_before = table_.size();
  table_.erase_if([&](const Rule& rule) {
    if (rule.protocol != *protocol || rule.internal != internal || !may_touch(rule, Method::pcp)) return false;
    const bool checks = config_.pcp.nonce_check != PcpConfig::NonceCheck::never;
    const bool is_wrong = checks && rule.nonce && *rule.nonce != map.nonce;
    is_refused = is_refused || is_wrong;
    return !is_wrong;
  });
  if (is_refused) return pcp::ResultCode::not_authorized;
  const bool was_absent = table_.size() == size_before;
  if (was_absent && config_.pcp.delete_absent == PcpConfig::DeleteAbsent::no_resources)
    return pcp::ResultCode::no_resources;
  return pcp::ResultCode::success;
}

/// Lifetime 0 closes it (RFC 6887 §15); outside and inside are the same address.
pcp::ResultCode PortMapper::open_pinhole(Instant now, const IpAddress& from, const pcp::Request& request,
                                         pcp::Response& reply) {
  auto& map = std::get<pcp::Map>(reply.operation);
  const auto protocol = pcp::protocol_of(map.protocol);
  if (!protocol) return pcp::ResultCode::unsupported_protocol;
  const Endpoint internal{from, map.internal_port};
  const auto found = std::ranges::find_if(pinholes_, [&](const auto& pair) {
    return pair.second.protocol == *protocol && pair.second.internal == internal && pair.second.nonce;
  });
  const bool checks = config_.pcp.nonce_check != PcpConfig::NonceCheck::never;
  if (found != pinholes_.end() && checks && found->second.nonce != map.nonce) return pcp::ResultCode::not_authorized;
  map.external = internal;
  if (request.lifetime == seconds{0}) {
    if (found != pinholes_.end()) pinholes_.erase(found);
    return pcp::ResultCode::success;
  }
  reply.lifetime = std::clamp(request.lifetime, config_.pcp.shortest, config_.pcp.longest);
  auto& pinhole = found == pinholes_.end() ? pinholes_[++last_pinhole_] : found->second;
  pinhole = {.protocol = *protocol, .internal = internal, .expires = now + reply.lifetime, .nonce = map.nonce};
  return pcp::ResultCode::success;
}

void PortMapper::handle_nat_pmp(Instant now, const Datagram& in, const natpmp::Request& request) {
  if (config_.nat_pmp.presence == Presence::off || in.remote.address.is_v6()) return;
  const bool is_down = config_.wan == RouterConfig::Wan::down;
  natpmp::Response reply{.epoch = epoch(now)};
  if (const auto* mapping = std::get_if<natpmp::MappingRequest>(&request)) {
    natpmp::MappingResponse body{mapping->protocol, mapping->internal_port, 0, seconds{0}};
    reply.result = is_down ? natpmp::ResultCode::network_failure : map_nat_pmp(now, in.remote.address, *mapping, body);
    reply.body = body;
  } else {
    reply.result = is_down ? natpmp::ResultCode::network_failure : natpmp::ResultCode::success;
    if (config_.nat_pmp.result == NatPmpConfig::Result::not_authorized)
      reply.result = natpmp::ResultCode::not_authorized;
    reply.body = natpmp::AddressResponse{config_.external};
  }
  send(now, in.remote, natpmp::write_response(reply));
}

natpmp::ResultCode PortMapper::map_nat_pmp(Instant now, const IpAddress& from, natpmp::MappingRequest request,
                                           natpmp::MappingResponse& reply) {
  using enum natpmp::ResultCode;
  if (config_.nat_pmp.result == NatPmpConfig::Result::not_authorized) return not_authorized;
  if (config_.nat_pmp.result == NatPmpConfig::Result::no_resources) return out_of_resources;
  const Endpoint internal{from, request.internal_port};
  if (request.lifetime == seconds{0}) {  // RFC 6886 §3.4: only ever the sender's own
    table_.erase_if([&](const Rule& rule) {
      const bool is_meant = request.internal_port == 0 || rule.internal.port == request.internal_port;
      return rule.protocol == request.protocol && rule.internal.address == from && is_meant &&
             may_touch(rule, Method::nat_pmp);
    });
    return success;
  }
  if (request.external_port == 0 && config_.nat_pmp.port_zero == NatPmpConfig::PortZero::refused) return not_authorized;
  auto* rule = table_.find_internal(request.protocol, internal);
  if (rule && !may_touch(*rule, Method::nat_pmp)) rule = nullptr;
  if (!rule) {
    if (table_.size() >= config_.table_size) return out_of_resources;
    const auto wished = request.external_port == 0 ? request.internal_port : request.external_port;
    const auto port = free_port(request.protocol, wished);
    if (port == 0) return not_authorized;
    table_.put({.protocol = request.protocol,
                .external_port = port,
                .internal = internal,
                .via = Method::nat_pmp,
                .description = "NAT-PMP"});
    rule = table_.find(request.protocol, port);
  }
  reply.lifetime = std::clamp(request.lifetime, config_.pcp.shortest, config_.pcp.longest);
  rule->expires = now + reply.lifetime;
  reply.external_port = rule->external_port;
  if (config_.nat_pmp.reply_ports == NatPmpConfig::ReplyPorts::eight_bits) {
    reply.external_port &= 0xffU;
    reply.internal_port &= 0xffU;
  }
  return success;
}

void PortMapper::handle_search(Instant now, const Datagram& in) {
  const auto& config = config_.ssdp;
  const auto text = as_text(in.payload);
  if (config.presence == Presence::off || !text.starts_with("M-SEARCH")) return;
  const bool is_multicast = in.local.address.is_multicast();
  if (is_multicast ? config.hears == SsdpConfig::Hears::unicast : config.hears == SsdpConfig::Hears::multicast) return;
  if (config.asked_from == SsdpConfig::AskedFrom::standard_port_only && in.remote.port != ssdp::port) return;
  const auto asks = [&](std::string_view target) { return text.find(target) != std::string_view::npos; };
  std::string_view target;
  using enum SsdpConfig::Targets;
  if (asks(ssdp::igd_1) && (config.targets == all || config.targets == igd_1)) target = ssdp::igd_1;
  if (asks(ssdp::igd_2) &&
      (config.targets == igd_2 || (config.targets == all && config_.igd.services == IgdConfig::Services::ip_2)))
    target = ssdp::igd_2;
  if (asks(ssdp::root_device) && (config.targets == all || config.targets == root)) target = ssdp::root_device;
  if (target.empty()) return;
  const auto from = config.source_port == SsdpConfig::SourcePort::standard ? ssdp::port : another_ssdp_port;
  const auto answer = [&](Instant at, const std::string& where) {
    send(at, in.remote,
         to_bytes(fmt::format("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {}\r\nUSN: uuid:sim::{}\r\nEXT:\r\n"
                              "SERVER: sim/1 UPnP/1.1\r\nLOCATION: {}\r\n\r\n",
                              target, target, where)),
         from);
  };
  const auto family = in.remote.address.family();
  const auto& here = family == Family::ipv6 && config_.inside_v6 ? *config_.inside_v6 : config_.inside;
  const auto elsewhere = [&](std::string_view name, std::size_t number) {
    return fmt::format("http://{}/{}-{}.xml", natkit::to_text(Endpoint{here, config_.igd.port}), name, number);
  };
  if (target == ssdp::root_device)
    for (std::size_t root = 0; root < config.other_roots; ++root) answer(now, elsewhere("root", root));
  const auto later = now + config.delay;
  for (std::size_t decoy = 0; decoy < config.decoys; ++decoy) answer(later, elsewhere("decoy", decoy));
  for (std::size_t copy = 0; copy < config.copies; ++copy) answer(later, config.location.value_or(location(family)));
}

std::optional<Endpoint> PortMapper::forward(Instant now, Protocol protocol, std::uint16_t external_port) {
  table_.purge(now);
  if (is_away(now) || config_.wan == RouterConfig::Wan::down) return std::nullopt;
  if (config_.shadowed.contains(external_port)) return std::nullopt;
  const auto* rule = table_.find(protocol, external_port);
  if (!rule || rule->effect == Rule::Effect::listed_only) return std::nullopt;
  if (config_.host_firewall.contains(rule->internal.port)) return std::nullopt;
  return rule->internal;
}

std::vector<Rule> PortMapper::rules(Instant now) {
  table_.purge(now);
  return table_.all();
}

std::vector<PortMapper::Pinhole> PortMapper::pinholes(Instant now) {
  std::vector<Pinhole> open;
  for (const auto& [number, pinhole] : pinholes_)
    if (pinhole.expires > now) open.push_back(pinhole);
  return open;
}
}  // namespace natkit::sim
