#include "natkit/probe/classifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "natkit/probe/digest.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
void append(Report& report, std::string_view about, std::vector<Evidence> evidence) {
  for (auto& item : evidence) {
    item.about = about;
    report.evidence.push_back(std::move(item));
  }
}

void append(Report& report, std::string_view path, std::string_view key, std::vector<Evidence> evidence) {
  append(report, fmt::format("{}.{}", path, key), std::move(evidence));
}

/// The mapping question that was answered first in the order asked: its socket speaks for the family.
const Asked* first_answered(const Digest& digest, Family family) {
  const auto found = std::ranges::find_if(digest.asked, [family](const Asked& asked) {
    return asked.question == Question::mapping && asked.to.address.family() == family && asked.mapped;
  });
  return found == digest.asked.end() ? nullptr : &*found;
}

void describe_endpoints(FamilyReport& family, const Asked& asked) {
  family.mapped = asked.mapped;
  family.local = asked.local;
  if (family.local && !family.local->address.is_unspecified()) family.nat = family.local != family.mapped;
  if (family.local) family.port_preserved = family.local->port == family.mapped->port;
}

/// A server that says its address once in an answer has nothing to compare.
void describe_gateway(Report& report, FamilyReport& described, const Digest& digest, Family family,
                      std::string_view path) {
  for (const auto& server : digest.servers) {
    if (server.address.address.family() != family) continue;
    if (server.is_same_unmasked && !described.rewritten) described.rewritten = false;
    if (!server.rewritten) continue;
    described.rewritten = true;
    append(
        report, path, "rewritten",
        {{.reason = "answers-differ",
          .detail = fmt::format("{} says the same address twice in one answer, once masked; unmasked it arrived as {}",
                                to_text(server.address), to_text(*server.rewritten))}});
  }
}

void describe_addresses(Report& report, FamilyReport& described, const HostFacts& host, std::string_view path) {
  auto kind = judge_address_kind(described);
  described.address_kind = kind.kind;
  append(report, path, "address_kind", std::move(kind.evidence));
  auto translation = judge_translation(described);
  described.translation = translation.translation;
  append(report, path, "translation", std::move(translation.evidence));
  auto temporary = judge_temporary(described, host);
  described.temporary = temporary.temporary;
  append(report, path, "temporary", std::move(temporary.evidence));
}

/// What is known of the NAT, where there is one; without one there is nothing to tell.
void describe_nat(Report& report, FamilyReport& described, const Digest& digest, Family family, std::string_view path,
                  Duration now) {
  if (family == Family::ipv4) described.hops = first_routers(digest);
  auto layers = judge_layers(described, report.port_mapping);
  described.layers = layers.layers;
  described.cgn = layers.cgn;
  append(report, path, "layers", std::move(layers.evidence));
  if (described.nat == false) {
    append(report, path, "port_allocation", {{.reason = "no-nat", .detail = "ports are this host's own choice"}});
    append(report, path, "pooling", {{.reason = "no-nat", .detail = "addresses are this host's own"}});
    append(report, path, "mapping_lifetime_ms", {{.reason = "no-nat", .detail = "there is no mapping"}});
    return;
  }
  auto allocation = judge_allocation(digest, family);
  described.port_allocation = allocation.allocation;
  append(report, path, "port_allocation", std::move(allocation.evidence));
  auto pooling = judge_pooling(digest, family);
  described.pooling = pooling.pooling;
  append(report, path, "pooling", std::move(pooling.evidence));
  auto hairpin = judge_hairpin(digest, family, described.mapping, now);
  described.hairpin = hairpin.hairpin;
  append(report, path, "hairpin", std::move(hairpin.evidence));
  auto lifetime = judge_lifetime(digest, family);
  described.mapping_lifetime = lifetime.lifetime;
  append(report, path, "mapping_lifetime_ms", std::move(lifetime.evidence));
}

std::optional<FamilyReport> describe_family(Report& report, const Digest& digest, const HostFacts& host, Family family,
                                            Duration now) {
  const bool was_asked = std::ranges::any_of(
      digest.servers, [family](const ServerFacts& server) { return server.address.address.family() == family; });
  if (!was_asked) return std::nullopt;
  const std::string_view path = family == Family::ipv4 ? "ipv4" : "ipv6";
  FamilyReport described;
  if (const auto* asked = first_answered(digest, family)) {
    describe_endpoints(described, *asked);
    if (described.nat)
      append(report, path, "nat",
             {{.reason = *described.nat ? "mapped-differs" : "mapped-equals-local",
               .detail = fmt::format("this host sent from {} and {} saw {}", to_text(*described.local),
                                     to_text(asked->to), to_text(*described.mapped))}});
  }
  auto mapping = judge_mapping(digest, family);
  described.mapping = mapping.behavior;
  append(report, path, "mapping", std::move(mapping.evidence));
  auto filtering = judge_filtering(digest, family, now);
  described.filtering = filtering.behavior;
  append(report, path, "filtering", std::move(filtering.evidence));
  describe_addresses(report, described, host, path);
  describe_nat(report, described, digest, family, path, now);
  describe_gateway(report, described, digest, family, path);
  return described;
}

