#include "natkit/report/portmap_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "natkit/base/printable.hpp"

namespace natkit::report {
namespace {
/// As it is spoken of, unlike `to_text`, which scripts read.
std::string_view name_of(portmap::Method method) {
  switch (method) {
    case portmap::Method::pcp:
      return "PCP";
    case portmap::Method::nat_pmp:
      return "NAT-PMP";
    case portmap::Method::upnp:
      break;
  }
  return "UPnP";
}

std::string line(std::string_view label, std::string_view text) { return fmt::format("{:<9}{}\n", label, text); }

/// Columns as wide as their widest cell, two spaces between, nothing after the last.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
  return out;
}

/// What to type to take it away.
std::string removal_word(const MappingAnswer& answer) {
  const auto& external = answer.layers.back().external;
  const bool is_pinhole = external.address.is_v6();
  return fmt::format("upnp-map remove {}/{}", is_pinhole ? to_text(external) : std::to_string(external.port),
                     to_text(answer.protocol));
}

std::chrono::seconds shortest_lease(const MappingAnswer& answer) {
  std::chrono::seconds shortest{};
  for (const auto& layer : answer.layers)
    if (shortest.count() == 0 || (layer.lifetime.count() != 0 && layer.lifetime < shortest)) shortest = layer.lifetime;
  return shortest;
}

std::string method_text(const MethodAnswer& answer) {
  const auto name = name_of(answer.method);
  if (!answer.is_available) return fmt::format("{:<8} no answer", name);
  std::string text = fmt::format("{:<8} {}", name, *answer.is_available ? "available" : "refuses");
  if (answer.refusal)
    text += fmt::format(": it {}", printable(answer.refusal->detail));
  else if (answer.external)
    text += fmt::format(", external address {} ({})", to_text(*answer.external), to_text(scope_of(*answer.external)));
  return text;
}

std::string owner_text(ListedMapping::Owner owner) {
  switch (owner) {
    case ListedMapping::Owner::ours:
      return "ours";
    case ListedMapping::Owner::this_host:
      return "this host";
    case ListedMapping::Owner::other:
      break;
  }
  return "other host";
}

/// "*:7000" where nobody told the address.
std::string external_text(const Endpoint& external) {
  return external.address.is_unspecified() ? fmt::format("*:{}", external.port) : to_text(external);
}
}  // namespace

/// Two units are enough: nobody plans by the second a day ahead.
std::string lease_text(std::chrono::seconds lease) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::array units{Unit{3600, "h"}, Unit{60, "min"}, Unit{1, "s"}};
  if (lease.count() == 0) return "for ever";
  std::string text;
  auto left = static_cast<std::int64_t>(lease.count());
  int parts = 0;
  for (const auto& unit : units) {
    const auto count = left / unit.seconds;
    if (count == 0 && parts == 0) continue;
    if (count == 0 || parts == 2) break;
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", count, unit.name);
    left -= count * unit.seconds;
    ++parts;
  }
  return text;
}

std::string mapping_text(const MappingAnswer& answer, Keeping keeping) {
  if (answer.layers.empty()) return {};
  const auto& outermost = answer.layers.back();
  auto out = line("mapped", fmt::format("{} {} -> {}", to_text(answer.protocol), to_text(outermost.external),
                                        to_text(answer.internal)));
  for (const auto& layer : answer.layers) {
    const auto through = answer.layers.size() > 1
                             ? fmt::format(": {} -> {}", to_text(layer.external), to_text(layer.internal))
                             : std::string{};
    out += line("by", fmt::format("{} at {}{}", name_of(layer.via), to_text(layer.gateway), through));
  }
  const auto lease = shortest_lease(answer);
  if (keeping == Keeping::held) {
    out += line("until", "this command ends (Ctrl-C)");
  } else {
    out += line("for", lease.count() == 0 ? "ever: this router knows no other leases; remove it when done"
                                          : lease_text(lease) + "; the same command again renews it");
    out += line("undo", removal_word(answer));
  }
  if (answer.verified)
    out += line("outside", fmt::format("{}{}", *answer.verified ? "open" : "NOT open",
                                       answer.verdict.empty() ? "" : ": " + printable(answer.verdict)));
  else if (!answer.verdict.empty())
    out += line("outside", "not known: " + printable(answer.verdict));
  return out;
}

