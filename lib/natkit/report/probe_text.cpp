#include "natkit/report/probe_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "natkit/base/printable.hpp"
#include "natkit/report/console_labels.hpp"
#include "natkit/report/labels.hpp"
#include "natkit/report/meanings.hpp"
#include "natkit/report/reaches.hpp"
#include "natkit/report/verdict.hpp"

namespace natkit::report {
namespace {
/// SGR colours (ECMA-48 §8.3.117) by grade: what a player hopes for is green.
std::string_view color_of(Grade grade) {
  switch (grade) {
    case Grade::open:
    case Grade::good:
      return "\x1b[32m";
    case Grade::hard:
      return "\x1b[33m";
    case Grade::blocked:
      return "\x1b[31m";
    case Grade::unknown:
      break;
  }
  return "\x1b[1m";
}

std::string headline(const Verdict& verdict, Style style) {
  const auto summary = printable(verdict.summary);
  if (style == Style::plain) return summary + "\n";
  const auto word = to_text(verdict.grade);
  return fmt::format("{}{}\x1b[0m{}\n", color_of(verdict.grade), word, summary.substr(word.size()));
}

struct Row {
  std::string key;
  std::string value;
  std::string note{};   ///< beside the value
  std::string below{};  ///< on a line of its own, where a sentence may be long
};

/// Columns as wide as their widest cell; what is empty leaves no trailing blanks.
std::string table(const std::vector<Row>& rows) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const auto& row : rows) {
    key_width = std::max(key_width, row.key.size());
    if (!row.note.empty()) value_width = std::max(value_width, row.value.size());
  }
  std::string out;
  for (const auto& [key, value, note, below] : rows) {
    out += note.empty() ? fmt::format("  {:<{}}  {}\n", key, key_width, value)
                        : fmt::format("  {:<{}}  {:<{}}  {}\n", key, key_width, value, value_width, note);
    if (!below.empty()) out += fmt::format("  {:<{}}  {}\n", "", key_width, below);
  }
  return out;
}

class FamilyText {
 public:
  FamilyText(const probe::Report& report, Family family, const probe::FamilyReport& facts,
             std::span<const Remembered> remembered)
      : report_(report), prefix_(family == Family::ipv4 ? "ipv4." : "ipv6."), facts_(facts), remembered_(remembered) {}

  [[nodiscard]] std::string rows() const {
    // Where nobody answered, that says it all.
    if (!facts_.mapped) return table({{.key = "unknown", .value = or_else(why("mapping"), "no server answered")}});
    std::vector<Row> rows{{.key = "local", .value = endpoint(facts_.local), .note = kind_of_local()},
                          {.key = "public", .value = endpoint(facts_.mapped)},
                          nat_row(),
                          behavior_row("mapping", facts_.mapping, meaning_of_mapping),
                          behavior_row("filtering", facts_.filtering, meaning_of_filtering),
                          {.key = "port", .value = port()},
                          allocation_row(),
                          {.key = "pooling", .value = pooling(), .below = facts_.pooling ? "" : why("pooling")},
                          layers_row()};
    if (!facts_.hops.empty()) rows.push_back({.key = "first hops", .value = hops_text(facts_.hops)});
    // Without one, "nat" has said it.
    if (facts_.translation && facts_.translation != probe::Translation::none) rows.push_back(translation_row());
    if (facts_.hairpin) rows.push_back({.key = "hairpin", .value = (*facts_.hairpin ? "yes" : "no") + age("hairpin")});
    if (was_lifetime_asked()) rows.push_back(lifetime_row());
    return table(rows);
  }

 private:
  static std::string or_else(const std::string& text, std::string_view other) {
    return text.empty() ? std::string(other) : text;
  }
  static std::string endpoint(const std::optional<Endpoint>& value) { return value ? to_text(*value) : "unknown"; }

  [[nodiscard]] std::string why(std::string_view key) const {
    return printable(explanation(report_, prefix_ + std::string(key)));
  }

