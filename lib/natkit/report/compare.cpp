#include "natkit/report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/report/labels.hpp"

namespace natkit::report {
namespace {
using enum Behavior;

/// One network that the evidence leaves possible.
struct Network {
  bool has_nat = false;
  Behavior mapping{};
  Behavior filtering{};
};

/// What a tool prints for a network, and why that is not what we print.
struct Saying {
  std::string_view says{};
  std::optional<std::string_view> differs_because{};
  bool operator==(const Saying&) const = default;
};

Saying stunclient(const Network& network) {
  if (!network.has_nat) {
    constexpr std::string_view direct = "Direct Mapping, Endpoint Independent Filtering";
    if (network.filtering == endpoint_independent) return {direct};
    return {direct, "without a NAT it does not test the filtering, so it overlooks the firewall"};
  }
  using Row = std::array<std::string_view, 3>;  // by filtering, from the most open on
  constexpr std::array<Row, 3> sayings{Row{"Endpoint Independent Mapping, Endpoint Independent Filtering",
                                           "Endpoint Independent Mapping, Address Dependent Filtering",
                                           "Endpoint Independent Mapping, Address and Port Dependent Filtering"},
                                       Row{"Address Dependent Mapping, Endpoint Independent Filtering",
                                           "Address Dependent Mapping, Address Dependent Filtering",
                                           "Address Dependent Mapping, Address and Port Dependent Filtering"},
                                       Row{"Address and Port Dependent Mapping, Endpoint Independent Filtering",
                                           "Address and Port Dependent Mapping, Address Dependent Filtering",
                                           "Address and Port Dependent Mapping, Address and Port Dependent Filtering"}};
  return {sayings.at(std::to_underlying(network.mapping)).at(std::to_underlying(network.filtering))};
}

Saying netcheck(const Network& network) {
  if (network.mapping != endpoint_independent)
    return {"UDP: true, MappingVariesByDestIP: true",
            "it has this one bit, as it asks all servers at the same port; it does not test the filtering"};
  return {"UDP: true, MappingVariesByDestIP: false",
          network.has_nat ? "it does not test the filtering: all NATs that keep one port look alike to it"
                          : "it tests neither the filtering nor whether there is a NAT at all"};
}

std::string_view cone_of(Behavior filtering) {
  switch (filtering) {
    case endpoint_independent:
      return "Full Cone";
    case address_dependent:
      return "Restric NAT";
    case address_and_port_dependent:
      break;
  }
  return "Restric Port NAT";
}

Saying pystun3(const Network& network) {
  const auto cone = cone_of(network.filtering);
  if (!network.has_nat)
    return {cone,
            "its socket is bound to 0.0.0.0, which is never the mapped address: it takes every network for a NAT"};
  if (network.mapping == endpoint_independent) {
    if (network.filtering != address_and_port_dependent) return {cone};
    return {cone,
            "behind some Linux routers it says Symmetric NAT, as it asks an address that was filtered on its socket "
            "before"};
  }
  if (network.filtering == endpoint_independent)
    return {cone, "whoever lets strangers in is a Full Cone to it: it stops before it looks at the mapping"};
  if (network.mapping == address_and_port_dependent && network.filtering == address_and_port_dependent)
    return {"Symmetric NAT"};
  return {"Symmetric NAT", "RFC 3489 has one name for all NATs whose mapping depends on the destination"};
}

struct Tool {
  std::string_view name;
  Saying (*saying)(const Network&);
  Saying when_blocked;
};
constexpr std::string_view same_of_a_dead_server =
    "it says the same of a server that is down; ours has answered over TCP";
const std::array tools{
    Tool{"stunclient --mode full",
         stunclient,
         {"Binding test: fail, Behavior test: fail, Filtering test: fail", same_of_a_dead_server}},
    Tool{"tailscale netcheck",
         netcheck,
         {"UDP: false", "it says the same where it could not measure; MappingVariesByDestIP stays empty"}},
    Tool{"pystun3", pystun3, {"Blocked", same_of_a_dead_server}}};

/// No NAT together with a mapping that depends on the destination contradicts itself.
std::vector<Network> possible_networks(const probe::Report& report) {
  std::vector<Network> all;
  if (!report.ipv4 || !report.ipv4->mapped) return all;
  for (const auto mapping : members(report.ipv4->mapping)) {
    for (const auto filtering : members(report.ipv4->filtering)) {
      if (report.ipv4->nat != false) all.push_back({true, mapping, filtering});
      if (report.ipv4->nat != true && mapping == endpoint_independent) all.push_back({false, mapping, filtering});
    }
  }
  return all;
}

Comparison comparison(const Tool& tool, const std::vector<Network>& networks) {
  Comparison out{.tool = tool.name};
  if (networks.empty()) return out;
  const auto first = tool.saying(networks.front());
  const bool is_same =
      std::ranges::all_of(networks, [&](const auto& network) { return tool.saying(network).says == first.says; });
  if (!is_same) return out;
  out.says = first.says;
  // A reason that holds for some of the possible networks only is not one.
  if (std::ranges::all_of(networks, [&](const auto& network) { return tool.saying(network) == first; }))
    out.differs_because = first.differs_because;
  return out;
}
}  // namespace

std::vector<Comparison> compare(const probe::Report& report) {
  std::vector<Comparison> out;
  out.reserve(tools.size());
  const auto networks = possible_networks(report);
  for (const auto& tool : tools)
    out.push_back(report.udp == probe::UdpState::blocked
                      ? Comparison{tool.name, tool.when_blocked.says, tool.when_blocked.differs_because}
                      : comparison(tool, networks));
  return out;
}

std::string to_text(const std::vector<Comparison>& comparisons) {
  std::size_t width = 0;
  for (const auto& one : comparisons) width = std::max(width, one.tool.size());
  std::string out = "\nother tools, over IPv4\n";
  for (const auto& [tool, says, differs_because] : comparisons) {
    out +=
        fmt::format("  {:<{}}  {}\n", tool, width, says.value_or("cannot be told: what it follows from is not known"));
    if (differs_because) out += fmt::format("  {:<{}}  {}\n", "", width, *differs_because);
  }
  return out;
}
}  // namespace natkit::report
