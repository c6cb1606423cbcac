#include "natkit/report/mesh_events.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"
#include "natkit/report/labels.hpp"

namespace natkit::report {
namespace {
constexpr std::size_t short_id = 8;

Json milliseconds(Duration duration) { return std::round(to_ms(duration) * 1000.0) / 1000.0; }

Json event(std::string_view name) { return {{"schema", "natkit/meshctl/1"}, {"event", name}}; }
Json or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

Json path_json(const std::optional<PathFacts>& path) {
  if (!path) return nullptr;
  return {{"kind", to_text(path->kind)},
          {"transport", to_text(path->transport)},
          {"local", path->local ? Json(to_text(*path->local)) : Json(nullptr)},
          {"remote", to_text(path->remote)},
          {"rtt_ms", path->rtt ? milliseconds(*path->rtt) : Json(nullptr)}};
}

Json traffic_json(const MeshTraffic& traffic) {
  const auto volume = [](const MeshVolume& bytes) {
    return Json{{"sent_bytes", bytes.sent}, {"received_bytes", bytes.received}};
  };
  return {{"direct", volume(traffic.direct)}, {"routed", volume(traffic.routed)}, {"relayed", volume(traffic.relayed)}};
}

template <class Value>
Json known(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json fitness_json(const MeshFitness& fitness) {
  const auto part = [](Json value, const MeshFitness::Part& counts) {
    return Json{{"value", std::move(value)}, {"points", counts.points}, {"weight", counts.weight}};
  };
  const auto time = [](const std::optional<Duration>& value) { return value ? milliseconds(*value) : Json(nullptr); };
  return {{"score", fitness.score},
          {"can_host", known(fitness.can_host)},
          {"heard_by", known(fitness.heard_by)},
          {"reach", part(or_null(fitness.reach), fitness.for_reach)},
          {"rtt_ms", part(time(fitness.mean_rtt), fitness.for_rtt)},
          {"loss", part(known(fitness.loss), fitness.for_loss)},
          {"age_ms", part(time(fitness.age), fitness.for_age)},
          {"failures", part(known(fitness.failures), fitness.for_failures)},
          {"strain", part(known(fitness.strain), fitness.for_strain)}};
}

Json member_json(const MeshMember& member) {
  return {{"member", member.id},
          {"name", member.name},
          {"number", member.number},
          {"self", member.is_self},
          {"host", member.is_host},
          {"voter", member.is_voter},
          {"ready", member.is_ready},
          {"rank", member.rank ? Json(*member.rank) : Json(nullptr)},
          {"path", path_json(member.path)},
          {"via", or_null(member.via)},
          {"score", known(member.score)},
          {"fitness", member.fitness ? fitness_json(*member.fitness) : Json(nullptr)},
          {"traffic", member.traffic ? traffic_json(*member.traffic) : Json(nullptr)}};
}

Json behaviors_json(const BehaviorSet& set) {
  if (set.is_unknown()) return nullptr;
  if (const auto one = set.single()) return to_text(*one);
  auto left = Json::array();
  for (const auto behavior : members(set)) left.push_back(to_text(behavior));
  return left;
}

Json reach_json(const MeshReach& reach) {
  const auto endpoint = [](const std::optional<Endpoint>& value) {
    return value ? Json(to_text(*value)) : Json(nullptr);
  };
  const auto& port = reach.port;
  Json forward = nullptr;
  if (reach.forward)
    forward = {{"protocol", "udp"},
               {"internal", to_text(reach.forward->internal)},
               {"external_port", reach.forward->external_port},
               {"rule", reach.forward->rule}};
  return {{"reach", or_null(reach.reach)},
          {"reason", reach.reason},
          {"can_host", known(reach.can_host)},
          {"nat", known(reach.nat)},
          {"mapping", behaviors_json(reach.mapping)},
          {"filtering", behaviors_json(reach.filtering)},
          {"seen_as", endpoint(reach.seen_as)},
          {"port",
           {{"state", port.state},
            {"external", endpoint(port.external)},
            {"internal", endpoint(port.internal)},
            {"method", or_null(port.method)},
            {"detail", or_null(port.detail)}}},
          {"forward", std::move(forward)},
          {"evidence", reach.evidence}};
}

Json pairs_json(const std::vector<MeshPair>& pairs) {
  auto out = Json::array();
  for (const auto& pair : pairs)
    out.push_back(
        {{"a", pair.a}, {"b", pair.b}, {"predicted", or_null(pair.predicted)}, {"achieved", or_null(pair.has)}});
  return out;
}

void add_status(Json& out, const MeshStatus& status) {
  const auto if_known = [&](Json value) { return status.is_known() ? std::move(value) : Json(nullptr); };
  out["session"] = or_null(status.session);
  out["name"] = status.name;
  out["state"] = status.state;
  out["host"] = or_null(status.host);
  out["epoch"] = if_known(status.epoch);
  out["sequence"] = if_known(status.sequence);
  out["max"] = if_known(status.most);
  out["locked"] = if_known(status.is_locked);
  out["witness"] = or_null(status.witness);
  out["server"] = status.server ? Json(to_text(*status.server)) : Json(nullptr);
  out["carried_bytes"] = status.carried_bytes;
  out["traffic"] = traffic_json(status.traffic);
  out["members"] = Json::array();
  for (const auto& member : status.members) out["members"].push_back(member_json(member));
  out["reach"] = status.reach ? reach_json(*status.reach) : Json(nullptr);
  out["pairs"] = pairs_json(status.pairs);
}

std::string self_of(const MeshStatus& status) {
  for (const auto& member : status.members)
    if (member.is_self) return member.id;
  return {};
}

std::string name_in(const MeshStatus& status, std::string_view id) {
  for (const auto& member : status.members)
    if (member.id == id) return short_name_of(member);
  return std::string{id.substr(0, short_id)};
}

std::string way_of(const MeshMember& member, const MeshStatus& status) {
  if (member.is_self) return "this host";
  if (!member.path) return "no link";
  std::string way{to_text(member.path->kind)};
  if (!member.via.empty()) way += " by " + name_in(status, member.via);
  return way;
}
}  // namespace

std::string short_name_of(const MeshMember& member) {
  return member.name.empty() ? member.id.substr(0, short_id) : printable(member.name);
}

std::string MeshEvents::registered(const Endpoint& server) {
  auto out = event("registered");
  out["server"] = to_text(server);
  return dump(out);
}

std::string MeshEvents::joined(const MeshStatus& status) {
  auto out = event("joined");
  out["member"] = or_null(self_of(status));
  add_status(out, status);
  return dump(out);
}

std::string MeshEvents::member_joined(std::string_view member, std::string_view name) {
  auto out = event("member-joined");
  out["member"] = member;
  out["name"] = name;
  return dump(out);
}

std::string MeshEvents::member_left(std::string_view member, std::string_view name, std::string_view cause) {
  auto out = event("member-left");
  out["member"] = member;
  out["name"] = name;
  out["cause"] = cause;
  return dump(out);
}

std::string MeshEvents::host_changed(std::string_view before, std::string_view now, std::uint64_t epoch,
                                     std::string_view cause) {
  auto out = event("host-changed");
  out["old"] = or_null(before);
  out["new"] = now;
  out["epoch"] = epoch;
  out["cause"] = cause;
  return dump(out);
}

std::string MeshEvents::became_host(std::uint64_t epoch) {
  auto out = event("became-host");
  out["epoch"] = epoch;
  return dump(out);
}

std::string MeshEvents::state_inherited(std::size_t bytes, Duration age) {
  auto out = event("state-inherited");
  out["state_bytes"] = bytes;
  out["age_ms"] = milliseconds(age);
  return dump(out);
}

std::string MeshEvents::link(std::string_view peer, const std::optional<PathFacts>& path, std::string_view via) {
  auto out = event("link");
  out["peer"] = peer;
  out["path"] = path_json(path);
  out["via"] = or_null(via);
  return dump(out);
}

std::string MeshEvents::invite(const MeshInvite& invite) {
  auto out = event("invite");
  out["invite"] = invite.text;
  out["scope"] = invite.scope;
  out["entries"] = Json::array();
  for (const auto& [member, endpoints] : invite.entries) {
    auto& entry = out["entries"].emplace_back(Json{{"member", member}, {"endpoints", Json::array()}});
    for (const auto& endpoint : endpoints) entry["endpoints"].push_back(to_text(endpoint));
  }
  return dump(out);
}

std::string MeshEvents::entered(std::string_view member, std::string_view by, const std::optional<PathFacts>& path) {
  auto out = event("entered");
  out["member"] = member;
  out["by"] = by;
  out["path"] = path_json(path);
  return dump(out);
}

std::string MeshEvents::paused() { return dump(event("paused")); }
std::string MeshEvents::resumed() { return dump(event("resumed")); }
std::string MeshEvents::forked(std::string_view session, std::string_view origin) {
  auto out = event("forked");
  out["session"] = session;
  out["origin"] = origin;
  return dump(out);
}

std::string MeshEvents::merged(std::string_view from) {
  auto out = event("merged");
  out["from"] = from;
  return dump(out);
}

std::string MeshEvents::all_ready() { return dump(event("all-ready")); }
std::string MeshEvents::ended() { return dump(event("ended")); }

std::string MeshEvents::rejected(std::string_view reason, std::string_view text, const std::vector<std::string>& peers,
                                 const std::vector<MeshPair>& pairs) {
  auto out = event("rejected");
  out["reason"] = reason;
  out["text"] = or_null(text);
  out["peers"] = peers;
  out["pairs"] = pairs_json(pairs);
  return dump(out);
}

std::string MeshEvents::reach(const MeshReach& reach) {
  auto out = event("reach");
  const auto facts = reach_json(reach);
  for (const auto& [key, value] : facts.items()) out[key] = value;
  return dump(out);
}

std::string MeshEvents::removed(std::string_view cause) {
  auto out = event("removed");
  out["cause"] = cause;
  return dump(out);
}

std::string MeshEvents::message(std::string_view from, std::string_view name, std::string_view text) {
  auto out = event("message");
  out["from"] = from;
  out["name"] = name;
  out["text"] = text;
  return dump(out);
}

std::string MeshEvents::trouble(const Error& error) {
  auto out = event("trouble");
  out["reason"] = error.reason;
  out["detail"] = error.detail;
  out["advice"] = or_null(error.advice);
  return dump(out);
}

std::string MeshEvents::status(const MeshStatus& status) {
  auto out = event("status");
  out["member"] = or_null(self_of(status));
  add_status(out, status);
  return dump(out);
}

std::string MeshEvents::list(const std::vector<MeshRow>& rows) {
  Json out{{"schema", "natkit/meshctl/1"}, {"sessions", Json::array()}};
  for (const auto& row : rows) {
    Json tags = Json::object();
    for (const auto& [key, value] : row.tags) tags[key] = value;
    out["sessions"].push_back({{"session", row.session},
                               {"name", row.name},
                               {"game", or_null(row.game)},
                               {"tags", tags},
                               {"host", or_null(row.host)},
                               {"address", row.address},
                               {"members", row.members},
                               {"max", row.most == 0 ? Json(nullptr) : Json(row.most)},
                               {"password", row.has_password},
                               {"router_is_open", row.router_is_open ? Json(*row.router_is_open) : Json(nullptr)},
                               {"age_ms", milliseconds(row.age)}});
  }
  return dump(out);
}

std::string MeshEvents::done(std::string_view command) {
  const Json out{{"schema", "natkit/meshctl/1"}, {"command", command}, {"done", true}};
  return dump(out);
}

std::string MeshWords::joined(const MeshStatus& status) {
  return fmt::format("{} stands with {} member{}; {} leads", printable(status.name), status.members.size(),
                     status.members.size() == 1 ? "" : "s",
                     status.host == self_of(status) ? "this host" : name_in(status, status.host));
}

std::string MeshWords::member_joined(std::string_view name, std::size_t members) {
  return fmt::format("{} has joined; {} members now", printable(name), members);
}

std::string MeshWords::member_left(std::string_view name, std::string_view cause) {
  const auto* const words = cause == "left"      ? "has left"
                            : cause == "crashed" ? "has crashed"
                            : cause == "kicked"  ? "was thrown out"
                            : cause == "banned"  ? "was thrown out for good"
                                                 : "was lost";
  return fmt::format("{} {}", printable(name), words);
}

std::string MeshWords::host_changed(std::string_view before, std::string_view now, std::uint64_t epoch,
                                    std::string_view cause) {
  if (before.empty()) return fmt::format("{} leads (epoch {})", printable(now), epoch);
  return fmt::format("{} leads now in place of {} ({}; epoch {})", printable(now), printable(before), cause, epoch);
}

std::string MeshWords::link(std::string_view name, const std::optional<PathFacts>& path, std::string_view via) {
  if (!path) return fmt::format("the link with {} is gone", printable(name));
  return fmt::format("linked with {}: {}{}{}", printable(name), to_text(path->kind),
                     via.empty() ? std::string{} : " by " + printable(via),
                     path->rtt ? fmt::format(", round trip {:.1f} ms", to_ms(*path->rtt)) : std::string{});
}

namespace {
std::string fitness_of(const MeshStatus& status) {
  std::vector<std::string> names;
  std::vector<MeshFitness> members;
  for (const auto& member : status.members)
    if (member.fitness) {
      names.push_back(short_name_of(member));
      members.push_back(*member.fitness);
    }
  return members.empty() ? std::string{} : '\n' + fitness_table(names, members);
}

std::string reach_line(const MeshStatus& status) {
  if (!status.reach) return {};
  return fmt::format("reach    {}\ncan host {}\n", reach_text(*status.reach), can_host_text(status.reach->can_host));
}

std::string pairs_of(const MeshStatus& status) {
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& member : status.members) names.emplace_back(member.id, short_name_of(member));
  const auto matrix = pair_matrix(names, status.pairs);
  return matrix.empty() ? matrix : '\n' + matrix;
}
}  // namespace

std::string MeshWords::invite_note(std::string_view scope) {
  if (scope == "network")
    return "the invite has private addresses only: nobody but hosts of this network can use it. A port that the router "
           "opens, or a rendezvousd at --server, lets others in";
  if (scope == "perhaps")
    return "whether others can use the invite depends on the NATs before the members, which may let no stranger in";
  return {};
}

std::string MeshWords::status(const MeshStatus& status) {
  if (!status.is_known())
    return fmt::format("session  {}\nstate    {}\nserver   {}\n{}", printable(status.name), status.state,
                       status.server ? to_text(*status.server) : "not connected", reach_line(status));
  return fmt::format(
             "session  {}  {} of {} members{}\nhost     {}  epoch {}\nstate    {}\nserver   {}{}\n"
             "traffic  {}\ncarried  {} for others\n{}\n",
             printable(status.name), status.members.size(), status.most, status.is_locked ? ", locked" : "",
             name_in(status, status.host), status.epoch, status.state,
             status.server ? to_text(*status.server) : "not connected; goes on without",
             status.witness == "votes" ? ", votes with the members" : "", to_text(status.traffic),
             bytes_text(status.carried_bytes), reach_line(status)) +
         members(status) + fitness_of(status) + pairs_of(status);
}

std::string MeshWords::members(const MeshStatus& status) {
  std::size_t widest = 6;
  for (const auto& member : status.members) widest = std::max(widest, short_name_of(member).size());
  auto out =
      fmt::format("{:<{}}  {:<8}  {:<4}  {:<5}  {:>9}  {}\n", "member", widest, "id", "role", "ready", "rtt", "path");
  for (const auto& member : status.members)
    out += fmt::format("{:<{}}  {:<8}  {:<4}  {:<5}  {:>9}  {}\n", short_name_of(member), widest,
                       member.id.substr(0, short_id),
                       member.is_host ? "host"
                       : member.rank  ? fmt::format("{}", *member.rank)
                                      : "",
                       member.is_ready ? "yes" : "no",
                       member.path && member.path->rtt ? fmt::format("{:.1f} ms", to_ms(*member.path->rtt)) : "",
                       way_of(member, status));
  return out;
}

std::string MeshWords::list(const std::vector<MeshRow>& rows) {
  if (rows.empty()) return "no sessions are listed there\n";
  std::string out =
      fmt::format("{:<24}  {:<12}  {:>7}  {:<8}  {:<22}\n", "session", "game", "members", "password", "host address");
  for (const auto& row : rows)
    out += fmt::format("{:<24}  {:<12}  {:>7}  {:<8}  {:<22}\n", printable(row.name), printable(row.game),
                       row.most == 0 ? fmt::format("{}", row.members) : fmt::format("{}/{}", row.members, row.most),
                       row.has_password ? "yes" : "no", row.address);
  return out;
}
}  // namespace natkit::report
