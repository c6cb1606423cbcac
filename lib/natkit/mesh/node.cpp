#include "natkit/mesh/node.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/note_earlier.hpp"
#include "natkit/base/take_front.hpp"
#include "natkit/link/introduction.hpp"
#include "natkit/mesh/streams.hpp"

namespace natkit::mesh {
namespace {
constexpr std::uint8_t last_words_mark = 0xf1;  ///< no protocol on this port begins so (link/hub.hpp)
}  // namespace

Node::Node(Config config, const Signatures& signatures, Rng& rng)
    : config_([&] {
        config.hub.knocks.relays = link::RelayUse::last;  // as for all other links
        return std::move(config);
      }()),
      signatures_(signatures),
      rng_(rng),
      hub_(config_.hub, rng),
      member_(config_.member, signatures, rng) {
  if (config_.client) client_.emplace(*config_.client, rng);
}

// --- what the owner wants ------------------------------------------------------------------------------------------

void Node::start(Instant now) {
  next_care_ = now;
  hub_.start(now);
  if (client_) client_->start(now);
  hear(now);
}

void Node::found(Instant now, Settings settings, std::string_view password, std::optional<SessionId> id) {
  if (id)
    session_ = *id;
  else
    rng_.fill(session_.bytes);
  if (!password.empty()) settings.password = key_of_password(password, session_);
  member_.found(now, session_, std::move(settings));
  hear(now);
}

void Node::leave(Instant now, Bytes state) {
  goal_.reset();
  member_.leave(now, std::move(state));
  hear(now);
}

std::expected<void, Participant::CommandError> Node::end(Instant now) {
  const auto done = member_.end(now);
  hear(now);
  return done;
}

std::expected<void, Participant::CommandError> Node::strike_out(Instant now, const MemberId& id, Departure cause) {
  const auto done = member_.strike_out(now, id, cause);
  hear(now);
  return done;
}

std::expected<void, Participant::CommandError> Node::set_standing(Instant now, Standing standing) {
  const auto done = member_.set_standing(now, standing);
  hear(now);
  return done;
}

std::expected<void, Participant::CommandError> Node::hand_over(Instant now, std::optional<MemberId> heir, Bytes state) {
  const auto done = member_.hand_over(now, heir, std::move(state));
  hear(now);
  return done;
}

void Node::set_ready(Instant now, Wish::Kind kind) {
  member_.set_ready(now, kind);
  hear(now);
}

void Node::admit(Instant now, const MemberId& id) {
  member_.admit(now, id);
  hear(now);
}

void Node::reject(Instant now, const MemberId& id, std::string text) {
  member_.reject(now, id, std::move(text));
  hear(now);
}

void Node::take_over(Instant now) {
  member_.take_over(now);
  hear(now);
}

void Node::report(Instant now, rendezvous::Report report) {
  if (client_) static_cast<void>(client_->report_member(now, std::move(report)));
}

void Node::send(Instant now, std::optional<MemberId> to, Bytes bytes) {
  member_.send(now, to, std::move(bytes));
  hear(now);
}

void Node::set_reach(Instant now, Reach reach, Nat nat) {
  auto& self = config_.member.self;
  if (std::pair{self.reach, self.nat} == std::pair{reach, nat}) return;
  self.reach = reach;
  self.nat = nat;
  member_.set_reach(reach, nat);
  is_row_stale_ = true;
  hear(now);
}

void Node::keep_state(Instant now, Bytes state) {
  member_.keep_state(now, std::move(state));
  hear(now);
}

void Node::add_mapped(Instant now, const Endpoint& external) {
  hub_.add_mapped(now, external);
  hear(now);
}

// --- what happens --------------------------------------------------------------------------------------------------

void Node::handle_datagram(Instant now, const Datagram& in) {
  if (client_ && client_->owns(in.socket))
    client_->handle_datagram(now, in);
  else
    hub_.handle_datagram(now, in);
  hear(now);
}

void Node::handle_timeout(Instant now) {
  hub_.handle_timeout(now);
  if (client_) client_->handle_timeout(now);
  member_.handle_timeout(now);
  for (auto* door : all_doors())
    if (door->describe_by && *door->describe_by <= now) describe(now, *door);
  if (now >= next_care_) {
    next_care_ = now + care;
    keep_contacts(now);
    keep_routes(now);
    tell_places(now);
  }
  keep_looking(now);
  seek_host(now);
  hear(now);
}

void Node::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  if (client_ && client_->owns(socket))
    client_->handle_connected(now, socket, remote);
  else
    hub_.handle_connected(now, socket, remote);
  hear(now);
}

