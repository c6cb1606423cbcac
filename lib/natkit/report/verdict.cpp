#include "natkit/report/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "natkit/report/advice.hpp"
#include "natkit/report/labels.hpp"

namespace natkit::report {
namespace {
using enum Behavior;

constexpr std::array<std::string_view, 5> grades{"Unknown", "Blocked", "Hard", "Good", "Open"};

constexpr std::string_view advise_allow_udp =
    "Ask whoever runs this network to let UDP out; until then only TCP is left, for most peers through a relay.";
constexpr std::string_view advise_two_addresses =
    "Ask a server with two addresses (rendezvousd --alternate) for a full answer.";
constexpr std::string_view advise_again = "Run it again, or name another server: too few answers came back.";

struct Finding {
  Grade grade = Grade::unknown;
  std::string_view phrase;
  std::vector<std::string_view> advice = {};
};

Finding without_nat(const BehaviorSet& filtering) {
  if (filtering == endpoint_independent)
    return {Grade::open, "no NAT and no firewall is in the way; any player can reach you directly"};
  if (filtering.contains(endpoint_independent))
    return {Grade::good, "no NAT is in the way; whether a firewall keeps unasked packets out is not known"};
  return {Grade::good, "no NAT, only a firewall; most players can reach you directly once both sides send"};
}

Finding one_port_for_all(const BehaviorSet& filtering) {
  if (filtering == endpoint_independent)
    return {Grade::open, "the NAT lets everyone in through your one public port; other players can reach you directly"};
  if (filtering == address_dependent) return {Grade::good, "nearly all other players can reach you directly"};
  if (filtering == address_and_port_dependent)
    return {Grade::good, "most other players can reach you directly; those behind a symmetric NAT may need a relay"};
  return {Grade::good, "most other players can reach you directly; how strictly the NAT filters is not known"};
}

Finding assess(const probe::FamilyReport& family) {
  if (!family.mapped) return {Grade::unknown, "no server answered", {advise_again}};
  if (family.nat == false) return without_nat(family.filtering);
  if (family.mapping == endpoint_independent) return one_port_for_all(family.filtering);
  if (!family.mapping.contains(endpoint_independent))
    return {Grade::hard,
            "the NAT gives you another public port for each player; only players with an open network can reach you "
            "directly"};
  return {Grade::unknown,
          "whether the NAT keeps one public port for all players could not be told",
          {family.mapping.is_unknown() ? advise_again : advise_two_addresses}};
}

/// The first that says more than that somebody did not answer; with several servers there is always one such.
const probe::Evidence* best_evidence(const probe::Report& report, std::string_view about) {
  const probe::Evidence* best = nullptr;
  for (const auto& evidence : report.evidence) {
    if (evidence.about != about) continue;
    if (evidence.reason != "no-answer") return &evidence;
    if (best == nullptr) best = &evidence;
  }
  return best;
}

const std::optional<probe::FamilyReport>& of(const probe::Report& report, Family family) {
  return family == Family::ipv4 ? report.ipv4 : report.ipv6;
}

/// Nobody answered: the sentence is the evidence's own where it says just that, else its reason stands in brackets.
std::string with_reason(const probe::Report& report, std::string_view phrase) {
  const auto* evidence = best_evidence(report, "udp");
  if (evidence == nullptr) return std::string(phrase);
  return evidence->reason == "no-answer" ? evidence->detail : fmt::format("{} ({})", phrase, evidence->detail);
}

/// "; over IPv6: …" where the other family was measured and is a different matter.
std::string other_family(const probe::Report& report, Family leading, Grade grade) {
  const auto other = leading == Family::ipv4 ? Family::ipv6 : Family::ipv4;
  const auto& family = of(report, other);
  if (!family || !family->mapped) return {};
  const auto finding = assess(*family);
  return finding.grade == grade ? std::string{} : fmt::format("; over {}: {}", to_text(other), finding.phrase);
}
}  // namespace

std::string_view to_text(Grade grade) { return grades.at(static_cast<std::size_t>(grade)); }

std::string_view explanation(const probe::Report& report, std::string_view about) {
  const auto* evidence = best_evidence(report, about);
  return evidence == nullptr ? std::string_view{} : std::string_view{evidence->detail};
}

namespace {
/// The first that is no other than the server's own port over TCP.
const probe::WayOut* other_way_out(const probe::Report& report, std::string_view transport) {
  if (!report.ways_out) return nullptr;
  const auto is_own = [&](const Endpoint& endpoint) {
    return std::ranges::any_of(report.servers, [&](const auto& server) { return server.address == endpoint; });
  };
  const auto way = std::ranges::find_if(
      *report.ways_out, [&](const auto& one) { return one.transport == transport && !is_own(one.server); });
  return way == report.ways_out->end() ? nullptr : &*way;
}

constexpr std::string_view advise_log_in =
    "Open any address that begins with http:// (not https://) in a browser on this host, log in or accept what is "
    "asked "
    "there, and run nat-probe again.";

Verdict behind_a_portal() {
  constexpr auto word = Grade::blocked;
  return {
      word,
      fmt::format("{}: this network shows a login page before it lets anything out (captive portal)", to_text(word)),
      {std::string{advise_log_in}}};
}

Verdict perhaps_behind_a_portal() {
  constexpr auto word = Grade::unknown;
  return {word,
          fmt::format("{}: no server answered, but something answers web pages in the name of others, perhaps a login "
                      "page (captive portal)",
                      to_text(word)),
          {std::string{advise_log_in}, "Where no page asks for that, name another server: this one may be down."}};
}

Verdict blocked(const probe::Report& report) {
  constexpr auto word = Grade::blocked;
  if (const auto* udp = other_way_out(report, "udp"))
    return {word,
            fmt::format("{}: UDP does not get through at the usual port, but it does at port {}", to_text(word),
                        udp->server.port),
            {fmt::format("Use servers that serve at UDP port {} (rendezvousd --listen), since it is let out; or ask "
                         "whoever runs this network to let all UDP out.",
                         udp->server.port)}};
  std::vector<std::string> advice{std::string(advise_allow_udp)};
  if (const auto* tcp = other_way_out(report, "tcp"))
    advice.push_back(
        fmt::format("Meanwhile use a server at TCP port {}, which is let out: punch --transport tcp --server HOST:{}.",
                    tcp->server.port, tcp->server.port));
  return {word,
          fmt::format("{}: UDP does not get through; only TCP is left, for most peers through a relay", to_text(word)),
          std::move(advice)};
}
}  // namespace

bool is_perhaps_behind_a_portal(const probe::Report& report) {
  const auto* page = best_evidence(report, "captive_portal");
  return !report.captive_portal && report.udp == probe::UdpState::unknown && page != nullptr &&
         page->reason == probe::reason_of_page;
}

Verdict verdict_of(const probe::Report& report) {
  if (report.captive_portal == true) return behind_a_portal();
  if (is_perhaps_behind_a_portal(report)) return perhaps_behind_a_portal();
  if (report.udp == probe::UdpState::blocked) return blocked(report);
  const auto leading = leading_family(report);
  Finding finding{Grade::unknown, "no server was asked"};
  std::string phrase{finding.phrase};
  if (leading) {
    const auto& family = *of(report, *leading);
    finding = assess(family);
    phrase = family.mapped ? std::string(finding.phrase) : with_reason(report, finding.phrase);
    phrase += other_family(report, *leading, finding.grade);
  }
  Verdict verdict{finding.grade,
                  fmt::format("{}: {}", to_text(finding.grade), phrase),
                  {finding.advice.begin(), finding.advice.end()}};
  const bool is_known = finding.grade == Grade::hard || finding.grade == Grade::good;
  if (is_known && of(report, *leading)->nat != false) verdict.advice = advice_of(report, *of(report, *leading));
  if (report.ipv6 && report.ipv6->mapped)
    for (auto& one : ipv6_advice_of(*report.ipv6)) verdict.advice.push_back(std::move(one));
  return verdict;
}
}  // namespace natkit::report
