#include "natkit/link/hub.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "natkit/base/note_earlier.hpp"

namespace natkit::link {
Hub::Hub(Config config, Rng& rng) : config_(std::move(config)), rng_(rng), gathering_(config_.gathering, rng) {}

LinkId Hub::add_link(ice::Agent::Config agent, RelayUse relays) {
  Link::Config made{.agent = std::move(agent), .channel = config_.channel, .identity = config_.identity};
  const LinkId id{++links_opened_};
  links_.emplace(id, Entry{.link = std::make_unique<Link>(std::move(made), rng_), .relays = relays});
  takers_.clear();
  return id;
}

std::optional<LinkId> Hub::open(Instant now, RelayUse relays) {
  if (links_.size() >= config_.most_links) return std::nullopt;
  auto agent = config_.agent;
  agent.local = ice::make_credentials(rng_);
  const auto id = add_link(std::move(agent), relays);
  auto& one = links_.at(id);
  if (relays == RelayUse::at_once) gathering_.want_relays(now);
  for (const auto& local : gathering_.candidates())
    if (!one.holds_back(local.candidate)) one.link->add_local(now, local);
  if (gathering_.is_done() && relays == RelayUse::at_once) one.link->end_local(now);
  hear_gathering(now);
  return id;
}

void Hub::add_relay(Instant now, RelayServer server) {
  gathering_.add_relay(now, std::move(server));
  hear_gathering(now);
}

void Hub::add_mapped(Instant now, const Endpoint& external) {
  gathering_.add_mapped(external);
  hear_gathering(now);
}

void Hub::add_reflexive(Instant now, SocketId socket, const Endpoint& seen_as, const IpAddress& by) {
  gathering_.add_reflexive(socket, seen_as, by);
  hear_gathering(now);
}

Description Hub::describe(LinkId link) const {
  Description description{.ice = {}, .fingerprint = config_.identity.fingerprint()};
  description.ice.dialect = ice::Dialect::natkit;
  const auto found = links_.find(link);
  if (found == links_.end()) return description;
  const auto& one = found->second;
  description.ice.credentials = one.link->agent().credentials();
  const bool is_complete = gathering_.is_done() && one.relays == RelayUse::at_once;
  description.ice.gathering = is_complete ? ice::Gathering::complete : ice::Gathering::going_on;
  auto& candidates = description.ice.candidates;
  for (const auto& local : gathering_.candidates())
    if (!one.holds_back(local.candidate)) candidates.push_back(local.candidate);
  for (const auto& route : one.routes) candidates.push_back(route.candidate);
  return description;
}

/// For whoever is about to do something with it.
Hub::Entry* Hub::entry(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return nullptr;
  found->second.is_touched = true;
  return &found->second;
}

void Hub::touch_all() {
  for (auto& [id, one] : links_) one.is_touched = true;
}

void Hub::drop(LinkId link) {
  links_.erase(link);
  takers_.clear();
}

Link* Hub::find(LinkId link) {
  auto* found = entry(link);
  return found ? found->link.get() : nullptr;
}

const Link* Hub::find(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second.link.get();
}

/// Without a permission the relay drops what the peer sends; to ask early costs nothing.
void Hub::permit(Instant now, const Entry& entry, const ice::Candidate& candidate) {
  if (entry.relays == RelayUse::last || candidate.kind == ice::Kind::routed) return;
  if (protocol_of(candidate.transport) == Protocol::udp) gathering_.permit(now, candidate.endpoint.address);
}

void Hub::begin(Instant now, LinkId link, const Link::Peer& peer) {
  auto* found = entry(link);
  if (!found) return;
  takers_.clear();
  auto told = peer;
  std::erase_if(told.description.ice.candidates, [&](const ice::Candidate& candidate) {
    if (found->holds_back(candidate)) found->held_remotes.push_back(candidate);
    return found->holds_back(candidate);
  });
  for (const auto& candidate : told.description.ice.candidates) permit(now, *found, candidate);
  found->link->begin(now, told);
  if (found->relays == RelayUse::last) found->relays_at = std::max(now, peer.start_at) + config_.relay_after;
  flush(now);
}

void Hub::add_remote(Instant now, LinkId link, const ice::Candidate& candidate) {
  auto* found = entry(link);
  if (!found) return;
  takers_.clear();
  add_remote(now, *found, candidate);
  flush(now);
}

void Hub::end_remote(Instant now, LinkId link) {
  if (auto* found = find(link)) found->end_remote(now);
}

void Hub::close(Instant now) {
  for (auto& [id, one] : links_)
    if (!one.link->is_over()) one.link->close(now);
  touch_all();
  closes_since_ = now;
  flush(now);
  give_back(now);
}

bool Hub::are_all_over() const {
  return std::ranges::all_of(links_, [](const auto& entry) { return entry.second.link->is_over(); });
}

void Hub::give_back(Instant now) {
  if (!closes_since_ || !are_all_over()) return;
  closes_since_.reset();
  gathering_.close(now);
}

void Hub::start(Instant now) {
  gathering_.start(now);
  hear_gathering(now);
}

void Hub::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  gathering_.handle_connected(now, socket, remote);
}

void Hub::handle_datagram(Instant now, const Datagram& in) {
  gathering_.handle_datagram(now, in);
  hear_gathering(now);
  hear_received(now);
  flush(now);
}

