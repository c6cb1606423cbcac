#include "natkit/report/probe_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/report/console_labels.hpp"
#include "natkit/report/labels.hpp"
#include "natkit/report/meanings.hpp"
#include "natkit/report/verdict.hpp"

namespace natkit::report {
namespace {
std::optional<std::string> endpoint_text(const std::optional<Endpoint>& endpoint) {
  return endpoint ? std::optional{to_text(*endpoint)} : std::nullopt;
}

std::string_view meaning_of_pooling(probe::Pooling pooling) {
  return pooling == probe::Pooling::paired ? "all sockets of this host have the same public address"
                                           : "sockets of this host have different public addresses";
}

std::string allocation_text(const probe::PortAllocation& allocation) {
  std::string text{to_text(*allocation.rule)};
  if (allocation.delta) text += fmt::format(", {:+} each time", *allocation.delta);
  if (allocation.range) text += fmt::format(", seen from {} to {}", allocation.range->first, allocation.range->second);
  return text;
}

/// Writes the facts of one family, in the order of the JSON.
class FamilyFacts {
 public:
  FamilyFacts(const probe::Report& report, Family family, const probe::FamilyReport& facts)
      : report_(report), family_(family), prefix_(family == Family::ipv4 ? "ipv4." : "ipv6."), facts_(facts) {}

  [[nodiscard]] std::vector<Fact> all() const {
    auto facts = always();
    if (family_ == Family::ipv6) {
      facts.push_back(translation());
      facts.push_back(temporary());
    }
    if (facts_.rewritten == true)
      facts.push_back(fact("inside packets", "rewritten", "addresses are rewritten", why("rewritten")));
    return facts;
  }

 private:
  [[nodiscard]] std::vector<Fact> always() const {
    return {fact("local address", "local", endpoint_text(facts_.local), "as this host sees itself"),
            address_kind(),
            fact("public address", "mapped", endpoint_text(facts_.mapped), "as the first server sees it"),
            nat(),
            behavior("mapping", facts_.mapping, meaning_of_mapping),
            behavior("filtering", facts_.filtering, meaning_of_filtering),
            port_preserved(),
            allocation(),
            pooling(),
            hairpin(),
            lifetime(),
            layers(),
            hops(),
            carrier()};
  }

  /// A sentence for whoever asks why there is no value.
  [[nodiscard]] std::string why(std::string_view key) const {
    const auto said = explanation(report_, prefix_ + std::string(key));
    if (!said.empty()) return std::string(said);
    const auto of_all = explanation(report_, prefix_ + "mapping");
    if (!facts_.mapped) return of_all.empty() ? "no server answered" : std::string(of_all);
    return "not measured";
  }

  [[nodiscard]] bool is_remembered(std::string_view key) const {
    return std::ranges::any_of(report_.evidence, [&](const probe::Evidence& item) {
      return item.about == prefix_ + std::string(key) && item.reason == "remembered";
    });
  }

  [[nodiscard]] Fact fact(std::string_view name, std::string_view key, std::optional<std::string> value,
                          std::string_view meaning) const {
    auto note = value ? std::string(meaning) : why(key);
    return {.name = name, .value = std::move(value), .note = std::move(note)};
  }

  /// Of what only a NAT would change.
  [[nodiscard]] std::optional<std::string> unless_no_nat() const {
    return facts_.nat == false ? std::optional<std::string>{"this host's own"} : std::nullopt;
  }

  [[nodiscard]] Fact nat() const {
    if (!facts_.nat) return fact("NAT", "nat", std::nullopt, "");
    return fact("NAT", "nat", *facts_.nat ? "yes" : "no",
                *facts_.nat ? "the two addresses differ" : "the two addresses are the same");
  }

  [[nodiscard]] Fact behavior(std::string_view name, const BehaviorSet& set,
                              std::string_view (*meaning)(Behavior)) const {
    if (set.is_unknown()) return fact(name, name, std::nullopt, "");
    if (const auto one = set.single()) return fact(name, name, std::string(to_text(*one)), meaning(*one));
    return fact(name, name, to_text(set), why(name));
  }

  [[nodiscard]] Fact port_preserved() const {
    if (!facts_.port_preserved) return fact("public port", "port_preserved", std::nullopt, "");
    return fact("public port", "port_preserved",
                *facts_.port_preserved ? "the local one" : "another than the local one",
                *facts_.port_preserved ? "preserved" : "changed by the NAT");
  }

  [[nodiscard]] Fact allocation() const {
    constexpr std::string_view name = "port of a new socket", key = "port_allocation";
    if (!facts_.port_allocation.rule) return fact(name, key, unless_no_nat(), why(key));
    return fact(name, key, allocation_text(facts_.port_allocation), explanation(report_, prefix_ + std::string(key)));
  }

  [[nodiscard]] Fact pooling() const {
    if (!facts_.pooling) return fact("public addresses", "pooling", unless_no_nat(), why("pooling"));
    return fact("public addresses", "pooling", std::string(to_text(*facts_.pooling)),
                meaning_of_pooling(*facts_.pooling));
  }

  [[nodiscard]] Fact hairpin() const {
    if (!facts_.hairpin) return fact("hairpin", "hairpin", std::nullopt, "");
    std::string meaning = *facts_.hairpin ? "hosts behind the NAT reach each other by their public addresses"
                                          : "hosts behind the NAT do not reach each other by their public addresses";
    if (is_remembered("hairpin")) meaning += "; " + why("hairpin");
    return fact("hairpin", "hairpin", *facts_.hairpin ? "yes" : "no", meaning);
  }

  [[nodiscard]] Fact lifetime() const {
    constexpr std::string_view name = "lifetime of a mapping", key = "mapping_lifetime_ms";
    if (!facts_.mapping_lifetime.shortest) return fact(name, key, std::nullopt, "");
    return fact(name, key, lifetime_text(facts_.mapping_lifetime), why(key));
  }

