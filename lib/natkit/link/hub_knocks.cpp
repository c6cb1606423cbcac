// Links to and from whoever shares a secret and has no server to meet at.
#include <algorithm>
#include <utility>

#include "natkit/link/hub.hpp"

namespace natkit::link {
namespace {
constexpr std::size_t most_remembered = 256;  ///< knocks that were heard: as many as the limits let in within minutes
}

void Hub::listen_for_knocks(const KnockSecret& secret) {
  if (door_ && door_->secret == secret) return;
  door_ = Door{.secret = secret, .credentials = host_credentials(secret)};
}

std::optional<LinkId> Hub::knock(Instant now, const KnockSecret& secret, std::span<const Endpoint> endpoints,
                                 const crypto::Fingerprint& host) {
  if (endpoints.empty() || links_.size() >= config_.most_links) return std::nullopt;
  auto agent = config_.agent;
  agent.local = make_knock(secret, config_.identity.fingerprint(), rng_);
  // The host hears of no address of ours but the one that the knock comes from.
  agent.most_fresh_bases = 0;
  const auto id = add_link(std::move(agent), config_.knocks.relays);
  auto& one = links_.at(id);
  for (const auto& local : gathering_.candidates())
    if (local.manner == ice::Manner::fires && !one.holds_back(local.candidate)) one.link->add_local(now, local);
  Link::Peer peer{.description = {.ice = {.credentials = host_credentials(secret), .dialect = ice::Dialect::natkit},
                                  .fingerprint = host},
                  .role = ice::Role::controlling,
                  .start_at = now};
  auto preference = ice::preference_of(ice::Manner::fires);
  for (const auto& endpoint : endpoints.first(std::min(endpoints.size(), ice::most_candidates)))
    peer.description.ice.candidates.push_back(
        ice::make_candidate(ice::Kind::server_reflexive, ice::Transport::udp, endpoint,
                            {.base = endpoint, .local_preference = preference--}));
  begin(now, id, peer);
  return id;
}

/// What none of the links took. True: it was a knock, and a link has been opened for it.
bool Hub::hear_knock(Instant now, const Datagram& in) {
  if (!door_ || in.protocol != Protocol::udp) return false;
  auto knocker = read_knock(in.payload, door_->credentials, door_->secret);
  if (!knocker || !may_open_for_knock(now)) return false;
  if (std::ranges::find(door_->heard, knocker->credentials.ufrag) != door_->heard.end()) return false;
  door_->heard.push_back(knocker->credentials.ufrag);
  if (door_->heard.size() > most_remembered) door_->heard.pop_front();
  door_->allowance->take(1);

  auto agent = config_.agent;
  agent.local = door_->credentials;
  agent.fragment = ice::Agent::Fragment::shared;
  agent.most_fresh_bases = 0;
  const auto id = add_link(std::move(agent), config_.knocks.relays);
  auto& one = links_.at(id);
  one.is_knocked = true;
  // By which socket the knock came is all that matters: the knocker hears of no other.
  for (const auto& local : gathering_.candidates())
    if (local.base == in.socket) one.link->add_local(now, local);
  events_.emplace_back(Knocked{.link = id, .fingerprint = knocker->fingerprint});
  begin(now, id,
        {.description = {.ice = {.credentials = std::move(knocker->credentials), .dialect = ice::Dialect::natkit},
                         .fingerprint = knocker->fingerprint},
         .role = ice::Role::controlled,
         .start_at = now});
  return entry(id)->link->handle_datagram(now, in);
}

bool Hub::may_open_for_knock(Instant now) {
  const auto& limits = config_.knocks;
  const auto is_open = [](const auto& entry) {
    const auto& [link, one] = entry;
    return one.is_knocked && !one.link->is_secured() && !one.link->is_over();
  };
  if (links_.size() >= config_.most_links ||
      std::ranges::count_if(links_, is_open) >= static_cast<std::ptrdiff_t>(limits.most_unproven))
    return false;
  if (!door_->allowance) door_->allowance.emplace(limits.rate, now);
  return door_->allowance->level(limits.rate, now) >= 1;
}
}  // namespace natkit::link
