// What a simulated router answers to UPnP IGD calls (WANIPConnection:1 and :2, WANIPv6FirewallControl:1).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/portmap/url.hpp"
#include "natkit/sim/port_mapper.hpp"

namespace natkit::sim {
namespace igd = portmap::igd;
using portmap::Method;
using std::chrono::seconds;

namespace {
constexpr int invalid_action = 401, invalid_args = 402, action_failed = 501, not_authorized = 606, no_pinhole = 704,
              pinholes_not_allowed = 703, no_such_entry = 714, no_external_wildcard = 716, conflict = 718,
              same_port_needed = 724, only_permanent = 725, table_full = 728, other_mechanism = 729;
constexpr seconds week{604800};

igd::Reply fault(int code) { return std::unexpected(igd::Fault{igd::Fault::Kind::upnp_error, code, {}}); }
igd::Reply fault(igd::Fault::Kind kind) { return std::unexpected(igd::Fault{kind, 0, {}}); }

igd::Entry entry_of(Instant now, const Rule& rule) {
  return {.protocol = rule.protocol,
          .external_port = rule.external_port,
          .internal = rule.internal,
          .lifetime = rule.expires ? std::chrono::ceil<seconds>(*rule.expires - now) : seconds{0},
          .description = rule.description,
          .remote_host = {}};
}

int code_of(IgdConfig::Conflict says) {
  if (says == IgdConfig::Conflict::says_501) return action_failed;
  return says == IgdConfig::Conflict::says_729 ? other_mechanism : conflict;
}
}  // namespace

std::string PortMapper::location(Family family) const {
  const auto& here = family == Family::ipv6 && config_.inside_v6 ? *config_.inside_v6 : config_.inside;
  const auto port = static_cast<std::uint16_t>(config_.igd.port + restarts_);
  return fmt::format("http://{}/rootDesc.xml", natkit::to_text(Endpoint{here, port}));
}

bool PortMapper::serves(const std::string& url) const {
  const auto parsed = portmap::parse_url(url);
  if (!parsed || config_.igd.presence == Presence::off) return false;
  const bool is_here =
      parsed->host.address == config_.inside || (config_.inside_v6 && parsed->host.address == *config_.inside_v6);
  return is_here && parsed->host.port == config_.igd.port + restarts_;
}

igd::Reply PortMapper::call(Instant now, const igd::Call& call, const IpAddress& from) {
  table_.purge(now);
  std::erase_if(pinholes_, [now](const auto& pair) { return pair.second.expires <= now; });
  return std::visit([&](const auto& one) { return answer(now, one, from); }, call);
}

std::optional<IpAddress> PortMapper::told_external() const {
  if (config_.wan == RouterConfig::Wan::down) return std::nullopt;
  switch (config_.igd.tells_external) {
    case IgdConfig::TellsExternal::truth:
      return config_.external;
    case IgdConfig::TellsExternal::zero:
      return IpAddress{};
    case IgdConfig::TellsExternal::loopback:
      return IpAddress::v4(0x7F000001);
    case IgdConfig::TellsExternal::another:
      return config_.igd.other_external;
    case IgdConfig::TellsExternal::nothing:
      break;
  }
  return std::nullopt;
}

igd::Reply PortMapper::answer(Instant /*now*/, const igd::Describe& call, const IpAddress& /*from*/) {
  if (call.location != location(call.host.family())) return fault(igd::Fault::Kind::not_igd);
  const Endpoint here{call.host, static_cast<std::uint16_t>(config_.igd.port + restarts_)};
  const bool is_legacy = config_.igd.services == IgdConfig::Services::legacy_names;
  const auto service = [&](std::string_view type) {
    return igd::Service{fmt::format("urn:{}-org:service:{}", is_legacy ? "dslforum" : "schemas-upnp", type),
                        fmt::format("http://{}/ctl/{}", natkit::to_text(here), type)};
  };
  igd::Device device{};
  device.manufacturer = "natkit";
  device.model = config_.igd.model;
  const auto connect = [&](std::string_view type, std::string status) {
    device.connections.push_back({service(type), std::move(status), told_external()});
  };
  switch (config_.igd.services) {
    case IgdConfig::Services::ip_1:
      connect("WANIPConnection:1", config_.igd.status);
      break;
    case IgdConfig::Services::ip_2:
      connect("WANIPConnection:2", config_.igd.status);
      break;
    case IgdConfig::Services::ppp_only:
      connect("WANPPPConnection:1", config_.igd.status);
      break;
    case IgdConfig::Services::ppp_up_ip_down:
      connect("WANIPConnection:1", "Disconnected");
      device.connections.back().external.reset();
      connect("WANPPPConnection:1", config_.igd.status);
      break;
    case IgdConfig::Services::both_up:
      connect("WANIPConnection:1", config_.igd.status);
      connect("WANPPPConnection:1", config_.igd.status);
      break;
    case IgdConfig::Services::legacy_names:
      connect("WANIPConnection:1", config_.igd.status);
      break;
    case IgdConfig::Services::none:
      return fault(igd::Fault::Kind::not_igd);
  }
  if (config_.igd.pinholes != IgdConfig::Pinholes::absent) {
    device.firewall = service("WANIPv6FirewallControl:1");
    device.pinholes_allowed = config_.igd.pinholes == IgdConfig::Pinholes::allowed;
  }
  return device;
}

/// The first thing that is wrong with a request for a mapping, before its port is looked at.
std::optional<int> PortMapper::objection(const igd::Add& call, const IpAddress& from) const {
  const auto& config = config_.igd;
  if (config.services == IgdConfig::Services::ppp_up_ip_down && call.service.type.contains("WANIPConnection"))
    return action_failed;
  if (config_.wan == RouterConfig::Wan::down) return action_failed;
  if (config.permission == IgdConfig::Permission::nobody) return not_authorized;
  if (call.external_port == 0) return no_external_wildcard;
  if (call.internal.address != from) return not_authorized;
  if (call.description.size() > config.longest_description) return invalid_args;
  if (call.port == igd::Add::Port::any &&
      (config.add_any == IgdConfig::AddAny::invalid_action || !call.service.type.ends_with(":2")))
    return invalid_action;
  if (config.leases == IgdConfig::Leases::permanent_or_725 && call.lifetime != seconds{0}) return only_permanent;
  if (config.leases == IgdConfig::Leases::permanent_or_402 && call.lifetime != seconds{0}) return invalid_args;
  if (config.leases == IgdConfig::Leases::zero_refused_402 && call.lifetime == seconds{0}) return invalid_args;
  if (config.ports == IgdConfig::Ports::same_as_internal && call.external_port != call.internal.port)
    return same_port_needed;
  return std::nullopt;
}

igd::Reply PortMapper::answer(Instant now, const igd::Add& call, const IpAddress& from) {
  const auto& config = config_.igd;
  if (const auto code = objection(call, from)) return fault(*code);
  auto port = call.external_port;
  if (call.port == igd::Add::Port::any) {
    port = free_port(call.protocol, port);
    if (port == 0) return fault(table_full);
  }
  if (!is_allowed(port)) return fault(not_authorized);
  if (const auto* old = table_.find(call.protocol, port)) {
    if (!may_touch(*old, Method::upnp)) return fault(other_mechanism);
    if (old->internal.address != call.internal.address) return fault(code_of(config.conflict));
    if (config.again == IgdConfig::Again::conflicts) return fault(code_of(config.conflict));
  } else if (table_.size() >= config_.table_size) {
    return fault(table_full);
  }
  auto lifetime = call.lifetime;
  if (config.leases == IgdConfig::Leases::silently_permanent) lifetime = seconds{0};
  if (config.leases == IgdConfig::Leases::silently_shortened) lifetime = std::min(lifetime, seconds{120});
  if (config.leases == IgdConfig::Leases::zero_is_a_week && lifetime == seconds{0}) lifetime = week;
  const auto effect = config.lies == IgdConfig::Lies::no ? Rule::Effect::forwards : Rule::Effect::listed_only;
  if (config.lies != IgdConfig::Lies::maps_nothing)
    table_.put({.protocol = call.protocol,
                .external_port = port,
                .internal = call.internal,
                .expires = lifetime == seconds{0} ? std::nullopt : std::optional{now + lifetime},
                .via = Method::upnp,
                .description = call.description,
                .effect = effect});
  if (call.port == igd::Add::Port::any) return igd::Added{port};
  return igd::Done{};
}

igd::Reply PortMapper::answer(Instant /*now*/, const igd::Delete& call, const IpAddress& from) {
  const auto* rule = table_.find(call.protocol, call.external_port);
  if (!rule || !may_touch(*rule, Method::upnp)) {
    if (config_.igd.delete_absent == IgdConfig::DeleteAbsent::success) return igd::Done{};
    return fault(no_such_entry);
  }
  if (rule->internal.address != from) return fault(not_authorized);
  if (config_.igd.deletes == IgdConfig::Deletes::in_words_only) return igd::Done{};
  table_.erase(call.protocol, call.external_port);
  return igd::Done{};
}

igd::Reply PortMapper::answer(Instant now, const igd::Look& call, const IpAddress& /*from*/) {
  if (config_.igd.look == IgdConfig::Look::invalid_action) return fault(invalid_action);
  const auto* rule = table_.find(call.protocol, call.external_port);
  if (!rule || !may_touch(*rule, Method::upnp)) return fault(no_such_entry);
  return entry_of(now, *rule);
}

igd::Reply PortMapper::answer(Instant now, const igd::List& call, const IpAddress& /*from*/) {
  std::vector<igd::Entry> entries;
  for (const auto& rule : table_.all())
    if (entries.size() < call.limit && may_touch(rule, Method::upnp)) entries.push_back(entry_of(now, rule));
  return entries;
}

igd::Reply PortMapper::answer(Instant now, const igd::AddPinhole& call, const IpAddress& from) {
  if (config_.igd.pinholes == IgdConfig::Pinholes::absent) return fault(invalid_action);
  if (config_.igd.pinholes == IgdConfig::Pinholes::not_allowed) return fault(pinholes_not_allowed);
  if (call.internal.address != from) return fault(not_authorized);  // miniupnp#731
  pinholes_[++last_pinhole_] = {
      .protocol = call.protocol, .internal = call.internal, .expires = now + call.lifetime, .nonce = {}};
  return igd::Pinhole{last_pinhole_};
}

igd::Reply PortMapper::answer(Instant now, const igd::UpdatePinhole& call, const IpAddress& from) {
  const auto found = pinholes_.find(call.unique_id);
  if (found == pinholes_.end()) return fault(no_pinhole);
  if (found->second.internal.address != from) return fault(not_authorized);
  found->second.expires = now + call.lifetime;
  return igd::Done{};
}

igd::Reply PortMapper::answer(Instant /*now*/, const igd::DeletePinhole& call, const IpAddress& from) {
  const auto found = pinholes_.find(call.unique_id);
  if (found == pinholes_.end()) return fault(no_pinhole);
  if (found->second.internal.address != from) return fault(not_authorized);
  pinholes_.erase(found);
  return igd::Done{};
}
}  // namespace natkit::sim