void Node::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (client_ && client_->owns(lost.socket))
    client_->handle_send_failure(now, lost, why);
  else
    hub_.handle_send_failure(now, lost, why);
  hear(now);
}

void Node::handle_path_error(Instant now, const PathError& error) {
  hub_.handle_path_error(now, error);
  hear(now);
}

void Node::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (!client_ || !client_->owns(socket)) hub_.handle_socket_opened(now, socket, local);
  hear(now);
}

void Node::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (client_ && client_->owns(socket))
    client_->handle_socket_failure(now, socket, why);
  else
    hub_.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<SocketChange> Node::poll_socket() {
  if (auto out = hub_.poll_socket()) return out;
  return client_ ? client_->poll_socket() : std::nullopt;
}

std::optional<Datagram> Node::poll_transmit() {
  if (auto out = hub_.poll_transmit()) return out;
  return client_ ? client_->poll_transmit() : std::nullopt;
}

std::optional<Instant> Node::poll_timeout() const {
  auto due = hub_.poll_timeout();
  if (client_) note_earlier(due, client_->poll_timeout());
  if (is_closing_) return due;
  note_earlier(due, member_.poll_timeout());
  for (const auto* door : all_doors()) note_earlier(due, door->describe_by);
  if (goal_) note_earlier(due, std::min(goal_->next, goal_->until));
  note_earlier(due, next_care_);
  return due;
}

std::optional<NodeEvent> Node::poll_event() { return take_front(events_); }

/// One thing leads to another: what a link said makes the member speak, and that goes out by links.
void Node::hear(Instant now) {
  hear_hub(now);
  hear_strays(now);
  hear_client(now);
  hear_member(now);
  carry(now);
  hub_.flush(now);
}

void Node::hear_hub(Instant now) {
  while (auto event = hub_.poll_event()) {
    if (const auto* found = std::get_if<link::Hub::Found>(&*event)) {
      tell_candidate(now, found->local.candidate, found->only);
      knock_at_entries(now);
    } else if (const auto* knocked = std::get_if<link::Hub::Knocked>(&*event)) {
      hear_knock(now, *knocked);
    } else if (std::holds_alternative<link::Hub::Gathered>(*event)) {
      for (auto* door : all_doors())
        if (door->describe_by) describe(now, *door);
    } else if (auto* said = std::get_if<link::Hub::LinkEvent>(&*event)) {
      hear_link(now, said->link, said->event);
    } else if (const auto* failed = std::get_if<link::Gathering::RelayFailed>(&*event)) {
      events_.emplace_back(Trouble{turn::to_error(failed->failure)});
    } else if (const auto* closed = std::get_if<link::Gathering::SocketFailed>(&*event)) {
      events_.emplace_back(Trouble{link::to_error(*closed)});
    }
  }
}

/// The last words of a process that was killed come by no link: its keys died with it. They are signed.
void Node::hear_strays(Instant now) {
  bool was_farewell = false;
  while (const auto stray = hub_.poll_stray()) {
    if (stray->payload.front() != last_words_mark) continue;
    member_.handle_last_words(now, ByteView{stray->payload}.subspan(1));
    was_farewell = true;
  }
  if (was_farewell) keep_routes(now);
}

std::optional<std::vector<Datagram>> Node::poll_last_words() {
  std::vector<std::pair<SocketId, Endpoint>> to;
  if (member_.is_member() && !is_closing_)
    for (const auto& [peer, contact] : contacts_) {
      if (contact.stage != Contact::Stage::up) continue;
      const auto* link = std::as_const(hub_).find(*contact.link);
      if (link && link->path() && link->path()->is_direct() && link->path()->protocol == Protocol::udp)
        to.emplace_back(link->path()->socket, link->path()->remote);
    }
  // Who leads names its latest view with its last words; nobody asks for that of others.
  const auto last_view = member_.is_host() ? member_.view()->version : Version{};
  if (to == left_to_ && (to.empty() || last_view == farewell_of_)) return std::nullopt;
  left_to_ = std::move(to);
  if (farewell_.empty() || last_view != farewell_of_) {
    farewell_of_ = last_view;
    farewell_ = member_.last_words();
    farewell_.insert(farewell_.begin(), last_words_mark);
  }
  std::vector<Datagram> all;
  for (const auto& [socket, remote] : left_to_)
    all.push_back({.socket = socket, .remote = remote, .payload = farewell_});
  return all;
}