  /// Beside a value that this run has not measured.
  [[nodiscard]] std::string age(std::string_view key) const {
    const auto found = std::ranges::find(remembered_, prefix_ + std::string(key), &Remembered::about);
    return found == remembered_.end() ? std::string{} : fmt::format(" (measured {} ago)", age_text(found->age));
  }

  [[nodiscard]] std::string kind_of_local() const {
    const std::string_view lasting = facts_.temporary == true ? "temporary " : "";
    if (facts_.address_kind) return fmt::format("{}{} address", lasting, to_text(*facts_.address_kind));
    return facts_.temporary == true ? "temporary address" : "";
  }

  [[nodiscard]] Row translation_row() const {
    return {.key = "translation",
            .value = std::string(to_text(*facts_.translation)),
            .note = std::string(meaning_of_translation(*facts_.translation))};
  }

  [[nodiscard]] Row nat_row() const {
    const auto label = rfc3489_label(facts_);
    Row row{.key = "nat", .value = "unknown", .note = label ? fmt::format("{} (RFC 3489)", to_phrase(*label)) : ""};
    if (facts_.nat)
      row.value = *facts_.nat ? "yes" : "no";
    else
      row.below = why("nat");
    return row;
  }

  [[nodiscard]] Row behavior_row(std::string key, const BehaviorSet& set, std::string_view (*meaning)(Behavior)) const {
    if (const auto one = set.single())
      return {.key = std::move(key), .value = std::string(to_text(*one)), .note = std::string(meaning(*one))};
    std::vector<std::string_view> values;
    for (const auto behavior : members(set)) values.push_back(to_text(behavior));
    auto reason = why(key);
    return {.key = std::move(key),
            .value = set.is_unknown() ? "unknown" : fmt::format("{}", fmt::join(values, " or ")),
            .below = std::move(reason)};
  }

  /// Who asked hears why there is no answer; who did not is not bothered.
  [[nodiscard]] bool was_lifetime_asked() const {
    return std::ranges::any_of(report_.evidence, [&](const probe::Evidence& item) {
      return item.about == prefix_ + "mapping_lifetime_ms" && item.reason != "not-asked" && item.reason != "no-nat";
    });
  }

  [[nodiscard]] Row lifetime_row() const {
    constexpr std::string_view key = "mapping_lifetime_ms";
    const auto ago = age(key);
    return {.key = "lifetime",
            .value = facts_.mapping_lifetime.shortest ? lifetime_text(facts_.mapping_lifetime) + ago : "unknown",
            .below = facts_.mapping_lifetime.longest || !ago.empty() ? "" : why(key)};
  }

  [[nodiscard]] std::string port() const {
    if (!facts_.port_preserved) return "unknown";
    return *facts_.port_preserved ? "preserved: the public port is the local one" : "changed by the NAT";
  }

  [[nodiscard]] Row allocation_row() const {
    using Rule = probe::PortAllocation::Rule;
    const auto& allocation = facts_.port_allocation;
    if (!allocation.rule) return {.key = "ports", .value = unless_no_nat("unknown"), .below = why("port_allocation")};
    const auto range =
        allocation.range ? fmt::format(" ({} to {})", allocation.range->first, allocation.range->second) : "";
    switch (*allocation.rule) {
      case Rule::preserving:
        return {.key = "ports", .value = "preserving", .note = "a fresh socket keeps its own port"};
      case Rule::sequential:
        return {.key = "ports",
                .value = "sequential",
                .note = fmt::format("the next port is {} further: it can be told beforehand",
                                    allocation.delta.value_or(1))};
      case Rule::block:
        return {.key = "ports", .value = "block", .note = "any port of a small range" + range};
      case Rule::random:
        break;
    }
    return {.key = "ports", .value = "random", .note = "any port" + range};
  }

  [[nodiscard]] std::string unless_no_nat(std::string_view text) const {
    return facts_.nat == false ? "this host's own" : std::string(text);
  }

