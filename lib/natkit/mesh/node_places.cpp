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

/// Whether two are on one network, where no NAT is between them.
enum class Neighbourhood : std::uint8_t { other, perhaps, same };
Neighbourhood neighbourhood_of(const std::vector<Place>& these, const std::vector<Place>& those) {
  bool is_seen = false, is_seen_alike = false, is_of_one_network = false;
  for (const auto& [one, scope] : these)
    for (const auto& [other, other_scope] : those) {
      const bool is_inside = scope == Scope::network && other_scope == Scope::network;
      // What home routers and most offices give to one network (RFC 4291 §2.5.4 for IPv6).
      if (is_inside) is_of_one_network |= one.address.shares_prefix(other.address, one.address.is_v4() ? 24 : 64);
      if (scope == Scope::network || other_scope == Scope::network) continue;
      is_seen = true;
      is_seen_alike |= one.address == other.address;
    }
  if (is_of_one_network && (is_seen_alike || !is_seen)) return Neighbourhood::same;
  return is_seen_alike ? Neighbourhood::perhaps : Neighbourhood::other;  // a provider's NAT has many customers
}
}  // namespace

/// Without a STUN server this is how a host behind a NAT comes to know its address, and the first member it meets is
/// what the server would have been.
void Node::learn_address(Instant now, const ice::Path& path) {
  if (path.is_direct() && path.protocol == Protocol::udp && path.mapped)
    hub_.add_reflexive(now, path.socket, *path.mapped, path.remote.address);
}

std::vector<Place> Node::own_places() const {
  const auto& self = config_.member.self;
  if (self.nat == Nat{}) return places_of(hub_.gathering().candidates(), self.reach);
  // A port at the router opens no other one.
  auto found = unpack(self.nat);
  found.has_port = false;
  return places_of(hub_.gathering().candidates(), reach_of(found));
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

std::vector<Place> Node::places_of_member(const MemberId& member) const {
  if (member == member_.id()) return own_places();
  const auto contact = contacts_.find(member);
  return contact == contacts_.end() ? std::vector<Place>{} : contact->second.places;
}

std::vector<Node::Pair> Node::pairs(Instant now) const {
  std::vector<Pair> pairs;
  const auto add = [&](const Introduction& a, const Introduction& b) {
    Pair pair{a.id, b.id, member_.need_between(now, a, b), member_.way_between(now, a.id, b.id)};
    if (pair.need != Need::direct) {
      const auto at_home = neighbourhood_of(places_of_member(a.id), places_of_member(b.id));
      if (at_home == Neighbourhood::same) pair.need = Need::direct;
      if (at_home == Neighbourhood::perhaps) pair.need = Need::unknown;
    }
    pairs.push_back(pair);
  };
  if (const auto& view = member_.view()) {
    for (std::size_t i = 0; i < view->members.size(); ++i)
      for (std::size_t j = i + 1; j < view->members.size(); ++j) add(view->members[i].self, view->members[j].self);
  } else {
    for (const auto& other : member_.known())
      if (other.id != member_.id()) add(member_.self(), other);
  }
  return pairs;
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
