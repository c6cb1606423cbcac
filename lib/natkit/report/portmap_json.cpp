#include "natkit/report/portmap_json.hpp"

#include <cmath>

#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
constexpr std::string_view schema = "natkit/upnp-map/1";

/// Microseconds are as fine as a socket's clock deserves.
Json milliseconds(Duration duration) { return std::round(to_ms(duration) * 1000.0) / 1000.0; }
Json milliseconds(std::chrono::seconds whole) { return std::chrono::milliseconds{whole}.count(); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json or_null(const std::optional<IpAddress>& address) { return address ? Json(to_text(*address)) : Json(nullptr); }
Json or_null(const std::optional<portmap::Method>& method) { return method ? Json(to_text(*method)) : Json(nullptr); }
/// Text from a router; empty where it said nothing.
Json foreign(const std::string& text) { return text.empty() ? Json(nullptr) : Json(printable(text)); }

/// A lease without an end has no length.
Json lease_json(const std::optional<std::chrono::seconds>& lease) {
  return lease && lease->count() > 0 ? milliseconds(*lease) : Json(nullptr);
}
Json permanent_json(const std::optional<std::chrono::seconds>& lease) {
  return lease ? Json(lease->count() == 0) : Json(nullptr);
}

Json layer_json(const portmap::Grant& grant) {
  return {{"gateway", to_text(grant.gateway)},      {"via", to_text(grant.via)},
          {"internal", to_text(grant.internal)},    {"external", to_text(grant.external)},
          {"lease_ms", lease_json(grant.lifetime)}, {"permanent", grant.lifetime.count() == 0}};
}

/// The shortest-lived layer ends the whole.
std::optional<std::chrono::seconds> lease_of(const MappingAnswer& answer) {
  std::optional<std::chrono::seconds> shortest;
  for (const auto& layer : answer.layers)
    if (!shortest || shortest->count() == 0 || (layer.lifetime.count() != 0 && layer.lifetime < *shortest))
      shortest = layer.lifetime;
  return shortest;
}

void add_mapping(Json& out, const MappingAnswer& answer) {
  const bool stands = !answer.layers.empty();
  const auto lease = lease_of(answer);
  out["protocol"] = to_text(answer.protocol);
  out["internal"] = to_text(answer.internal);
  out["external"] = stands ? Json(to_text(answer.layers.back().external)) : Json(nullptr);
  out["requested_external"] = or_null(answer.requested_external);
  out["lease_ms"] = lease_json(lease);
  out["permanent"] = permanent_json(lease);
  out["via"] = stands ? Json(to_text(answer.layers.back().via)) : Json(nullptr);
  out["gateway"] = stands ? Json(to_text(answer.layers.back().gateway)) : Json(nullptr);
  out["external_scope"] = stands ? Json(to_text(scope_of(answer.layers.back().external.address))) : Json(nullptr);
  out["verified"] = or_null(answer.verified);
  out["verdict"] = answer.verdict.empty() ? Json(nullptr) : Json(printable(answer.verdict));
  out["layers"] = Json::array();
  for (const auto& layer : answer.layers) out["layers"].push_back(layer_json(layer));
  out["elapsed_ms"] = milliseconds(answer.elapsed);
}

Json listed_json(const ListedMapping& mapping) {
  return {{"protocol", to_text(mapping.protocol)},
          {"external_address", or_null(mapping.external_address)},
          {"external_port", mapping.external_port},
          {"internal", to_text(mapping.internal)},
          {"lease_ms", lease_json(mapping.lease)},
          {"permanent", permanent_json(mapping.lease)},
          {"via", or_null(mapping.via)},
          {"gateway", to_text(mapping.gateway)},
          {"description", foreign(mapping.description)},
          {"source", to_text(mapping.source)},
          {"owner", to_text(mapping.owner)}};
}

Json refusal_json(const std::optional<portmap::Refusal>& refusal) {
  if (!refusal) return nullptr;
  return {{"cause", portmap::to_text(refusal->cause)},
          {"code", or_null(refusal->code)},
          {"detail", printable(refusal->detail)}};
}

Json gateway_json(const GatewayAnswer& gateway) {
  Json methods = Json::object();
  for (const auto& answer : gateway.methods) {
    // As in nat-probe's `port_mapping`: keys have no hyphens.
    const auto* const key = answer.method == portmap::Method::nat_pmp ? "nat_pmp"
                            : answer.method == portmap::Method::pcp   ? "pcp"
                                                                      : "upnp";
    methods[key] = {{"available", or_null(answer.is_available)},
                    {"external", or_null(answer.external)},
                    {"refusal", refusal_json(answer.refusal)}};
  }
  return {{"address", to_text(gateway.address)},
          {"interface", foreign(gateway.route.interface)},
          {"local", to_text(gateway.route.local)},
          {"methods", methods},
          {"manufacturer", foreign(gateway.manufacturer)},
          {"model", foreign(gateway.model)},
          {"location", foreign(gateway.location)},
          {"udn", foreign(gateway.udn)},
          {"same_as", or_null(gateway.same_as)}};
}

/// Half an endpoint is none; its port stands in a key of its own.
Json endpoint_json(const Endpoint& endpoint) {
  return endpoint.address.is_unspecified() ? Json(nullptr) : Json(to_text(endpoint));
}

Json check_json(const CheckAnswer& check) {
  return {{"protocol", to_text(check.protocol)},
          {"external", endpoint_json(check.external)},
          {"external_port", check.external.port},
          {"open", or_null(check.is_open)},
          {"detail", foreign(check.detail)}};
}

Json removal_json(const RemovalAnswer& removal) {
  return {{"protocol", to_text(removal.protocol)},
          {"external", endpoint_json(removal.external)},
          {"external_port", removal.external.port},
          {"gateway", to_text(removal.gateway)},
          {"via", or_null(removal.via)},
          {"gone", or_null(removal.is_gone)},
          {"detail", foreign(removal.detail)}};
}

template <class T, class Writer>
Json array_of(std::span<const T> items, Writer write) {
  Json out = Json::array();
  for (const auto& item : items) out.push_back(write(item));
  return out;
}

std::string finished(Json out, Duration elapsed, const Error* error) {
  out["elapsed_ms"] = milliseconds(elapsed);
  if (error != nullptr) out["error"] = error_object(*error);
  return dump(out);
}

Json event_object(std::string_view event, const MappingAnswer& answer) {
  Json out{{"schema", schema}, {"event", event}};
  add_mapping(out, answer);
  return out;
}
}  // namespace