  [[nodiscard]] std::string pooling() const {
    if (!facts_.pooling) return unless_no_nat("unknown");
    return *facts_.pooling == probe::Pooling::paired ? "one public address for all sockets"
                                                     : "several public addresses, another one for each socket";
  }

  [[nodiscard]] Row layers_row() const {
    Row row{.key = "layers", .value = facts_.layers ? fmt::format("{}", *facts_.layers) : "unknown"};
    if (facts_.cgn == true) row.note = "one of them is the carrier's";
    if (!facts_.layers) row.below = why("layers");
    return row;
  }

  const probe::Report& report_;
  std::string prefix_;
  const probe::FamilyReport& facts_;
  std::span<const Remembered> remembered_;
};

std::string family_block(const probe::Report& report, Family family, std::span<const Remembered> remembered) {
  const auto& facts = family == Family::ipv4 ? report.ipv4 : report.ipv6;
  if (!facts) return {};
  return fmt::format("\n{}\n{}", to_text(family), FamilyText{report, family, *facts, remembered}.rows());
}

/// Whether the run tried to find out, or whoever only has a report of it could tell.
bool was_measured(const probe::Report& report, std::string_view about) {
  return std::ranges::any_of(
      report.evidence, [&](const probe::Evidence& item) { return item.about == about && item.reason != "not-asked"; });
}

Row tcp_row(const probe::Report& report, std::string key, const BehaviorSet& set) {
  const auto about = "tcp." + key;
  if (const auto one = set.single()) return {.key = "TCP " + key, .value = std::string(to_text(*one))};
  return {.key = "TCP " + key,
          .value = set.is_unknown() ? "unknown" : to_text(set),
          .below = printable(explanation(report, about))};
}

std::string tcp_and_size_block(const probe::Report& report) {
  std::vector<Row> rows;
  const bool is_known = !report.tcp.mapping.is_unknown() || !report.tcp.filtering.is_unknown() || report.mtu_bytes;
  if (report.udp != probe::UdpState::ok && !is_known) return {};  // then other things matter
  if (was_measured(report, "tcp.mapping")) {
    rows.push_back(tcp_row(report, "mapping", report.tcp.mapping));
    rows.push_back(tcp_row(report, "filtering", report.tcp.filtering));
  }
  if (was_measured(report, "mtu_bytes")) {
    rows.push_back({.key = "largest packet",
                    .value = report.mtu_bytes ? fmt::format("{} bytes", *report.mtu_bytes) : "unknown",
                    .below = report.mtu_bytes ? "" : printable(explanation(report, "mtu_bytes"))});
  }
  return rows.empty() ? std::string{} : "\nTCP and packet sizes\n" + table(rows);
}

std::string ways_out_block(const probe::Report& report) {
  if (!report.ways_out) return {};
  std::vector<Row> rows;
  if (report.captive_portal == true)
    rows.push_back({.key = "login page", .value = "yes", .below = printable(explanation(report, "captive_portal"))});
  for (const auto& way : *report.ways_out)
    rows.push_back({.key = std::string(way.transport), .value = to_text(way.server), .note = "answers"});
  if (report.ways_out->empty())
    rows.push_back({.key = "none found", .value = printable(explanation(report, "ways_out"))});
  return "\nways out\n" + table(rows);
}

/// Left out where IPv4 does not need IPv6.
std::string nat64_block(const probe::Nat64Report& nat64) {
  std::vector<Row> rows;
  if (nat64.prefix)
    rows.push_back(
        {.key = "NAT64", .value = to_text(*nat64.prefix), .note = "IPv4 servers are reached behind this prefix"});
  if (nat64.clat == true)
    rows.push_back({.key = "CLAT", .value = "yes", .note = "this host translates its own IPv4 packets (464XLAT)"});
  return rows.empty() ? std::string{} : "\nIPv4 over IPv6\n" + table(rows);
}

