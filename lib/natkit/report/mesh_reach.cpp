#include "natkit/report/mesh_reach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/printable.hpp"

namespace natkit::report {
namespace {
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> reasons{{
    {"not-measured", "no server outside of this host was asked what NAT is before it"},
    {"measuring", "it is being measured"},
    {"no-answer", "no server answered over UDP"},
    {"server-inside", "the server sees a private address of this host, so it is not outside"},
    {"not-decided", "the server's answers leave it open; one with a second address would decide"},
    {"open", "packets of strangers pass"},
    {"mapped", "a port of the router's leads here"},
    {"same-port", "others reach it once both sides send"},
    {"port-each-peer", "its NAT shows each peer another port"},
    {"udp-blocked", "UDP does not pass"},
}};

std::string_view words_for(std::string_view reason) {
  const auto* const found = std::ranges::find(reasons, reason, &std::pair<std::string_view, std::string_view>::first);
  return found == reasons.end() ? reason : found->second;
}

std::string short_need(std::string_view predicted) {
  if (predicted.empty()) return "?";
  return std::string{predicted == "direct-with-prediction" ? std::string_view{"guess"} : predicted};
}
}  // namespace

std::string reach_text(const MeshReach& reach) {
  const auto because = words_for(reach.reason);
  const auto port = reach.port.state == "held" && reach.port.external
                        ? fmt::format("; the router's port {} is this host's ({})", to_text(*reach.port.external),
                                      printable(reach.port.method))
                    : reach.port.state == "given-back" ? std::string{"; the router's port was given back"}
                    : reach.port.state == "useless" && reach.port.external
                        ? fmt::format("; the router opened {}, which is not where the internet sees this host",
                                      to_text(*reach.port.external))
                    : reach.port.state == "refused" && !reach.port.detail.empty()
                        ? fmt::format("; no port at the router: {}", printable(reach.port.detail))
                        : std::string{};
  const auto* const what = reach.reach == "open"   ? "anybody can reach this host"
                           : reach.reach == "easy" ? "most others can reach this host"
                           : reach.reach == "hard" ? "strangers cannot reach this host"
                                                   : "whether others can reach this host is not known";
  return fmt::format("{}: {}{}", what, because, port);
}

std::string can_host_text(const std::optional<bool>& can_host) {
  if (!can_host) return "unknown";
  return *can_host ? "yes" : "no";
}

std::string forward_text(const MeshReach& reach) {
  if (reach.reach != "hard") return {};
  if (reach.reason == "udp-blocked")
    return "UDP does not pass here, so others reach this host by a relay at most: ask whoever runs this network";
  const auto why = fmt::format("strangers cannot reach this host: {}", words_for(reach.reason));
  if (!reach.forward) return reach.port.detail.empty() ? why : fmt::format("{}; {}", why, printable(reach.port.detail));
  return fmt::format("{}, and {}. Forward UDP port {} to {}: {}", why,
                     reach.port.state == "not-asked" ? "no router was asked for a port" : "the router opens no port",
                     reach.forward->external_port, to_text(reach.forward->internal), printable(reach.forward->rule));
}

std::string pair_matrix(const std::vector<std::pair<std::string, std::string>>& names,
                        const std::vector<MeshPair>& pairs) {
  if (names.size() < 2 || pairs.empty()) return {};
  const auto cell = [&](std::size_t row, std::size_t column) -> std::string {
    if (row == column) return "-";
    const auto& one = names[row].first;
    const auto& other = names[column].first;
    const auto found = std::ranges::find_if(pairs, [&](const MeshPair& pair) {
      return (pair.a == one && pair.b == other) || (pair.a == other && pair.b == one);
    });
    if (found == pairs.end()) return "?";
    return row < column ? short_need(found->predicted) : found->has.empty() ? "?" : found->has;
  };
  std::size_t widest = 7;  // "relayed"
  for (const auto& [id, name] : names) widest = std::max(widest, name.size());
  const auto title = std::max<std::size_t>(widest, 5);
  auto out = fmt::format("{:<{}}", "pairs", title);
  for (const auto& [id, name] : names) out += fmt::format("  {:<{}}", name, widest);
  out = out.substr(0, out.find_last_not_of(' ') + 1) + '\n';
  for (std::size_t row = 0; row < names.size(); ++row) {
    auto line = fmt::format("{:<{}}", names[row].second, title);
    for (std::size_t column = 0; column < names.size(); ++column)
      line += fmt::format("  {:<{}}", cell(row, column), widest);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out + "right of the diagonal what a pair is predicted to need, left of it what it has\n";
}

std::string need_text(std::string_view predicted) {
  if (predicted == "direct") return "should connect directly";
  if (predicted == "direct-with-prediction")
    return "one NAT shows each peer another port and the other filters by port: needs a relay, or a member that "
           "carries packets";
  if (predicted == "member") return "needs a member that carries packets";
  if (predicted == "relay")
    return "both NATs show each peer another port: needs a relay, or a member that carries packets";
  return {};
}
}  // namespace natkit::report
