#include "natkit/report/mesh_match.hpp"

#include <fmt/format.h>

#include <cmath>

#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
constexpr std::size_t short_id = 8;

Json event(std::string_view name) { return {{"schema", "natkit/meshctl/1"}, {"event", name}}; }
Json rounded(double value) { return std::round(value * 1000.0) / 1000.0; }
template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

Json player_json(const MeshPlayer& player) {
  return {{"member", player.member},
          {"self", player.is_self},
          {"reach", text_or_null(player.reach)},
          {"reached", or_null(player.reached)},
          {"rtt_ms", player.mean_rtt ? rounded(to_ms(*player.mean_rtt)) : Json(nullptr)},
          {"failed_to_host", player.failures ? rounded(*player.failures) : Json(nullptr)},
          {"strain", or_null(player.strain)},
          {"score", rounded(player.score)}};
}

Json decision_json(const MeshDecision& decision) {
  Json decided = nullptr;
  if (decision.decided) decided = decision.decided->time_since_epoch().count() * 1000;
  return {{"signed_by", decision.signer},
          {"decided_unix_ms", decided},
          {"text", decision.text},
          {"certificate", decision.certificate},
          {"signature", decision.signature}};
}

std::string name_of(const MeshPlayer& player) {
  return player.is_self ? "this host" : player.member.substr(0, short_id);
}
}  // namespace

std::vector<std::string> reasons_for_host(const MeshMatch& match) {
  if (match.players.empty()) return {};
  const auto& host = match.players.front();
  const auto others = match.players.size() - 1;
  std::vector<std::string> reasons;
  if (!host.reach.empty()) reasons.push_back("its reach is " + host.reach);
  if (host.reached && *host.reached < others)
    reasons.push_back(fmt::format("{} of {} should reach it directly", *host.reached, others));
  if (host.mean_rtt) reasons.push_back(fmt::format("{:.0f} ms to the others is expected", to_ms(*host.mean_rtt)));
  if (host.failures && *host.failures > 0)
    reasons.push_back(fmt::format("it failed to host {:.1f} times", *host.failures));
  if (host.strain) reasons.push_back(fmt::format("its machine is {} % busy", *host.strain));
  const auto next = others > 0 ? match.players[1].score : 0;
  reasons.push_back(host.score > next
                        ? fmt::format("its score is {:.2f}, the next one's {:.2f}", host.score, next)
                        : fmt::format("its score is {:.2f} as others', and its id the least", host.score));
  return reasons;
}

std::string MeshMatchEvents::seeking(std::size_t waiting, std::size_t players) {
  auto out = event("seeking");
  out["waiting"] = waiting;
  out["players"] = players;
  return dump(out);
}

std::string MeshMatchEvents::matched(const MeshMatch& match) {
  auto out = event("matched");
  out["session"] = match.session;
  out["name"] = match.name;
  out["game"] = text_or_null(match.game);
  out["tags"] = Json::object();
  for (const auto& [key, value] : match.tags) out["tags"][key] = value;
  out["host"] = match.players.empty() ? Json(nullptr) : Json(match.players.front().member);
  out["reasons"] = reasons_for_host(match);
  out["players"] = Json::array();
  for (const auto& player : match.players) out["players"].push_back(player_json(player));
  out["decision"] = match.decision ? decision_json(*match.decision) : Json(nullptr);
  return dump(out);
}

std::string MeshMatchEvents::blocked(const std::vector<std::pair<std::string, std::string>>& members) {
  Json out{{"schema", "natkit/meshctl/1"}, {"blocked", Json::array()}};
  for (const auto& [member, name] : members)
    out["blocked"].push_back({{"member", member}, {"name", text_or_null(name)}});
  return dump(out);
}

std::string MeshMatchEvents::reported(std::string_view session, std::string_view member, std::string_view standing) {
  return dump({{"schema", "natkit/meshctl/1"},
               {"command", "report"},
               {"session", session},
               {"member", member},
               {"standing", standing}});
}

std::string MeshMatchEvents::done(std::string_view command) {
  return dump({{"schema", "natkit/meshctl/1"}, {"command", command}, {"done", true}});
}

std::string MeshMatchWords::blocked(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text;
  for (const auto& [member, name] : members) text += member + (name.empty() ? "" : "  " + printable(name)) + '\n';
  return text;
}

std::string MeshMatchWords::seeking(std::size_t waiting, std::size_t players) {
  return fmt::format("waiting for a match: {} of at least {} here …", waiting, players);
}

std::string MeshMatchWords::matched(const MeshMatch& match) {
  std::string reasons;
  for (const auto& reason : reasons_for_host(match)) reasons += (reasons.empty() ? "" : ", ") + reason;
  const auto host = match.players.empty() ? std::string{"nobody"} : name_of(match.players.front());
  const auto proof = match.decision ? "signed by " + match.decision->signer.substr(0, short_id) + ", the server"
                                    : std::string{"not signed: the server is of an older version"};
  return fmt::format("matched: {} players for {}\n{} hosts: {}\n{}", match.players.size(), match.name, host, reasons,
                     proof);
}
}  // namespace natkit::report
