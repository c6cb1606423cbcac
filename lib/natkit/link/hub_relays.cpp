// Links that use relays last.
#include <algorithm>
#include <utility>

#include "natkit/link/hub.hpp"

namespace natkit::link {
namespace {
/// A relay is asked for an address and a permission, and the peer told of it: four round trips, and time to spare.
constexpr Duration time_for_relays = std::chrono::milliseconds{3000};

bool has_every_pair_failed(const Link& link) {
  const auto& pairs = link.agent().pairs();
  return !pairs.empty() &&
         std::ranges::all_of(pairs, [](const ice::Pair& pair) { return pair.state == ice::PairState::failed; });
}
}  // namespace

void Hub::add_remote(Instant now, Entry& entry, const ice::Candidate& candidate) {
  if (entry.holds_back(candidate)) {
    if (entry.held_remotes.size() < ice::most_candidates) entry.held_remotes.push_back(candidate);
    return;
  }
  permit(now, entry, candidate);
  entry.link->add_remote(now, candidate);
}

void Hub::allow_relays(Instant now, LinkId link) {
  auto* found = entry(link);
  if (!found || found->relays == RelayUse::at_once) return;
  give_relays(now, link, *found);
  flush(now);
}

void Hub::expect_route(LinkId link, Instant until) {
  auto* found = entry(link);
  if (found && found->relays == RelayUse::last) found->route_by = until;
}

void Hub::watch_relays(Instant now, LinkId link, Entry& entry) {
  if (entry.relays != RelayUse::last) return;
  if (!entry.link->has_begun() || entry.link->is_over() || entry.link->path()) {
    entry.relays_at.reset();
    return;
  }
  if (!entry.relays_at) entry.relays_at = now + config_.relay_after;
  entry.relays_at = std::max(*entry.relays_at, entry.route_by);
  // Not before the relays have been tried, too, is there no path.
  entry.link->wait_until(*entry.relays_at + time_for_relays);
  const bool is_hopeless = entry.route_by <= now && has_every_pair_failed(*entry.link);
  if (*entry.relays_at <= now || is_hopeless) give_relays(now, link, entry);
}

void Hub::give_relays(Instant now, LinkId link, Entry& entry) {
  entry.relays = RelayUse::at_once;
  entry.relays_at.reset();
  entry.link->wait_until(now + time_for_relays);
  gathering_.want_relays(now);
  for (const auto& remote : entry.link->agent().remotes()) permit(now, entry, remote);
  for (const auto& remote : std::exchange(entry.held_remotes, {})) add_remote(now, entry, remote);
  for (const auto& local : gathering_.candidates()) {
    if (local.candidate.kind != ice::Kind::relayed) continue;
    entry.link->add_local(now, local);
    events_.emplace_back(Found{.local = local, .only = link});
  }
  if (gathering_.is_done()) entry.link->end_local(now);
}
}  // namespace natkit::link