std::vector<std::string> mapping_warnings(const MappingAnswer& answer) {
  std::vector<std::string> out;
  if (answer.layers.empty()) return out;
  const auto& external = answer.layers.back().external;
  if (external.address.is_unspecified())
    out.emplace_back("the router did not say its external address; --verify SERVER finds out whether the port is open");
  else if (scope_of(external.address) == Scope::inside)
    out.push_back(fmt::format(
        "{} is a private address: another router stands behind this one, and the internet does not reach the port; try "
        "--through-all",
        to_text(external.address)));
  else if (scope_of(external.address) == Scope::carrier)
    out.push_back(fmt::format(
        "{} is an address of your provider's own NAT: the internet does not reach the port; ask for a public "
        "address, or use IPv6",
        to_text(external.address)));
  if (answer.requested_external && *answer.requested_external != external.port)
    out.push_back(fmt::format("the router gave external port {} instead of {}; tell {} to your peers", external.port,
                              *answer.requested_external, external.port));
  return out;
}

std::string gateways_text(std::span<const GatewayAnswer> gateways) {
  std::string out;
  for (const auto& gateway : gateways) {
    if (!out.empty()) out += '\n';
    out += fmt::format("router {}", to_text(gateway.address));
    if (!gateway.route.interface.empty()) out += " on " + printable(gateway.route.interface);
    if (gateway.same_as) out += fmt::format(", the same device as {}", to_text(*gateway.same_as));
    const auto model = printable(gateway.manufacturer + (gateway.model.empty() ? "" : " " + gateway.model));
    out += (model.empty() ? "" : ": " + model) + '\n';
    for (const auto& method : gateway.methods)
      if (method.method != portmap::Method::nat_pmp || gateway.address.is_v4())  // NAT-PMP has no IPv6: nobody asked
        out += "  " + method_text(method) + '\n';
  }
  return out;
}

std::string list_text(std::span<const ListedMapping> mappings) {
  if (mappings.empty()) return "no mapping\n";
  std::vector<std::vector<std::string>> rows{
      {"PROTOCOL", "EXTERNAL", "INTERNAL", "LEFT", "BY", "OWNER", "SOURCE", "DESCRIPTION"}};
  for (const auto& mapping : mappings)
    rows.push_back({std::string{to_text(mapping.protocol)},
                    external_text({mapping.external_address.value_or(IpAddress{}), mapping.external_port}),
                    to_text(mapping.internal), mapping.lease ? lease_text(*mapping.lease) : "?",
                    mapping.via ? std::string{name_of(*mapping.via)} : "?", owner_text(mapping.owner),
                    std::string{to_text(mapping.source)}, printable(mapping.description)});
  return table(rows);
}

std::string removals_text(std::span<const RemovalAnswer> removals) {
  std::string out;
  for (const auto& one : removals) {
    const auto* const state = !one.is_gone ? "unknown" : *one.is_gone ? "removed" : "stays";
    out += line(state, fmt::format("{} {} at {}{}", to_text(one.protocol), external_text(one.external),
                                   to_text(one.gateway), one.detail.empty() ? "" : ": " + printable(one.detail)));
  }
  return out.empty() ? "nothing to remove\n" : out;
}

std::string checks_text(std::span<const CheckAnswer> checks) {
  std::string out;
  for (const auto& one : checks) {
    const auto* const state = !one.is_open ? "unknown" : *one.is_open ? "open" : "closed";
    out += line(state, fmt::format("{} {}{}", to_text(one.protocol), external_text(one.external),
                                   one.detail.empty() ? "" : ": " + printable(one.detail)));
  }
  return out;
}
}  // namespace natkit::report
