#include "natkit/probe/planning.hpp"

#include <algorithm>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
void Planning::send(const Step& step) {
  plan.send.push_back(step);
  wake_at(now + timing.spacing);
}

void Planning::wake_at(Duration due) {
  if (due > now) plan.wake = std::min(plan.wake.value_or(due), due);
}

void Planning::send_at(Duration due, const Step& step) {
  if (due > now) return wake_at(due);
  send(step);
}

std::optional<std::uint32_t> Planning::server_behind_nat(Family family) const {
  for (const auto& sample : digest.samples)
    if (family_of(sample.server) == family) return sample.server;
  for (const auto& asked : digest.asked)
    if (asked.question == Question::mapping && family_of(asked.server) == family && asked.mapped &&
        asked.to == digest.servers[asked.server].address)
      return asked.mapped == asked.local ? std::nullopt : std::optional{asked.server};  // no NAT, no choice of ports
  return std::nullopt;
}

std::optional<Family> Planning::leading_family() const {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    for (std::uint32_t server = 0; server < digest.servers.size(); ++server) {
      if (family_of(server) != family) continue;
      const auto* asked = digest.find(Question::mapping, server);
      if (digest.servers[server].answered || asked == nullptr || !(asked->is_unsendable() || is_given_up(*asked)))
        return family;
    }
  }
  return std::nullopt;
}

Duration Planning::patience(const Asked& asked) const {
  std::optional<Duration> slowest;
  bool family_is_heard = false;
  for (const auto& server : digest.servers) {
    if (!server.rtt_max) continue;
    slowest = std::max(slowest.value_or(Duration{}), *server.rtt_max);
    if (server.address.address.family() == asked.to.address.family()) family_is_heard = true;
  }
  // Nothing that comes late gets through a login page.
  const bool is_shut_in = judge_captive_portal(digest).captive_portal == true;
  for (const auto& other : digest.asked)
    if (is_over_tcp(other.question) && other.is_answered() && (is_shut_in || is_for_a_server(other.question)))
      slowest = std::max(slowest.value_or(Duration{}), *other.copies.front().answered_at - other.first_sent());
  if (!slowest) return timing.timeout - asked.first_sent();
  return std::max(family_is_heard ? timing.patience_beside_another : timing.patience, *slowest * 4);
}
}  // namespace natkit::probe
