#include "natkit/report/probe_html.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/report/labels.hpp"
#include "natkit/report/markup.hpp"
#include "natkit/report/probe_facts.hpp"
#include "natkit/report/probe_html_style.hpp"
#include "natkit/report/probe_path_svg.hpp"
#include "natkit/report/reaches.hpp"
#include "natkit/report/verdict.hpp"

namespace natkit::report {
namespace {
/// Nothing may be run and nothing fetched, should an escape ever be missing.
constexpr std::string_view policy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

std::string_view class_of(Grade grade) {
  switch (grade) {
    case Grade::open:
      return "open";
    case Grade::good:
      return "good";
    case Grade::hard:
      return "hard";
    case Grade::blocked:
      return "blocked";
    case Grade::unknown:
      break;
  }
  return "undecided";
}

std::string head(const Verdict& verdict) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n"
      "<title>{}: what the network in front of this host does</title>\n<style>{}</style>\n</head>\n",
      policy, to_text(verdict.grade), page_style);
}

/// The grade as a badge, then the sentence without it.
std::string headline(const Verdict& verdict) {
  const auto word = to_text(verdict.grade);
  const auto sentence = std::string_view{verdict.summary}.substr(word.size() + 2);
  auto out = fmt::format("<header class=\"{}\">\n<h1><span class=\"grade\">{}</span> {}</h1>\n",
                         class_of(verdict.grade), word, to_markup(sentence));
  if (!verdict.advice.empty()) {
    out += "<ul>\n";
    for (const auto& advice : verdict.advice) out += fmt::format("<li>{}</li>\n", to_markup(advice));
    out += "</ul>\n";
  }
  return out + "</header>\n";
}

std::string section(std::string_view title, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", title, content);
}

std::string fact_list(const std::vector<Fact>& facts) {
  std::string out = "<dl>\n";
  for (const auto& [name, value, note] : facts) {
    out += fmt::format("<div><dt>{}</dt>", name);
    out += value ? fmt::format("<dd>{}", to_markup(*value)) : std::string{"<dd><span class=\"unknown\">unknown</span>"};
    if (!note.empty()) out += fmt::format("<small>{}</small>", to_markup(note));
    out += "</dd></div>\n";
  }
  return out + "</dl>\n";
}

struct FamilyPart {
  Family family{};
  const std::optional<probe::FamilyReport>& facts;
};
std::vector<FamilyPart> families_of(const probe::Report& report) {
  return {{Family::ipv4, report.ipv4}, {Family::ipv6, report.ipv6}};
}

std::string paths(const probe::Report& report) {
  std::string out;
  for (const auto& [family, facts] : families_of(report))
    if (facts) out += section(fmt::format("The path over {}", to_text(family)), path_svg(report, family, *facts));
  return out;
}

std::string values(const probe::Report& report) {
  std::string out;
  for (const auto& [family, facts] : families_of(report))
    out += section(to_text(family),
                   facts ? fact_list(family_facts(report, family, *facts)) : "<p class=\"unknown\">not asked</p>\n");
  return out;
}

/// The ways to a peer, as `reaches_of` names them, in words and with the class that colours them.
struct WayWords {
  std::string_view name, words, style;
};
constexpr std::array ways{WayWords{"direct", "direct", "direct"},
                          WayWords{"direct-with-prediction", "direct, if a port is guessed", "prediction"},
                          WayWords{"relay", "by a relay only", "relay"}};

std::string way_cell(std::string_view name) {
  for (const auto& way : ways)
    if (way.name == name) return fmt::format("<td class=\"{}\">{}</td>", way.style, way.words);
  return "<td class=\"unknown\">not known</td>";
}

std::string matrix(const probe::Report& report) {
  const auto reaches = reaches_of(report);
  if (reaches.empty()) return "<p class=\"unknown\">not known: nobody answered</p>\n";
  std::string out = "<table>\n<thead><tr><th>a peer behind</th><th>is reached</th></tr></thead>\n<tbody>\n";
  for (const auto& [peer, way] : reaches)
    out += fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", to_phrase(peer), way_cell(way));
  return out + "</tbody>\n</table>\n<p class=\"soft\">Without a port that is mapped at either router.</p>\n";
}

std::string labels(const probe::Report& report) {
  return fact_list(label_facts(report)) +
         "<p class=\"soft\">Of consoles it is what they would probably show; they measure with servers of their "
         "own.</p>\n";
}

/// A name that is the address itself, with or without the port, tells nothing new.
std::string server_name(const probe::ServerReport& server) {
  if (server.name.empty() || parse_endpoint(server.name, server.address.port) == server.address) return {};
  return to_markup(server.name) + " ";
}

std::string server_answer(const probe::ServerReport& server) {
  auto out = server.rtt ? fmt::format("{:.1f} ms", to_ms(*server.rtt)) : std::string{"no answer"};
  if (server.behavior_discovery)
    out += *server.behavior_discovery ? ", two addresses (RFC 5780)" : ", one address: cannot tell everything";
  return out;
}

std::string servers(const probe::Report& report) {
  if (report.servers.empty()) return "<p class=\"unknown\">none was asked</p>\n";
  std::string out = "<ul class=\"list\">\n";
  for (const auto& server : report.servers)
    out += fmt::format("<li><code>{}</code> {}<span class=\"soft\">{}</span></li>\n",
                       to_markup(to_text(server.address)), server_name(server), server_answer(server));
  return out + "</ul>\n";
}

std::string evidence(const probe::Report& report) {
  if (report.evidence.empty()) return "<p class=\"unknown\">none</p>\n";
  std::string out = "<ul class=\"list\">\n";
  for (const auto& item : report.evidence)
    out += fmt::format("<li><code>{}</code> {} <span class=\"soft\">({})</span></li>\n", to_markup(item.about),
                       to_markup(item.detail), to_markup(item.reason));
  return out + "</ul>\n";
}

std::string ways_out(const probe::Report& report) {
  if (!report.ways_out) return {};
  std::string out = "<ul class=\"list\">\n";
  if (report.captive_portal == true)
    out += fmt::format("<li>login page: {}</li>\n", to_markup(explanation(report, "captive_portal")));
  for (const auto& way : *report.ways_out)
    out += fmt::format("<li>{} <code>{}</code> <span class=\"soft\">answers</span></li>\n", way.transport,
                       to_markup(to_text(way.server)));
  if (report.ways_out->empty())
    out += fmt::format("<li class=\"unknown\">{}</li>\n", to_markup(explanation(report, "ways_out")));
  return section("Ways out, since UDP is not", out + "</ul>\n");
}

std::string footer(const probe::Report& report) {
  return fmt::format("<footer>Measured by nat-probe with {} packets in {:.1f} ms.</footer>\n", report.packets_sent,
                     to_ms(report.elapsed));
}
}  // namespace

std::string to_html(const probe::Report& report) {
  const auto verdict = verdict_of(report);
  return head(verdict) + "<body>\n<main>\n" + headline(verdict) + "<div class=\"flow\">\n" + paths(report) +
         section("Which peers can be reached", matrix(report)) + section("What others call it", labels(report)) +
         ways_out(report) + section("TCP and packet sizes", fact_list(tcp_and_size_facts(report))) +
         section("IPv4 over IPv6", fact_list(nat64_facts(report))) +
         section("Port mapping by the router", fact_list(port_mapping_facts(report.port_mapping))) + values(report) +
         "</div>\n" + section("Servers", servers(report)) + section("What this rests on", evidence(report)) +
         footer(report) + "</main>\n</body>\n</html>\n";
}
}  // namespace natkit::report