  [[nodiscard]] Fact layers() const {
    if (!facts_.layers) return fact("NATs in the way", "layers", std::nullopt, "");
    return fact("NATs in the way", "layers", fmt::format("{}", *facts_.layers),
                explanation(report_, prefix_ + "layers"));
  }

  [[nodiscard]] Fact hops() const {
    if (facts_.hops.empty()) return {.name = "first routers", .note = "none said a word, or none was asked"};
    return {
        .name = "first routers", .value = hops_text(facts_.hops), .note = "as they say themselves, the nearest first"};
  }

  /// The evidence for the number of NATs speaks of the carrier's, too.
  [[nodiscard]] Fact carrier() const {
    if (!facts_.cgn) return fact("NAT of the carrier", "layers", std::nullopt, "");
    return fact("NAT of the carrier", "layers", *facts_.cgn ? "yes" : "no", "");
  }

  [[nodiscard]] Fact address_kind() const {
    constexpr std::string_view name = "kind of address", key = "address_kind";
    if (!facts_.address_kind) return fact(name, key, std::nullopt, "");
    return fact(name, key, std::string(to_text(*facts_.address_kind)), why(key));
  }

  [[nodiscard]] Fact translation() const {
    constexpr std::string_view name = "translation", key = "translation";
    if (!facts_.translation) return fact(name, key, std::nullopt, "");
    return fact(name, key, std::string(to_text(*facts_.translation)), meaning_of_translation(*facts_.translation));
  }

  [[nodiscard]] Fact temporary() const {
    constexpr std::string_view name = "temporary address", key = "temporary";
    if (!facts_.temporary) return fact(name, key, std::nullopt, "");
    return fact(name, key, *facts_.temporary ? "yes" : "no", why(key));
  }

  const probe::Report& report_;
  Family family_;
  std::string prefix_;
  const probe::FamilyReport& facts_;
};

std::string why_unknown(const probe::Report& report, std::string_view about) {
  const auto said = explanation(report, about);
  return said.empty() ? "not measured" : std::string(said);
}

Fact tcp_fact(const probe::Report& report, std::string_view name, std::string_view about, const BehaviorSet& set,
              std::string_view (*meaning)(Behavior)) {
  if (set.is_unknown()) return {.name = name, .note = why_unknown(report, about)};
  if (const auto one = set.single())
    return {.name = name, .value = std::string(to_text(*one)), .note = std::string(meaning(*one))};
  return {.name = name, .value = to_text(set), .note = why_unknown(report, about)};
}

Fact size_fact(const probe::Report& report) {
  Fact fact{.name = "largest packet", .note = why_unknown(report, "mtu_bytes")};
  if (report.mtu_bytes) fact.value = fmt::format("{} bytes", *report.mtu_bytes);
  return fact;
}

Fact fragments_fact(const probe::Report& report) {
  Fact fact{.name = "fragments", .note = "only tried where a large packet does not get through in one piece"};
  if (report.fragments) {
    fact.value = *report.fragments ? "pass" : "do not pass";
    fact.note = "a larger packet in several pieces";
  }
  return fact;
}

Fact port_mapping_fact(std::string_view name, const probe::PortMapping& one) {
  if (!one.available) return {.name = name, .note = "not asked, or no answer by the time all else was known"};
  if (!*one.available) return {.name = name, .value = "no", .note = "refused, or no answer"};
  return {.name = name,
          .value = "yes",
          .note = one.external ? "external address " + to_text(*one.external) : "tells no external address"};
}

Fact label_fact(std::string_view name, std::string_view label) {
  if (label.empty()) return {.name = name, .note = "what it follows from is not known"};
  std::string words{label};
  for (auto& c : words)
    if (c == '-') c = ' ';
  return {.name = name, .value = std::move(words)};
}
}  // namespace

std::vector<Fact> family_facts(const probe::Report& report, Family family, const probe::FamilyReport& facts) {
  return FamilyFacts{report, family, facts}.all();
}

std::vector<Fact> tcp_and_size_facts(const probe::Report& report) {
  return {tcp_fact(report, "TCP mapping", "tcp.mapping", report.tcp.mapping, meaning_of_mapping),
          tcp_fact(report, "TCP filtering", "tcp.filtering", report.tcp.filtering, meaning_of_filtering),
          size_fact(report), fragments_fact(report)};
}

std::vector<Fact> nat64_facts(const probe::Report& report) {
  Fact prefix{.name = "NAT64 prefix", .note = why_unknown(report, "nat64.prefix")};
  if (report.nat64.prefix) prefix.value = to_text(*report.nat64.prefix);
  Fact clat{.name = "CLAT on this host", .note = why_unknown(report, "nat64.clat")};
  if (report.nat64.clat) clat.value = *report.nat64.clat ? "yes" : "no";
  return {std::move(prefix), std::move(clat)};
}

std::vector<Fact> port_mapping_facts(const probe::PortMappings& routers) {
  return {port_mapping_fact("PCP", routers.pcp), port_mapping_fact("NAT-PMP", routers.nat_pmp),
          port_mapping_fact("UPnP", routers.upnp)};
}

std::vector<Fact> label_facts(const probe::Report& report) {
  const auto label = rfc3489_label(report);
  const auto consoles = console_labels(report);
  auto rfc3489 = label_fact("RFC 3489", label ? to_text(*label) : "");
  if (label) rfc3489.value = std::string(to_phrase(*label));
  return {std::move(rfc3489), label_fact("Nintendo", consoles.nintendo), label_fact("Xbox", consoles.xbox),
          label_fact("PlayStation", consoles.playstation)};
}
}  // namespace natkit::report
