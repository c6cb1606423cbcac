#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/mesh/node.hpp"

/// Links without anybody's help: by knocks (link/knock.hpp), whose secret all members and invites have.
///
/// Who knocks is told from its fingerprint, which it proves later; so a link that stands is replaced only once the one
/// that was knocked for is secured. Should two knock at each other at once, the knock of the one with the lesser id
/// goes on.
///
/// A member that nobody can introduce again (a whole partition may have outlived all links) is searched for at its door
/// at the server, and where it was last. Both sides do, since perhaps only one of them can be reached by strangers:
///
///   forsaken --3 s--> searching: its door, its addresses, its door … --linked--> the others are introduced by it
///                          '-- pauses that double, to 30 s --'
namespace natkit::mesh {
namespace {
/// Links that end by themselves take so long to be missed by everybody, and elections are over.
constexpr Duration patience_of_forsaken = std::chrono::seconds{3};
constexpr Duration first_search_pause = std::chrono::seconds{2};
constexpr Duration longest_search_pause = std::chrono::seconds{30};
constexpr Duration patience_of_knock = std::chrono::milliseconds{500};
constexpr std::ptrdiff_t most_knocks_at_once = 4;  ///< of searches: each sends a packet to every address it has
}  // namespace

// --- who knocks here -----------------------------------------------------------------------------------------------

void Node::listen() {
  const auto& view = member_.view();
  if (!view || view->settings.knock.size() != link::KnockSecret{}.size()) return;
  if (!knock_) std::ranges::copy(view->settings.knock, knock_.emplace().begin());
  session_ = view->session;
  hub_.listen_for_knocks(*knock_);
}

bool Node::has_room_for(const MemberId& stranger) const {
  if (wanted_.contains(stranger) || contacts_.contains(stranger)) return true;
  const auto strangers =
      std::ranges::count_if(contacts_, [&](const auto& each) { return !wanted_.contains(each.first); });
  return static_cast<std::size_t>(strangers) + knockers_.size() < config_.most_strangers;
}

void Node::hear_knock(Instant now, const link::Hub::Knocked& knocked) {
  const MemberId peer{knocked.fingerprint.digest};
  const auto contact = contacts_.find(peer);
  const bool are_both_trying = contact != contacts_.end() && contact->second.stage == Contact::Stage::connecting;
  if (is_closing_ || peer == member_.id() || !has_room_for(peer) || (are_both_trying && member_.id() < peer))
    return hub_.drop(knocked.link);
  // A knock of ours gives way to it. What others help with does not, on a word that is not proven.
  if (are_both_trying && !contact->second.by && !contact->second.attempt) drop_link(now, peer, contact->second);
  knockers_[knocked.link] = peer;
}

void Node::hear_knocker(Instant now, link::LinkId link, const link::Link::Event& event) {
  if (std::holds_alternative<link::Link::Ended>(event)) {
    knockers_.erase(link);
    return hub_.drop(link);
  }
  if (!std::holds_alternative<link::Link::Secured>(event)) return;
  const auto peer = knockers_.at(link);
  knockers_.erase(link);
  const auto known = contacts_.find(peer);
  // What has begun since shows that the knock was given up.
  const bool is_given_up = known != contacts_.end() && known->second.stage == Contact::Stage::connecting;
  if (is_given_up || !has_room_for(peer)) return hub_.drop(link);
  auto& contact = contacts_[peer];
  if (contact.link) drop_link(now, peer, contact);
  contact.link = link;
  hear_secured(now, peer, contact);
}

// --- knocks of ours ------------------------------------------------------------------------------------------------

void Node::knock(Instant now, const MemberId& peer, Contact& contact, const std::vector<Endpoint>& endpoints) {
  const bool is_at_the_door =
      std::ranges::any_of(knockers_, [&](const auto& knocker) { return knocker.second == peer; });
  if (is_at_the_door || !knock_) return;
  const auto link = hub_.knock(now, *knock_, endpoints, crypto::Fingerprint{peer.bytes});
  if (!link) return;
  contact.link = link;
  contact.enter(now, Contact::Stage::connecting);
  contact.deadline = now + config_.attempt;
}

/// All at once: the first that answers lets this host go on, and links with the others will be wanted too.
void Node::knock_at_entries(Instant now) {
  if (!goal_ || !goal_->goal.invite || hub_.gathering().candidates().empty()) return;
  for (const auto& [member, endpoints] : goal_->goal.invite->entries) {
    if (member == member_.id() || entrances_.contains(member)) continue;
    auto& contact = contacts_[member];
    if (contact.stage == Contact::Stage::idle && contact.next_try <= now) knock(now, member, contact, endpoints);
  }
}

void Node::hear_entered(Instant now, const MemberId& member, Entered::By by) {
  const bool is_newcomer = by == Entered::By::server && goal_ && !goal_->dialled.contains(member);
  if (!goal_ || is_newcomer || std::exchange(goal_->has_entered, true)) return;
  events_.emplace_back(Entered{by, member});
  std::optional<PasswordKey> key;
  if (!goal_->goal.password.empty()) key = key_of_password(goal_->goal.password, session_);
  member_.join(now, {.session = session_, .password = key, .until = goal_->until, .founder = goal_->goal.founder},
               member);
}

/// One that nothing has answered after several round trips: where somebody can introduce the two, that is better.
bool Node::is_vain_knock(Instant now, const Contact& contact) const {
  if (contact.stage != Contact::Stage::connecting || contact.by || contact.attempt) return false;
  const auto* link = hub_.find(*contact.link);
  const bool is_old = contact.deadline && now >= *contact.deadline - config_.attempt + patience_of_knock;
  return is_old && link && !link->path();
}

/// For people whose invite led nowhere.
std::string Node::tried() const {
  if (!goal_ || !goal_->goal.invite) return {};
  std::vector<std::string> endpoints;
  for (const auto& entry : goal_->goal.invite->entries)
    for (const auto& endpoint : entry.endpoints) endpoints.push_back(to_text(endpoint));
  return fmt::format("knocked at {}{}", fmt::join(endpoints, ", "),
                     !client_          ? ""
                     : was_registered_ ? "; asked the server"
                                       : "; the server did not answer either");
}

// --- who was lost --------------------------------------------------------------------------------------------------

/// Whether somebody who is linked with this member hears the other one, or says so of others.
bool Node::may_be_introduced(const MemberId& peer) const {
  const auto& view = member_.view();
  const auto index = view ? view->index_of(peer) : std::nullopt;
  return std::ranges::any_of(contacts_, [&](const auto& each) {
    if (each.first == peer || each.second.stage != Contact::Stage::up) return false;
    const auto* known = member_.peers().find(each.first);
    if (!known || !known->beat) return false;
    // Outside of the session the numbers of its members are not known; whoever is linked will do.
    if (!view || (index && view->version != known->beat->version)) return true;
    if (index) return (known->beat->heard >> *index & 1U) == 1;
    // Who was struck out, or parted: a member that hears it says so.
    return std::ranges::find(known->beat->reached, peer) != known->beat->reached.end();
  });
}

std::vector<Endpoint> Node::doorsteps_of(const Contact& contact) {
  std::vector<Endpoint> found;
  if (contact.last_remote) found.push_back(*contact.last_remote);
  for (const auto& place : contact.places)
    if (place.endpoint != contact.last_remote) found.push_back(place.endpoint);
  return found;
}

void Node::search_forsaken(Instant now, const MemberId& peer, Contact& contact) {
  const auto doorsteps = doorsteps_of(contact);
  if (goal_ || doorsteps.empty() || contact.stage == Contact::Stage::up || may_be_introduced(peer)) {
    const bool was_forsaken = std::exchange(contact.forsaken_since, std::nullopt).has_value();
    // Those that were asked in vain did not know it; somebody does now.
    if (was_forsaken) begin_anew(now, contact);
    return;
  }
  if (!contact.forsaken_since) {
    contact.forsaken_since = now;
    contact.search_pause = first_search_pause;
    contact.searches = 0;
    // Not all of a partition at one instant, nor both sides.
    contact.next_search =
        now + patience_of_forsaken + std::chrono::milliseconds{static_cast<std::int64_t>(rng_.below(1000))};
  }
  if (now < contact.next_search || contact.stage != Contact::Stage::idle) return;
  contact.next_search =
      now + contact.search_pause + std::chrono::milliseconds{static_cast<std::int64_t>(rng_.below(1000))};
  contact.search_pause = std::min(2 * contact.search_pause, longest_search_pause);
  const bool is_for_the_door =
      contact.searches++ % 2 == 0 && is_registered_ && entrances_.empty() && member_.id() < peer;
  if (is_for_the_door) return try_door(now, peer);
  const auto knocks = std::ranges::count_if(contacts_, [](const auto& each) {
    return each.second.stage == Contact::Stage::connecting && !each.second.by && !each.second.attempt;
  });
  if (knocks < most_knocks_at_once) knock(now, peer, contact, doorsteps);
}
}  // namespace natkit::mesh
