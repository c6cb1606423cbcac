#include <algorithm>
#include <utility>

#include "natkit/mesh/node.hpp"
#include "natkit/mesh/streams.hpp"

/// Paths through members. A packet for another travels to the router as
///
///   first 8 bytes of the sender's id | of the receiver's | the datagram (STUN or DTLS of the pair)
namespace natkit::mesh {
namespace {
constexpr std::size_t short_id = 8;
/// Used, and in reserve.
constexpr std::size_t most_routers = 2;
/// Bytes that a link has not sent, or not heard of: at 1 Mbit/s a quarter of a second.
constexpr std::size_t most_waiting = 32768;
/// From our link to a router until a check through it: two round trips, and by how much the peer's link is later than
/// ours where both join at once on a busy machine.
constexpr Duration time_for_route = std::chrono::milliseconds{3000};
/// For a first link to a member: whoever can carry is linked directly by then.
constexpr Duration patience_at_door = std::chrono::milliseconds{1500};
/// Past that whatever still hinders the members that are willing is no matter of time.
constexpr Duration most_patience = std::chrono::seconds{5};

Bytes frame(const MemberId& from, const MemberId& to, ByteView payload) {
  Bytes out;
  out.reserve(2 * short_id + payload.size());
  ByteWriter writer{out};
  writer.write_bytes(ByteView{from.bytes}.first(short_id));
  writer.write_bytes(ByteView{to.bytes}.first(short_id));
  writer.write_bytes(payload);
  return out;
}

bool begins(const MemberId& id, ByteView bytes) {
  return std::ranges::equal(ByteView{id.bytes}.first(short_id), bytes);
}
}  // namespace

/// Members that are willing and hear both, as far as is known: the nearest first.
std::vector<MemberId> Node::routers_for(const MemberId& peer) const {
  std::vector<std::pair<Duration, MemberId>> found;
  const auto consider = [&](const Introduction& who) {
    if (who.forwards == 0 || who.id == peer || who.id == member_.id() || member_.has_said_farewell(who.id)) return;
    const auto contact = contacts_.find(who.id);
    if (contact == contacts_.end() || contact->second.stage != Contact::Stage::up) return;
    const auto* link = hub_.find(*contact->second.link);
    if (!link || !link->path() || !link->path()->is_direct()) return;  // one hop
    found.emplace_back(link->path()->rtt.value_or(std::chrono::seconds{1}), who.id);
  };
  for (const auto& who : member_.known()) consider(who);
  std::ranges::sort(found);
  std::vector<MemberId> routers;
  routers.reserve(found.size());
  for (const auto& [rtt, id] : found) routers.push_back(id);
  return routers;
}

std::optional<MemberId> Node::router_of(SocketId socket) const {
  const auto found = std::ranges::find_if(routes_, [&](const auto& each) { return each.second == socket; });
  return found == routes_.end() ? std::nullopt : std::optional{found->first};
}

/// While it may still come to be linked directly with both, though nobody can know of the peer's link.
bool Node::may_forward_soon(Instant now, const Introduction& who) const {
  const auto found = contacts_.find(who.id);
  if (who.forwards == 0 || found == contacts_.end() || member_.has_said_farewell(who.id)) return false;
  const auto& contact = found->second;
  const auto* link = contact.link ? hub_.find(*contact.link) : nullptr;
  switch (contact.stage) {
    case Contact::Stage::idle:
      return contact.tries == 0;
    case Contact::Stage::connecting:
      return now < contact.stage_since + config_.hub.relay_after;
    case Contact::Stage::up:
      return link && link->path() && link->path()->is_direct() && now < contact.stage_since + time_for_route;
  }
  return false;
}

bool Node::may_be_routed_soon(Instant now, const MemberId& peer) const {
  const auto known = member_.known();
  const auto may_forward = [&](const Introduction& who) {
    return who.id != peer && who.id != member_.id() && may_forward_soon(now, who);
  };
  // Who has not been told of the members cannot know whether somebody is willing.
  return is_routing_allowed() && (known.empty() || std::ranges::any_of(known, may_forward));
}

/// Both ends do the same, so neither has to be told.
void Node::add_routes(Instant now, const MemberId& peer, Contact& contact) {
  if (!contact.link || !is_routing_allowed()) return;
  // Who is not even let in yet may have no other way to be than by a relay.
  const bool is_for_entry = goal_ && goal_->dialled.contains(peer);
  const auto patience = is_for_entry ? patience_at_door : most_patience;
  const bool is_new = contact.stage == Contact::Stage::connecting && now < contact.stage_since + patience;
  if (is_new && may_be_routed_soon(now, peer)) hub_.expect_route(*contact.link, now + 2 * care);
  std::uint16_t preference = 0xffff;
  for (const auto& router : routers_for(peer)) {
    if (contact.routers.size() >= most_routers) break;
    if (contact.routers.contains(router)) continue;
    if (!routes_.contains(router)) {
      if (routes_.size() >= most_members) break;
      routes_[router] = link::Gathering::route_socket(static_cast<std::uint16_t>(routes_.size()));
    }
    const auto own = ice::virtual_endpoint(router.bytes, member_.id().bytes);
    if (!hub_.add_route(now, *contact.link, routes_.at(router), own, preference)) continue;
    hub_.add_remote(now, *contact.link, ice::make_routed(ice::virtual_endpoint(router.bytes, peer.bytes), preference));
    contact.routers.insert(router);
    --preference;
  }
}

bool Node::is_routing_allowed() const {
  const auto& view = member_.view();
  return !view || view->settings.shape.kind == Shape::Kind::routed || view->settings.shape.kind == Shape::Kind::partial;
}

/// A router whose link is gone carries nothing more, and one that said farewell will not for long: its own silence
/// would be noticed later. Another one may be there by now.
void Node::keep_routes(Instant now) {
  for (auto& [peer, contact] : contacts_) {
    if (!contact.link) continue;
    std::erase_if(contact.routers, [&](const MemberId& router) {
      const auto other = contacts_.find(router);
      const bool is_up = other != contacts_.end() && other->second.stage == Contact::Stage::up;
      if (is_up && !member_.has_said_farewell(router)) return false;
      hub_.remove_route(now, *contact.link, routes_.at(router));
      return true;
    });
    add_routes(now, peer, contact);
  }
}

void Node::carry(Instant now) {
  while (const auto out = hub_.poll_routed()) {
    const auto peer = peer_of(out->link);
    const auto router = router_of(out->route);
    if (!peer || !router) continue;
    const auto contact = contacts_.find(*router);
    if (contact == contacts_.end() || contact->second.stage != Contact::Stage::up) continue;
    send_frame(now, *contact->second.link, frame(member_.id(), *peer, out->datagram.payload));
  }
}

/// For this member, or to be carried on; once, to a member or joiner that there is a link with, and never back.
void Node::hear_frame(Instant now, const MemberId& from, ByteView bytes) {
  if (bytes.size() <= 2 * short_id) return;
  const auto sender = bytes.first(short_id), receiver = bytes.subspan(short_id, short_id);
  const auto payload = bytes.subspan(2 * short_id);
  if (begins(member_.id(), receiver)) {
    const auto route = routes_.find(from);
    const auto contact = std::ranges::find_if(contacts_, [&](const auto& each) { return begins(each.first, sender); });
    if (route == routes_.end() || contact == contacts_.end() || !contact->second.link) return;
    hub_.handle_routed(now, *contact->second.link,
                       {.socket = route->second,
                        .remote = ice::virtual_endpoint(from.bytes, contact->first.bytes),
                        .payload = {payload.begin(), payload.end()}});
    return;
  }
  if (!begins(from, sender) || config_.member.self.forwards == 0) return;
  const auto contact = std::ranges::find_if(contacts_, [&](const auto& each) { return begins(each.first, receiver); });
  if (contact == contacts_.end() || contact->second.stage != Contact::Stage::up || contact->first == from) return;
  const auto pair = std::minmax(from, contact->first);
  if (!carried_.contains(pair)) {
    if (carried_.size() >= config_.member.self.forwards) return;
    carried_.insert(pair);
  }
  carried_bytes_ += bytes.size();
  send_frame(now, *contact->second.link, bytes);
}

/// Like a router on the network: what a full queue would make late is lost instead, and sent again by whose it is.
void Node::send_frame(Instant now, link::LinkId id, ByteView bytes) {
  auto* link = hub_.find(id);
  if (!link || link->buffered_bytes() > most_waiting) return;
  std::ignore = link->send(now, routed_stream, channel::MessageKind::binary, bytes);
}
}  // namespace natkit::mesh