void Node::hear_link(Instant now, link::LinkId link, link::Link::Event& event) {
  using link::Link;
  if (knockers_.contains(link)) return hear_knocker(now, link, event);
  const auto peer = peer_of(link);
  if (!peer) {
    if (std::holds_alternative<Link::Ended>(event)) hub_.drop(link);
    return;
  }
  auto& contact = contacts_.at(*peer);
  if (std::holds_alternative<Link::Secured>(event)) {
    hear_secured(now, *peer, contact);
  } else if (const auto* changed = std::get_if<Link::PathChanged>(&event)) {
    if (contact.stage == Contact::Stage::up) tell_path(*peer, changed->path);
  } else if (auto* message = std::get_if<channel::Message>(&event)) {
    if (message->stream == routed_stream)
      hear_frame(now, *peer, message->payload);
    else
      member_.handle_message(now, *peer, message->payload);
    hear_member(now);
  } else if (const auto* ended = std::get_if<Link::Ended>(&event)) {
    hear_ended(now, *peer, contact, *ended);
  }
}

void Node::hear_secured(Instant now, const MemberId& peer, Contact& contact) {
  auto* link = hub_.find(*contact.link);
  for (const auto& [stream, options] : agreed_streams())
    if (!link->open_agreed_stream(stream, options)) return drop_link(now, peer, contact);
  contact.enter(now, Contact::Stage::up);
  contact.deadline.reset();
  contact.pause = Contact{}.pause;
  contact.tries = contact.failures = 0;
  contact.forsaken_since.reset();
  if (contact.attempt) client_->report(now, *contact.attempt, rendezvous::Outcome::connected);
  close_entrance(now, peer);
  if (link->path()) learn_address(now, *link->path());
  if (link->path()) tell_path(peer, link->path());
  hear_entered(now, peer, contact.attempt ? Entered::By::server : Entered::By::knock);
  member_.handle_link(now, peer, LinkState::up, link->path() ? link->path()->rtt : std::nullopt);
  hear_member(now);
  // Who is linked now may introduce others that nobody could before.
  for (auto& [other, waiting] : contacts_)
    if (waiting.stage == Contact::Stage::idle) begin_anew(now, waiting);
  keep_contacts(now);
  keep_routes(now);
}

void Node::hear_ended(Instant now, const MemberId& peer, Contact& contact, const link::Link::Ended& ended) {
  const bool stood = contact.stage == Contact::Stage::up;
  if (contact.attempt && !stood) client_->report(now, *contact.attempt, rendezvous::Outcome::failed);
  drop_link(now, peer, contact);
  if (!stood) close_entrance(now, peer);
  if (!stood && ended.reason == link::EndReason::authentication_failed)
    events_.emplace_back(Trouble{{.code = Errc::refused,
                                  .reason = "authentication-failed",
                                  .detail = to_text(peer).substr(0, 8) + " is not who was announced",
                                  .advice = "somebody between may have changed what was passed on"}});
  if (!stood) count_failure(now, peer, contact);
}

void Node::drop_link(Instant now, const MemberId& peer, Contact& contact) {
  const bool stood = contact.stage == Contact::Stage::up;
  if (const auto* link = contact.link ? hub_.find(*contact.link) : nullptr) contact.past += link->traffic();
  if (contact.link) hub_.drop(*contact.link);
  contact.link.reset();
  contact.attempt.reset();
  contact.by.reset();
  contact.routers.clear();
  contact.places_told.clear();
  contact.deadline.reset();
  contact.enter(now, Contact::Stage::idle);
  contact.next_try = now + contact.pause;
  contact.pause = std::min(2 * contact.pause, Duration{std::chrono::seconds{5}});
  if (!stood) return;
  events_.emplace_back(LinkChanged{peer, std::nullopt, std::nullopt});
  member_.handle_link(now, peer, LinkState::none, {});
}

