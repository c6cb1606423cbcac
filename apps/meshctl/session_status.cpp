#include <algorithm>

#include "session.hpp"

// What this host knows of the session, as it is shown.
namespace natkit {
namespace {
report::PathKind kind_of(const ice::Path& path) {
  using report::PathKind;
  if (path.is_routed()) return PathKind::routed;
  if (path.is_relayed()) return PathKind::relayed;
  if (path.local_kind == ice::Kind::mapped || path.remote_kind == ice::Kind::mapped) return PathKind::mapped;
  return path.local_kind == ice::Kind::host && path.remote_kind == ice::Kind::host ? PathKind::host
                                                                                   : PathKind::reflexive;
}

report::MeshTraffic told(const link::Traffic& traffic) {
  const auto volume = [](const link::Volume& bytes) { return report::MeshVolume{bytes.sent, bytes.received}; };
  return {volume(traffic.direct), volume(traffic.routed), volume(traffic.relayed)};
}

std::string told(mesh::Reach reach) {
  switch (reach) {
    case mesh::Reach::unknown:
      return {};
    case mesh::Reach::hard:
      return "hard";
    case mesh::Reach::easy:
      return "easy";
    case mesh::Reach::open:
      return "open";
  }
  return {};
}

std::string_view told(mesh::Way way) {
  switch (way) {
    case mesh::Way::unknown:
      return {};
    case mesh::Way::direct:
      return "direct";
    case mesh::Way::routed:
      return "routed";
    case mesh::Way::relayed:
      return "relayed";
  }
  return {};
}

report::MeshFitness fitness_of(const mesh::Aptitude& known, std::size_t members) {
  const auto score = mesh::score_of(known, members);
  constexpr const auto& weights = mesh::score_weights;
  report::MeshFitness fitness{.reach = told(known.reach),
                              .heard_by = known.reached,
                              .mean_rtt = known.mean_rtt,
                              .loss = known.loss,
                              .age = known.age,
                              .failures = known.failures,
                              .strain = known.strain,
                              .for_reach = {score.reach, weights.reach},
                              .for_rtt = {score.rtt, weights.rtt},
                              .for_loss = {score.loss, weights.loss},
                              .for_age = {score.age, weights.age},
                              .for_failures = {score.failures, weights.failures},
                              .for_strain = {score.strain, weights.strain},
                              .score = score.total};
  // Who has a NAT that maps each peer to another port is not found at the port that the server saw.
  if (known.reach != mesh::Reach::unknown) fitness.can_host = known.reach != mesh::Reach::hard;
  return fitness;
}
}  // namespace

std::optional<report::PathFacts> Session::facts(const std::optional<ice::Path>& path) const {
  if (!path) return std::nullopt;
  const auto& gathering = node_.hub().gathering();
  auto local = path->mapped;
  if (!local && !path->is_routed()) local = gathering.local(path->socket);
  return report::PathFacts{.kind = kind_of(*path),
                           .transport = path->is_routed() ? Protocol::udp : gathering.transport(path->socket),
                           .local = local,
                           .remote = path->remote,
                           .rtt = path->rtt};
}

report::MeshStatus Session::status(Instant now) const {
  const auto& member = node_.member();
  const auto& view = member.view();
  report::MeshStatus status{.name = options_.session, .state = is_over_ ? "over" : "joining", .server = server_};
  status.carried_bytes = node_.carried_bytes();
  status.traffic = told(node_.traffic());
  status.reach = reach_facts();
  for (const auto& pair : node_.pairs(now))
    status.pairs.push_back(
        {to_text(pair.a), to_text(pair.b), std::string{mesh::to_text(pair.need)}, std::string{told(pair.way)}});
  if (!view) return status;
  status.session = to_text(view->session);
  status.name = view->settings.name;
  status.host = to_text(view->host);
  status.epoch = view->version.epoch;
  status.sequence = view->version.sequence;
  status.most = view->settings.most;
  if (view->witness) status.witness = view->witness->is_voter ? "votes" : "listens";
  status.is_locked = view->settings.standing == mesh::Standing::locked;
  status.state = is_paused_ ? "paused" : member.acts(now) ? "host" : "member";
  for (const auto& each : view->members) {
    const auto path = node_.path_to(each.self.id);
    const auto rank = std::ranges::find(view->succession, each.self.id);
    report::MeshMember known{.id = to_text(each.self.id),
                             .name = each.self.name,
                             .number = each.number,
                             .is_self = each.self.id == member.id(),
                             .is_host = each.self.id == view->host,
                             .is_voter = each.is_voter,
                             .is_ready = each.is_ready};
    if (rank != view->succession.end() && !known.is_host)
      known.rank = static_cast<unsigned>(rank - view->succession.begin()) + 1;
    if (path) {
      known.path = facts(path->path);
      if (path->via) known.via = to_text(*path->via);
    }
    known.fitness = fitness_of(member.aptitude_of(now, each.self.id), view->members.size());
    known.score = known.fitness->score;
    if (!known.is_self) known.traffic = told(node_.traffic_with(each.self.id));
    status.members.push_back(std::move(known));
  }
  return status;
}
}  // namespace natkit
