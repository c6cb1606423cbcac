#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "natkit/mesh/node.hpp"

/// Where members can be reached: each tells all it is linked with, so everybody can make invites, and search for who
/// was lost.
namespace natkit::mesh {
namespace {
constexpr Duration places_again = std::chrono::seconds{30};  ///< should they have been lost on their way
}

/// Without a STUN server this is how a host behind a NAT comes to know its address, and the first member it meets is
/// what the server would have been.
void Node::learn_address(Instant now, const ice::Path& path) {
  if (path.is_direct() && path.protocol == Protocol::udp && path.mapped)
    hub_.add_reflexive(now, path.socket, *path.mapped, path.remote.address);
}

std::vector<Place> Node::own_places() const {
  return places_of(hub_.gathering().candidates(), config_.member.self.reach);
}

void Node::tell_places(Instant now) {
  if (is_closing_) return;
  const auto text = fmt::format("places 0\n{}", write_places(own_places()));
  for (auto& [peer, contact] : contacts_) {
    if (contact.stage != Contact::Stage::up || !wanted_.contains(peer)) continue;
    if (contact.places_told == text && now < contact.next_telling) continue;
    contact.places_told = text;
    contact.next_telling = now + places_again;
    member_.pass(now, peer, peer, text);
  }
}

/// Each one's own word only.
void Node::hear_places(const PassedOn& passed, std::string_view text) {
  const auto contact = contacts_.find(passed.from);
  if (passed.from == passed.by && contact != contacts_.end()) contact->second.places = parse_places(text);
}

std::optional<Node::Invited> Node::invite() const {
  const auto& view = member_.view();
  const auto own = own_places();
  if (!view || !knock_ || own.empty()) return std::nullopt;
  struct Known {
    const Member* member = nullptr;
    std::vector<Place> places{};
    Scope scope{};
  };
  std::vector<Known> known;
  for (const auto& member : view->members) {
    const auto contact = contacts_.find(member.self.id);
    const bool is_self = member.self.id == member_.id();
    auto places = is_self ? own : contact == contacts_.end() ? std::vector<Place>{} : contact->second.places;
    if (const auto scope = scope_of(places)) known.push_back({&member, std::move(places), *scope});
  }
  const auto rank = [&](const Known& one) {
    return std::tuple{one.scope, one.member->self.reach, one.member->self.id == view->host};
  };
  std::ranges::stable_sort(known, std::greater{}, rank);
  Invited made{
      .invite = {.session = session_, .name = view->settings.name, .game = view->settings.game, .knock = *knock_},
      .scope = known.front().scope};
  for (const auto& [member, places, scope] : known) {
    auto& entry = made.invite.entries.emplace_back(Invite::Entry{.member = member->self.id});
    for (const auto& place : places) entry.endpoints.push_back(place.endpoint);
    entry.endpoints.resize(std::min(entry.endpoints.size(), most_entry_endpoints));
  }
  made.invite.entries.resize(std::min(made.invite.entries.size(), most_entries));
  return made;
}
}  // namespace natkit::mesh