/// UDP is called blocked when a server answers over TCP and this many requests over this long a time found no answer.
constexpr std::size_t blocked_copies = 5;

void describe_udp(Report& report, const Digest& digest) {
  const auto note = [&](const char* reason, std::string detail) {
    report.evidence.push_back({.about = "udp", .reason = reason, .detail = std::move(detail)});
  };
  for (const auto& server : digest.servers)
    if (server.answered) {
      report.udp = UdpState::ok;
      return note("answered",
                  fmt::format("{} answered over UDP after {:.1f} ms", to_text(server.address), to_ms(*server.rtt_min)));
    }
  for (const auto& asked : digest.asked) {
    if (!is_over_tcp(asked.question) || !is_for_a_server(asked.question) || !asked.is_answered()) continue;
    const auto* over_udp = digest.find(Question::mapping, asked.server);
    if (over_udp == nullptr || over_udp->copies.size() < blocked_copies) continue;
    report.udp = UdpState::blocked;
    return note("tcp-answered-udp-silent", fmt::format("{} answers over TCP but not one of {} requests over UDP",
                                                       to_text(asked.to), over_udp->copies.size()));
  }
  for (const auto& asked : digest.asked) {
    const bool is_tried = asked.question == Question::mapping && asked.copies.size() >= blocked_copies;
    if (!is_tried || judge_captive_portal(digest).captive_portal != true) continue;
    report.udp = UdpState::blocked;
    return note("captive-portal",
                fmt::format("none of {} requests over UDP was answered, and a login page answers for others",
                            asked.copies.size()));
  }
  const auto says_whether_it_lives = [](Question question) {
    return !is_over_tcp(question) || question == Question::tcp_control;
  };
  for (const auto& asked : digest.asked)
    if (asked.send_failures > 0 && says_whether_it_lives(asked.question))
      note("cannot-send", fmt::format("{} to {}: {}", is_over_tcp(asked.question) ? "tcp" : "udp", to_text(asked.to),
                                      asked.why_not_sent));
  note("no-answer",
       "no server answered, neither over UDP nor over TCP: the servers may be down or the network cut off");
}

/// In which family TCP was measured: where something answered, else where somebody was asked.
Family family_of_tcp(const Digest& digest) {
  std::optional<Family> asked_in;
  for (const auto& asked : digest.asked) {
    if (asked.question != Question::tcp_mapping) continue;
    if (asked.mapped) return asked.to.address.family();
    if (!asked_in) asked_in = asked.to.address.family();
  }
  return asked_in.value_or(Family::ipv4);
}

void describe_tcp(Report& report, const Digest& digest) {
  const auto family = family_of_tcp(digest);
  auto mapping = judge_tcp_mapping(digest, family);
  report.tcp.mapping = mapping.behavior;
  append(report, "tcp", "mapping", std::move(mapping.evidence));
  auto filtering = judge_tcp_filtering(digest, family, report.tcp.mapping, report.elapsed);
  report.tcp.filtering = filtering.behavior;
  append(report, "tcp", "filtering", std::move(filtering.evidence));
}

void describe_path(Report& report, const Digest& digest) {
  auto path = judge_path_mtu(digest, report.elapsed);
  report.mtu_bytes = path.bytes;
  report.fragments = path.fragments;
  append(report, "mtu_bytes", std::move(path.evidence));
  auto ways_out = judge_ways_out(digest);
  report.ways_out = std::move(ways_out.ways);
  append(report, "ways_out", std::move(ways_out.evidence));
  auto portal = judge_captive_portal(digest);
  report.captive_portal = portal.captive_portal;
  append(report, "captive_portal", std::move(portal.evidence));
}
}  // namespace

Report classify(const Trace& trace) {
  const auto facts = digest(trace);
  Report report;
  report.elapsed = facts.ended.value_or(facts.last_event);
  report.packets_sent = static_cast<std::uint32_t>(
      std::ranges::count_if(trace.events, [](const Event& event) { return std::holds_alternative<Sent>(event); }));
  describe_udp(report, facts);
  for (std::uint32_t i = 0; i < facts.servers.size(); ++i)
    report.servers.push_back({.name = trace.servers[i].name,
                              .address = trace.servers[i].address,
                              .rtt = facts.servers[i].rtt_min,
                              .loss = facts.servers[i].answered ? facts.loss_of(i, report.elapsed) : std::nullopt,
                              .behavior_discovery = judge_behavior_discovery(facts, i)});
  report.port_mapping = trace.port_mapping;
  report.ipv4 = describe_family(report, facts, trace.host, Family::ipv4, report.elapsed);
  report.ipv6 = describe_family(report, facts, trace.host, Family::ipv6, report.elapsed);
  describe_tcp(report, facts);
  describe_path(report, facts);
  auto nat64 = judge_nat64(report.ipv4, trace.host);
  report.nat64 = nat64.nat64;
  std::ranges::move(nat64.evidence, std::back_inserter(report.evidence));
  return report;
}
}  // namespace natkit::probe