std::string mappings_json(std::span<const MappingAnswer> answers, Duration elapsed, const Error* error) {
  Json out{{"schema", schema}};
  if (answers.size() == 1) {
    add_mapping(out, answers.front());
    return finished(std::move(out), elapsed, error);
  }
  out["mappings"] = Json::array();
  for (const auto& answer : answers) {
    Json one = Json::object();
    add_mapping(one, answer);
    out["mappings"].push_back(std::move(one));
  }
  return finished(std::move(out), elapsed, error);
}

std::string event_json(std::string_view event, const MappingAnswer& answer) {
  return dump(event_object(event, answer));
}

std::string moved_json(const MappingAnswer& answer, const Endpoint& before) {
  auto out = event_object("moved", answer);
  out["before"] = to_text(before);
  return dump(out);
}

std::string trouble_json(std::string_view event, const MappingAnswer& answer, const Error& error) {
  auto out = event_object(event, answer);
  out["error"] = error_object(error);
  return dump(out);
}

std::string gateways_json(std::span<const GatewayAnswer> gateways, Duration elapsed, const Error* error) {
  return finished({{"schema", schema}, {"gateways", array_of(gateways, gateway_json)}}, elapsed, error);
}

std::string status_json(std::string_view state, std::span<const ListedMapping> ours,
                        std::span<const GatewayAnswer> gateways, Duration elapsed, const Error* error) {
  return finished({{"schema", schema},
                   {"state", state},
                   {"mappings", array_of(ours, listed_json)},
                   {"gateways", array_of(gateways, gateway_json)}},
                  elapsed, error);
}

std::string list_json(std::span<const ListedMapping> mappings, Duration elapsed, const Error* error) {
  return finished({{"schema", schema}, {"mappings", array_of(mappings, listed_json)}}, elapsed, error);
}

std::string removals_json(std::span<const RemovalAnswer> removals, Duration elapsed, const Error* error) {
  return finished({{"schema", schema}, {"removed", array_of(removals, removal_json)}}, elapsed, error);
}

std::string checks_json(std::span<const CheckAnswer> checks, Duration elapsed, const Error* error) {
  if (checks.size() == 1) {
    Json out{{"schema", schema}};
    out.update(check_json(checks.front()));
    return finished(std::move(out), elapsed, error);
  }
  return finished({{"schema", schema}, {"checks", array_of(checks, check_json)}}, elapsed, error);
}
}  // namespace natkit::report