void Hub::hear_received(Instant now) {
  while (const auto received = gathering_.poll_received()) {
    // A link takes whatever comes from where its peer is.
    if (!received->payload.empty() && received->payload.front() >= first_free_byte) {
      if (strays_.size() < most_strays) strays_.push_back(*received);
      continue;
    }
    const bool was_for_us = is_taken(now, *received) || hear_knock(now, *received);
    if (was_for_us && received->protocol == Protocol::tcp) gathering_.approve(received->socket, received->remote);
  }
}

/// The latest first: should a peer have begun anew from where it was before, the old link gets nothing of it.
bool Hub::is_taken(Instant now, const Datagram& in) {
  const auto takes = [&](auto& entry) {
    if (!entry.second.link->handle_datagram(now, in)) return false;
    entry.second.is_touched = true;
    return true;
  };
  const std::pair from{in.socket, in.remote};
  const auto known = takers_.find(from);
  const auto taker = known == takers_.end() ? links_.end() : links_.find(known->second);
  if (taker != links_.end() && takes(*taker)) return true;
  const auto all = links_ | std::views::reverse;
  const auto found = std::ranges::find_if(all, takes);
  if (found == all.end()) return false;
  if (takers_.size() >= most_takers) takers_.clear();
  takers_[from] = found->first;
  return true;
}

void Hub::handle_timeout(Instant now) {
  gathering_.handle_timeout(now);
  hear_gathering(now);
  for (auto& [id, one] : links_) {
    if (!one.is_touched && !(one.due && *one.due <= now)) continue;
    one.link->handle_timeout(now);
    one.is_touched = true;
  }
  flush(now);
  give_back(now);
}

void Hub::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  gathering_.handle_send_failure(now, lost, why);
  for (auto& [id, one] : links_) one.link->handle_send_failure(now, lost);
  touch_all();
  hear_gathering(now);
  flush(now);
}

void Hub::handle_path_error(Instant now, const PathError& error) {
  for (auto& [id, one] : links_) one.link->handle_path_error(now, error);
  touch_all();
}

void Hub::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  gathering_.handle_socket_opened(now, socket, local);
  hear_gathering(now);
  flush(now);
}

void Hub::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  gathering_.handle_socket_failure(now, socket, why);
  hear_gathering(now);
}

void Hub::hear_gathering(Instant now) {
  while (auto event = gathering_.poll_event()) {
    if (const auto* found = std::get_if<Gathering::Found>(&*event)) {
      hear_found(now, found->local);
    } else if (std::holds_alternative<Gathering::Done>(*event)) {
      for (auto& [id, one] : links_)
        if (one.relays == RelayUse::at_once) one.link->end_local(now);
      touch_all();
      events_.emplace_back(Gathered{});
    } else if (auto* failed = std::get_if<Gathering::RelayFailed>(&*event)) {
      events_.emplace_back(std::move(*failed));
    } else if (auto* closed = std::get_if<Gathering::SocketFailed>(&*event)) {
      events_.emplace_back(std::move(*closed));
    }
  }
}

void Hub::hear_found(Instant now, const ice::LocalCandidate& local) {
  const auto holds_back = [&](const auto& entry) { return entry.second.holds_back(local.candidate); };
  const bool is_for_all = std::ranges::none_of(links_, holds_back);
  if (is_for_all) events_.emplace_back(Found{local});
  for (auto& [id, one] : links_) {
    if (one.holds_back(local.candidate)) continue;
    one.link->add_local(now, local);
    one.is_touched = true;
    if (!is_for_all) events_.emplace_back(Found{.local = local, .only = id});
  }
}

void Hub::flush(Instant now) {
  for (auto& [id, one] : links_) {
    if (!one.is_touched) continue;
    watch_relays(now, id, one);
    while (auto out = one.link->poll_transmit()) {
      if (Gathering::is_routed(out->socket))
        routed_.push_back({.link = id, .route = out->socket, .datagram = std::move(*out)});
      else
        gathering_.send(now, std::move(*out));
    }
    one.is_touched = false;
    one.may_have_events = true;
    one.due = due_of(one);
  }
}

std::optional<Instant> Hub::due_of(const Entry& entry) {
  auto due = entry.link->poll_timeout();
  note_earlier(due, entry.relays_at);
  return due;
}

std::optional<Instant> Hub::poll_timeout() const {
  // That a link is over shows only when its owner takes the event: then it is time at once.
  if (closes_since_ && are_all_over()) return closes_since_;
  auto due = gathering_.poll_timeout();
  for (const auto& [id, one] : links_) note_earlier(due, one.is_touched ? due_of(one) : one.due);
  return due;
}

std::optional<Hub::Event> Hub::poll_own_event() {
  if (events_.empty()) return std::nullopt;
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}

std::optional<Hub::LinkEvent> Hub::poll_link_event() {
  for (auto& [id, one] : links_) {
    if (!one.may_have_events && !one.is_touched) continue;
    while (auto event = one.link->poll_event()) {
      one.is_touched = true;  // what was taken makes room
      const auto* wish = std::get_if<Link::WantsFreshBase>(&*event);
      if (!wish) return LinkEvent{id, std::move(*event)};
      gathering_.open_fresh_base(wish->family);
    }
    one.may_have_events = false;
  }
  return std::nullopt;
}

std::optional<Hub::Event> Hub::poll_event() {
  if (auto own = poll_own_event()) return own;
  if (auto said = poll_link_event()) return Event{std::move(*said)};
  return std::nullopt;
}
}  // namespace natkit::link