void Node::tell_path(const MemberId& peer, const std::optional<ice::Path>& path) {
  if (path && path->is_direct() && path->protocol == Protocol::udp) contacts_.at(peer).last_remote = path->remote;
  events_.emplace_back(LinkChanged{peer, path, path ? router_of(path->socket) : std::nullopt});
}

std::optional<LinkChanged> Node::path_to(const MemberId& peer) const {
  const auto contact = contacts_.find(peer);
  if (contact == contacts_.end() || contact->second.stage != Contact::Stage::up) return std::nullopt;
  const auto* link = hub_.find(*contact->second.link);
  if (!link || !link->path()) return std::nullopt;
  return LinkChanged{peer, link->path(), router_of(link->path()->socket)};
}

link::Traffic Node::traffic_with(const MemberId& peer) const {
  const auto contact = contacts_.find(peer);
  if (contact == contacts_.end()) return {};
  auto all = contact->second.past;
  if (const auto* link = contact->second.link ? hub_.find(*contact->second.link) : nullptr) all += link->traffic();
  return all;
}

link::Traffic Node::traffic() const {
  auto all = with_others_;
  for (const auto& [peer, contact] : contacts_) all += traffic_with(peer);
  return all;
}

std::optional<MemberId> Node::peer_of(link::LinkId link) const {
  const auto found = std::ranges::find_if(contacts_, [&](const auto& each) { return each.second.link == link; });
  return found == contacts_.end() ? std::nullopt : std::optional{found->first};
}

void Node::hear_member(Instant now) {
  while (true) {
    while (const auto out = member_.poll_message()) deliver(now, *out);
    auto event = member_.poll_event();
    if (!event) break;
    if (const auto* passed = std::get_if<PassedOn>(&*event)) {
      hear_passed(now, *passed);
      continue;
    }
    const bool is_of_session = std::holds_alternative<Joined>(*event) || std::holds_alternative<BecameHost>(*event);
    const auto* refused = std::get_if<NotJoined>(&*event);
    const auto* struck = std::get_if<StruckOut>(&*event);
    if (const auto* changed = std::get_if<HostChanged>(&*event)) host_end_ = changed->cause;
    has_ended_ = has_ended_ || std::holds_alternative<Ended>(*event);
    const bool is_end = refused || std::holds_alternative<Ended>(*event);
    const bool is_thrown_out = struck && member_.is_over();
    std::visit(
        [&](auto& each) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(each)>, PassedOn>) events_.emplace_back(std::move(each));
        },
        *event);
    if (is_of_session) {
      stop_gathering(now);
      open_door(now);
      ask_for_witness(now);
    }
    if (is_end || is_thrown_out) return finish(now, std::nullopt);
  }
  if (member_.is_over() && !is_closing_) return finish(now, std::nullopt);
  listen();
  keep_row(now);
  if (member_.wanted() != wanted_) keep_contacts(now);
}

void Node::deliver(Instant now, const Outgoing& out) {
  if (out.to == witness_) return say_to_witness(now, out.bytes);
  const auto contact = contacts_.find(out.to);
  if (contact == contacts_.end() || contact->second.stage != Contact::Stage::up) return;
  auto* link = hub_.find(*contact->second.link);
  const auto stream = out.delivery == Outgoing::Delivery::reliable ? control_stream : beat_stream;
  // What does not fit is lost, like anything that members say: they say it again.
  std::ignore = link->send(now, stream, channel::MessageKind::binary, out.bytes);
}

/// Links close in order, the row goes if it was ours alone, the server is told.
void Node::finish(Instant now, std::optional<Error> error) {
  if (is_closing_) return;
  is_closing_ = true;
  goal_.reset();
  withdraw_row(now);
  for (const auto* door : all_doors())
    if (door->link) hub_.drop(*door->link);
  doors_.clear();
  entrances_.clear();
  gatherings_.clear();
  hub_.flush(now);
  hub_.close(now);
  if (client_) client_->leave(now);
  events_.emplace_back(Over{std::move(error)});
}
}  // namespace natkit::mesh
