#include "natkit/report/probe_json.hpp"

#include <cmath>

#include "natkit/report/console_labels.hpp"
#include "natkit/report/json.hpp"
#include "natkit/report/labels.hpp"
#include "natkit/report/reaches.hpp"
#include "natkit/report/verdict.hpp"

namespace natkit::report {
namespace {
/// Microseconds are as fine as a socket's clock deserves.
Json milliseconds(Duration duration) { return std::round(to_ms(duration) * 1000.0) / 1000.0; }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json or_null(const std::optional<Endpoint>& endpoint) { return endpoint ? Json(to_text(*endpoint)) : Json(nullptr); }
Json or_null(const std::optional<Duration>& duration) { return duration ? milliseconds(*duration) : Json(nullptr); }

Json udp_json(probe::UdpState state) {
  switch (state) {
    case probe::UdpState::ok:
      return "ok";
    case probe::UdpState::blocked:
      return "blocked";
    case probe::UdpState::unknown:
      break;
  }
  return nullptr;
}

Json behavior_json(const BehaviorSet& set) {
  if (set.is_unknown()) return nullptr;
  if (const auto one = set.single()) return to_text(*one);
  Json out = Json::array();
  for (const auto behavior : members(set)) out.push_back(to_text(behavior));
  return out;
}

Json allocation_json(const probe::PortAllocation& allocation) {
  Json range = nullptr;
  if (allocation.range) range = {allocation.range->first, allocation.range->second};
  return {{"rule", allocation.rule ? Json(to_text(*allocation.rule)) : Json(nullptr)},
          {"delta", or_null(allocation.delta)},
          {"range", std::move(range)}};
}

Json servers_json(const std::vector<probe::ServerReport>& servers) {
  Json out = Json::array();
  for (const auto& server : servers)
    out.push_back({{"address", to_text(server.address)},
                   {"rtt_ms", or_null(server.rtt)},
                   {"behaviour_discovery", or_null(server.behavior_discovery)},
                   {"name", server.name},
                   {"loss", server.loss ? Json(std::round(*server.loss * 1000.0) / 1000.0) : Json(nullptr)}});
  return out;
}

/// [longest rest after which it lived, shortest after which it did not]
Json range_json(const probe::MappingLifetime& lifetime) {
  if (!lifetime.shortest && !lifetime.longest) return nullptr;
  return {or_null(lifetime.shortest), or_null(lifetime.longest)};
}

/// The nearest first; null for one that says nothing.
Json hops_json(const std::vector<std::optional<IpAddress>>& hops) {
  if (hops.empty()) return nullptr;
  Json out = Json::array();
  for (const auto& hop : hops) out.push_back(hop ? Json(to_text(*hop)) : Json(nullptr));
  return out;
}

/// A value that has a name.
template <class T>
Json name_or_null(const std::optional<T>& value) {
  return value ? Json(to_text(*value)) : Json(nullptr);
}

Json family_json(const std::optional<probe::FamilyReport>& asked) {
  const auto family = asked.value_or(probe::FamilyReport{});
  const auto& refresh = family.mapping_lifetime.refresh;
  return {{"local", or_null(family.local)},
          {"mapped", or_null(family.mapped)},
          {"nat", or_null(family.nat)},
          {"mapping", behavior_json(family.mapping)},
          {"filtering", behavior_json(family.filtering)},
          {"port_preserved", or_null(family.port_preserved)},
          {"port_allocation", allocation_json(family.port_allocation)},
          {"pooling", family.pooling ? Json(to_text(*family.pooling)) : Json(nullptr)},
          {"hairpin", or_null(family.hairpin)},
          {"mapping_lifetime_ms", or_null(family.mapping_lifetime.estimate())},
          {"mapping_lifetime_range_ms", range_json(family.mapping_lifetime)},
          {"mapping_refresh", refresh ? Json(to_text(*refresh)) : Json(nullptr)},
          {"layers", or_null(family.layers)},
          {"cgn", or_null(family.cgn)},
          {"rewritten", or_null(family.rewritten)},
          {"hops", hops_json(family.hops)},
          {"address_kind", name_or_null(family.address_kind)}};
}

/// With what there is of IPv6 only.
Json ipv6_json(const std::optional<probe::FamilyReport>& asked) {
  auto json = family_json(asked);
  const auto family = asked.value_or(probe::FamilyReport{});
  json["translation"] = name_or_null(family.translation);
  json["temporary"] = or_null(family.temporary);
  return json;
}

Json labels_json(const probe::Report& report) {
  const auto label = rfc3489_label(report);
  const auto consoles = console_labels(report);
  const auto or_null = [](std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); };
  return {{"rfc3489", label ? Json(to_text(*label)) : Json(nullptr)},
          {"xbox", or_null(consoles.xbox)},
          {"playstation", or_null(consoles.playstation)},
          {"nintendo", or_null(consoles.nintendo)}};
}

Json ways_out_json(const std::optional<std::vector<probe::WayOut>>& ways) {
  if (!ways) return nullptr;
  Json out = Json::array();
  for (const auto& way : *ways) out.push_back({{"transport", way.transport}, {"server", to_text(way.server)}});
  return out;
}

Json port_mapping_json(const probe::PortMapping& one) {
  return {{"available", or_null(one.available)},
          {"external", one.external ? Json(to_text(*one.external)) : Json(nullptr)}};
}

Json port_mappings_json(const probe::PortMappings& all) {
  return {{"upnp", port_mapping_json(all.upnp)},
          {"nat_pmp", port_mapping_json(all.nat_pmp)},
          {"pcp", port_mapping_json(all.pcp)}};
}

Json nat64_json(const probe::Nat64Report& nat64) {
  return {{"prefix", name_or_null(nat64.prefix)}, {"clat", or_null(nat64.clat)}};
}

Json verdict_json(const probe::Report& report) {
  const auto verdict = verdict_of(report);
  Json reaches = nullptr;
  for (const auto& [peer, way] : reaches_of(report))
    reaches[std::string{to_text(peer)}] = way.empty() ? Json(nullptr) : Json(way);
  return {{"summary", verdict.summary}, {"reaches", std::move(reaches)}, {"advice", verdict.advice}};
}

Json evidence_json(const std::vector<probe::Evidence>& evidence) {
  Json out = Json::array();
  for (const auto& item : evidence)
    out.push_back({{"about", item.about}, {"reason", item.reason}, {"detail", item.detail}});
  return out;
}

Json against_json(const Against& against) {
  Json families = Json::array();
  for (const auto family : against.families) families.push_back(family == Family::ipv4 ? "ipv4" : "ipv6");
  const auto expected = probe::to_text(against.expected);
  return {{"expected", expected.empty() ? Json(nullptr) : Json(expected)},
          {"reason", against.reason},
          {"advice", against.advice},
          {"families", std::move(families)}};
}

Json compare_json(const std::vector<Comparison>& comparisons) {
  Json out = Json::array();
  for (const auto& [tool, says, differs_because] : comparisons)
    out.push_back({{"tool", tool}, {"says", or_null(says)}, {"differs_because", or_null(differs_because)}});
  return out;
}

Json remembered_json(const std::vector<Remembered>& remembered) {
  Json out = Json::array();
  for (const auto& [about, age] : remembered) out.push_back({{"about", about}, {"age_ms", milliseconds(age)}});
  return out;
}

Json report_object(const probe::Report& report, const std::vector<Remembered>& remembered) {
  return {{"schema", "natkit/nat-probe/1"},
          {"udp", udp_json(report.udp)},
          {"servers", servers_json(report.servers)},
          {"ipv4", family_json(report.ipv4)},
          {"ipv6", ipv6_json(report.ipv6)},
          {"labels", labels_json(report)},
          {"port_mapping", port_mappings_json(report.port_mapping)},
          {"tcp", {{"mapping", behavior_json(report.tcp.mapping)}, {"filtering", behavior_json(report.tcp.filtering)}}},
          {"mtu_bytes", or_null(report.mtu_bytes)},
          {"fragments", or_null(report.fragments)},
          {"ways_out", ways_out_json(report.ways_out)},
          {"captive_portal", or_null(report.captive_portal)},
          {"nat64", nat64_json(report.nat64)},
          {"verdict", verdict_json(report)},
          {"evidence", evidence_json(report.evidence)},
          {"remembered", remembered_json(remembered)},
          {"elapsed_ms", milliseconds(report.elapsed)},
          {"packets_sent", report.packets_sent}};
}
}  // namespace

std::string to_json(const probe::Report& report) { return to_json(report, Supplement{}); }

std::string to_json(const probe::Report& report, const Error& error) {
  return to_json(report, Supplement{.against = {}, .compare = {}, .remembered = {}, .error = error});
}

std::string to_json(const probe::Report& report, const Supplement& supplement) {
  auto json = report_object(report, supplement.remembered);
  if (supplement.against) json["verdict"]["against"] = against_json(*supplement.against);
  if (supplement.compare) json["compare"] = compare_json(*supplement.compare);
  if (supplement.error) json["error"] = error_object(*supplement.error);
  return dump(json);
}
}  // namespace natkit::report