std::string server_note(const probe::ServerReport& server) {
  if (!server.behavior_discovery) return "";
  std::string note = *server.behavior_discovery ? "two addresses (RFC 5780)" : "one address: cannot tell everything";
  if (server.loss && *server.loss > 0) note += fmt::format(", {:.0f} % lost", *server.loss * 100);
  return note;
}

std::string servers_block(const std::vector<probe::ServerReport>& servers) {
  if (servers.empty()) return {};
  std::vector<Row> rows;
  for (const auto& server : servers) {
    auto address = to_text(server.address);
    // A name that is the address itself, with or without the port, tells nothing new.
    const bool is_named = !server.name.empty() && parse_endpoint(server.name, server.address.port) != server.address;
    if (is_named) address += fmt::format(" ({})", printable(server.name));
    rows.push_back({.key = std::move(address),
                    .value = server.rtt ? fmt::format("{:.1f} ms", to_ms(*server.rtt)) : "no answer",
                    .note = server_note(server)});
  }
  return "\nservers\n" + table(rows);
}

std::string port_mapping_text(const probe::PortMapping& one) {
  if (!one.available) return "unknown";
  if (!*one.available) return "no";
  return one.external ? fmt::format("yes, external address {}", to_text(*one.external)) : "yes";
}

/// Left out where no router was asked, or none had answered in time.
std::string port_mapping_block(const probe::PortMappings& all) {
  if (all == probe::PortMappings{}) return {};
  return "\nport mapping\n" + table({{.key = "PCP", .value = port_mapping_text(all.pcp)},
                                     {.key = "NAT-PMP", .value = port_mapping_text(all.nat_pmp)},
                                     {.key = "UPnP", .value = port_mapping_text(all.upnp)}});
}

std::string peers_block(const probe::Report& report) {
  std::vector<Row> rows;
  for (const auto& [peer, way] : reaches_of(report))
    rows.push_back({.key = std::string(to_phrase(peer)), .value = way.empty() ? "unknown" : std::string(way)});
  return rows.empty() ? std::string{} : "\npeers behind\n" + table(rows);
}

std::string consoles_block(const probe::Report& report) {
  const auto labels = console_labels(report);
  const auto shown = [](std::string_view label) { return label.empty() ? "unknown" : std::string(label); };
  if (labels.nintendo.empty() && labels.xbox.empty() && labels.playstation.empty()) return {};
  return "\nconsoles would say\n" +
         table({{.key = "Nintendo", .value = shown(labels.nintendo)},
                {.key = "Xbox", .value = shown(labels.xbox)},
                {.key = "PlayStation", .value = shown(labels.playstation), .note = "a guess: Sony publishes no rule"}});
}

std::string advice_lines(const Verdict& verdict) {
  std::string out;
  for (const auto& advice : verdict.advice) out += fmt::format("advice: {}\n", printable(advice));
  return out;
}
}  // namespace

std::string to_text(const probe::Report& report, Style style, std::span<const Remembered> remembered) {
  const auto verdict = verdict_of(report);
  return headline(verdict, style) + advice_lines(verdict) + family_block(report, Family::ipv4, remembered) +
         family_block(report, Family::ipv6, remembered) + ways_out_block(report) + tcp_and_size_block(report) +
         nat64_block(report.nat64) + port_mapping_block(report.port_mapping) + peers_block(report) +
         consoles_block(report) + servers_block(report.servers);
}

std::vector<std::string> evidence_lines(const probe::Report& report) {
  std::vector<std::string> lines;
  lines.reserve(report.evidence.size() + 1);
  for (const auto& item : report.evidence)
    lines.push_back(fmt::format("{}: {} ({})", printable(item.about), printable(item.detail), printable(item.reason)));
  lines.push_back(fmt::format("{} packets sent in {:.1f} ms", report.packets_sent, to_ms(report.elapsed)));
  return lines;
}
}  // namespace natkit::report
