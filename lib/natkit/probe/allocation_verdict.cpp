#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
using Rule = PortAllocation::Rule;

/// Fewer answers tell too little.
constexpr std::size_t fewest = 8;
/// Of what a rule predicts; the rest may be other hosts' doing, or ports that others had.
constexpr double enough = 0.6;
/// CGNs give 512 to 4096 ports to a subscriber (RFC 7422; Richter et al., IMC 2016).
constexpr int largest_block = 8192;
/// A NAT that chooses among all ports shows more than this nearly always, a block never.
constexpr int wide = 20'000;
/// What a sequence may skip, of a port between two of ours.
constexpr int most_step = 64;
constexpr double all_ports = 64'512;  // from 1024
constexpr double improbable = 1e-6;

std::vector<const Sample*> answered(const Digest& digest, Family family) {
  std::vector<const Sample*> all;
  for (const auto& sample : digest.samples)
    if (sample.mapped && digest.servers[sample.server].address.address.family() == family) all.push_back(&sample);
  return all;
}

/// Of each public address, in the order sent: a NAT counts each one's ports by themselves.
using Ports = std::map<IpAddress, std::vector<int>>;

Ports ports_of(const std::vector<const Sample*>& samples) {
  Ports ports;
  for (const auto* sample : samples) ports[sample->mapped->address].push_back(sample->mapped->port);
  return ports;
}

int range_of(const std::vector<int>& ports) {
  const auto [low, high] = std::ranges::minmax(ports);
  return high - low + 1;
}

/// The distance between neighbours that most have; packets may have overtaken each other, so neighbours by number.
std::optional<int> delta_of(const Ports& all) {
  std::map<int, std::size_t> steps;
  std::size_t count = 0;
  int rising = 0;
  for (const auto& [address, ports] : all) {
    auto sorted = ports;
    std::ranges::sort(sorted);
    for (std::size_t i = 1; i < sorted.size(); ++i) ++steps[sorted[i] - sorted[i - 1]], ++count;
    for (std::size_t i = 1; i < ports.size(); ++i) rising += ports[i] > ports[i - 1] ? 1 : -1;
  }
  if (count < fewest / 2) return std::nullopt;
  const auto most = std::ranges::max_element(steps, {}, [](const auto& step) { return step.second; });
  const bool is_rule =
      most->first <= most_step && static_cast<double>(most->second) >= enough * static_cast<double>(count);
  if (!is_rule) return std::nullopt;
  return rising < 0 ? -most->first : most->first;
}

/// How probable it is that ports chosen among all lie as close together as these.
double chance_of(const Ports& all) {
  double chance = 1;
  for (const auto& [address, ports] : all) {
    const auto count = static_cast<double>(ports.size());
    if (ports.size() > 1) chance *= count * std::pow(range_of(ports) / all_ports, count - 1);
  }
  return chance;
}

struct Finding {
  std::optional<Rule> rule{};
  std::optional<int> delta{};
  const char* reason = "";
  std::string detail{};
};

Finding judge(const std::vector<const Sample*>& samples, const Ports& ports) {
  const auto count = samples.size();
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(
      samples, [](const Sample* sample) { return sample->local && sample->local->port == sample->mapped->port; }));
  if (static_cast<double>(kept) >= enough * static_cast<double>(count))
    return {.rule = Rule::preserving,
            .reason = "own-ports",
            .detail = fmt::format("{} of {} fresh sockets kept their own port", kept, count)};
  if (const auto delta = delta_of(ports))
    return {.rule = Rule::sequential,
            .delta = delta,
            .reason = "steady-distance",
            .detail = fmt::format("most of {} fresh sockets got ports {} apart", count, *delta)};
  int widest = 0;
  for (const auto& [address, each] : ports) widest = std::max(widest, range_of(each));
  auto detail = fmt::format("{} fresh sockets got ports up to {} apart, in no order", count, widest - 1);
  if (widest <= largest_block && chance_of(ports) < improbable)
    return {.rule = Rule::block, .reason = "small-range", .detail = std::move(detail)};
  if (widest > wide) return {.rule = Rule::random, .reason = "wide-range", .detail = std::move(detail)};
  return {.reason = "no-rule-seen", .detail = detail + "; that may be a block, or a choice among some of all ports"};
}
}  // namespace

std::string_view to_text(PortAllocation::Rule rule) {
  switch (rule) {
    case Rule::preserving:
      return "preserving";
    case Rule::sequential:
      return "sequential";
    case Rule::block:
      return "block";
    case Rule::random:
      return "random";
  }
  return "";
}
std::string_view to_text(Pooling pooling) { return pooling == Pooling::paired ? "paired" : "arbitrary"; }

AllocationVerdict judge_allocation(const Digest& digest, Family family) {
  const auto samples = answered(digest, family);
  if (samples.size() < fewest)
    return {.evidence = {{.reason = "too-few-answers",
                          .detail = fmt::format("{} fresh sockets learned their public port, {} would tell the rule",
                                                samples.size(), fewest)}}};
  const auto ports = ports_of(samples);
  auto found = judge(samples, ports);
  AllocationVerdict verdict{.evidence = {{.reason = found.reason, .detail = std::move(found.detail)}}};
  verdict.allocation.rule = found.rule;
  verdict.allocation.delta = found.delta;
  const auto by_port = [](const Sample* sample) { return sample->mapped->port; };
  const auto [low, high] = std::ranges::minmax(samples, {}, by_port);
  verdict.allocation.range = {low->mapped->port, high->mapped->port};
  return verdict;
}

PoolingVerdict judge_pooling(const Digest& digest, Family family) {
  const auto samples = answered(digest, family);
  const auto ports = ports_of(samples);
  if (ports.size() > 1) {
    std::string addresses;
    for (const auto& [address, each] : ports)
      addresses += fmt::format("{}{}", addresses.empty() ? "" : ", ", to_text(address));
    return {.pooling = Pooling::arbitrary,
            .evidence = {{.reason = "several-addresses",
                          .detail = fmt::format("{} sockets of this host got the public addresses {}", samples.size(),
                                                addresses)}}};
  }
  if (samples.size() < fewest)
    return {.evidence = {{.reason = "too-few-answers",
                          .detail = fmt::format("{} sockets learned their public address", samples.size())}}};
  return {.pooling = Pooling::paired,
          .evidence = {{.reason = "one-address",
                        .detail = fmt::format("all {} sockets got the public address {}", samples.size(),
                                              to_text(ports.begin()->first))}}};
}
}  // namespace natkit::probe
