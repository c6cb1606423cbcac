#include <algorithm>
#include <utility>

#include "natkit/link/pairing.hpp"
#include "natkit/mesh/node.hpp"

/// Strangers, and the session's row.
namespace natkit::mesh {
namespace {
constexpr Duration pause_of_search = std::chrono::milliseconds{500};
constexpr Duration pause_of_seek = std::chrono::seconds{5};
constexpr Duration wait_at_entrance = std::chrono::seconds{3};
/// A knock takes three round trips; only then is the server asked to help, so that not both make a link.
constexpr Duration head_start_of_knocks = std::chrono::milliseconds{800};
/// So many joiners are served at one instant; each further one waits for a round trip to the server, until this member
/// has described itself anew.
constexpr std::size_t doors_at_once = 8;

std::string door_name(const SessionId& session, std::string_view member) {
  return "mesh/" + to_text(session) + '/' + std::string{member};
}

Error lost_server(const rendezvous::ServerLost& lost) {
  return rendezvous::to_error(rendezvous::Reason::server_unreachable,
                              to_text(lost.server) + " is lost: " + lost.why + "; the session goes on");
}

rendezvous::HostEnd end_of(HostChanged::Cause cause) {
  switch (cause) {
    case HostChanged::Cause::crashed:
    case HostChanged::Cause::lost:
      return rendezvous::HostEnd::lost;
    case HostChanged::Cause::handed_over:
    case HostChanged::Cause::left:
      return rendezvous::HostEnd::left;
    default:
      return rendezvous::HostEnd::not_said;
  }
}
std::optional<bool> open_of(Reach reach) {
  return reach == Reach::unknown ? std::nullopt : std::optional{reach == Reach::open};
}
}  // namespace

void Node::hear_client(Instant now) {
  if (!client_) return;
  while (auto event = client_->poll_event()) {
    if (const auto* registered = std::get_if<rendezvous::RegisteredAt>(&*event)) {
      is_registered_ = was_registered_ = true;
      server_rtt_ = registered->round_trip;
      events_.emplace_back(AtServer{*registered});
      use_relays(now, registered->services);
      open_door(now);
      ask_directory(now);
      ask_for_witness(now);
    } else if (const auto* renewed = std::get_if<rendezvous::NewServices>(&*event)) {
      use_relays(now, renewed->services);
    } else if (const auto* found = std::get_if<rendezvous::FoundPeer>(&*event)) {
      hear_found(now, *found);
    } else if (const auto* remote = std::get_if<rendezvous::RemoteCandidate>(&*event)) {
      for (auto& [peer, contact] : contacts_)
        if (contact.attempt == remote->attempt && contact.link)
          if (const auto candidate = ice::parse_candidate(remote->text))
            hub_.add_remote(now, *contact.link, *candidate);
    } else if (const auto* rows = std::get_if<rendezvous::FoundRows>(&*event)) {
      if (question_ == rows->question) hear_rows(now, rows->rows);
    } else if (const auto* silent = std::get_if<rendezvous::NotAnswered>(&*event)) {
      if (question_ == silent->question) question_.reset();
    } else if (const auto* stands = std::get_if<rendezvous::RowStands>(&*event)) {
      failed_to_host_ = stands->failed_to_host;
      tell_failures();
    } else if (const auto* refused = std::get_if<rendezvous::RowRefused>(&*event)) {
      events_.emplace_back(Trouble{
          {.code = Errc::refused,
           .reason = std::string{rendezvous::to_text(refused->refusal)},
           .detail = "the directory does not show this session: " + std::string{rendezvous::to_text(refused->refusal)},
           .advice = {}}});
    } else if (auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event)) {
      hear_not_possible(now, *not_possible);
    } else if (const auto* lost = std::get_if<rendezvous::ServerLost>(&*event)) {
      is_registered_ = false;
      lose_witness(now);
      events_.emplace_back(Trouble{lost_server(*lost)});
    } else if (std::holds_alternative<rendezvous::Resumed>(*event)) {
      is_registered_ = true;
      ask_for_witness(now);
    } else if (const auto* said = std::get_if<rendezvous::WitnessSaid>(&*event)) {
      hear_witness(now, *said);
    }
  }
}

void Node::use_relays(Instant now, const std::vector<rendezvous::Service>& services) {
  for (const auto& service : services)
    if (service.kind == rendezvous::Service::Kind::turn && service.address)
      hub_.add_relay(now, link::relay_of(service,
                                         service.transport == rendezvous::Service::Transport::udp
                                             ? link::RelayServer::Use::at_once
                                             : link::RelayServer::Use::when_others_are_silent,
                                         server_rtt_));
}

// --- who finds this member -----------------------------------------------------------------------------------------

/// Once there is a session and a server, others can find this member there.
void Node::open_door(Instant now) {
  if (!client_ || !is_registered_ || !member_.is_member() || !doors_.empty() || is_closing_) return;
  session_ = member_.view()->settings.branch_of.value_or(member_.view()->session);
  for (std::size_t door = 0; door < doors_at_once; ++door) {
    doors_.push_back({.place = client_->open(now, {.purpose = rendezvous::Purpose::listen,
                                                   .name = door_name(session_, to_text(member_.id()))}),
                      .describe_by = now + config_.gathering});
    if (hub_.gathering().is_done()) describe(now, doors_.back());
  }
}

std::vector<Node::Door*> Node::all_doors() {
  std::vector<Door*> all;
  for (auto& door : doors_) all.push_back(&door);
  for (auto& [member, entrance] : entrances_) all.push_back(&entrance);
  for (auto& gathering : gatherings_) all.push_back(&gathering);
  return all;
}

std::vector<const Node::Door*> Node::all_doors() const {
  std::vector<const Door*> all;
  for (const auto& door : doors_) all.push_back(&door);
  for (const auto& [member, entrance] : entrances_) all.push_back(&entrance);
  for (const auto& gathering : gatherings_) all.push_back(&gathering);
  return all;
}

void Node::describe(Instant now, Door& door) {
  door.describe_by.reset();
  if (!door.link) door.link = hub_.open(now, link::RelayUse::last);
  if (door.link) client_->describe(now, door.place, link::write_description(hub_.describe(*door.link)));
}

void Node::hear_found(Instant now, const rendezvous::FoundPeer& found) {
  const auto doors = all_doors();
  const auto at = std::ranges::find(doors, found.place, &Door::place);
  auto* door = at == doors.end() ? nullptr : *at;
  const auto parsed = link::parse_description(found.description);
  if (!door || !door->link || !parsed) return client_->send_bye(now, found.attempt, rendezvous::Reason::rejected);
  const auto link = *std::exchange(door->link, std::nullopt);
  const MemberId peer{parsed->description.fingerprint->digest};
  const auto entrance = std::ranges::find(entrances_, door, [](auto& each) { return &each.second; });
  const bool is_door = entrance == entrances_.end();
  const auto known = contacts_.find(peer);
  // By a member's help, at the same time.
  const bool is_just_linked = known != contacts_.end() && known->second.stage == Contact::Stage::up &&
                              now < known->second.stage_since + crossing;
  const bool is_welcome = is_door ? has_room_for(peer) : entrance->first == peer;
  if (is_just_linked || !is_welcome) {
    hub_.drop(link);
    client_->send_bye(now, found.attempt, rendezvous::Reason::rejected);
  } else {
    auto& contact = contacts_[peer];
    if (contact.link) drop_link(now, peer, contact);
    contact.link = link;
    contact.attempt = found.attempt;
    begin_link(now, peer, contact, parsed->description,
               found.role == rendezvous::Role::controlling ? ice::Role::controlling : ice::Role::controlled,
               found.start);
  }
  if (is_door) describe(now, *door);
}

// --- whom this host finds ------------------------------------------------------------------------------------------
//
//   asking the directory --rows--> dialling at the doors of all entries --found--> linked: the member machine goes on
//        ^----- no row yet, or nobody is there: a pause -------'                   deadline: not found, or nobody there

void Node::join(Instant now, Goal goal) {
  goal_ = Search{.goal = std::move(goal), .next = now, .until = now + config_.member.timing.join};
  if (const auto& invite = goal_->goal.invite) {
    session_ = invite->session;
    knock_ = invite->knock;
    goal_->goal.session = invite->session;
    goal_->server_from = now + head_start_of_knocks;
    knock_at_entries(now);
  }
  ask_directory(now);
  hear(now);
}

void Node::ask_directory(Instant now) {
  const bool is_away = was_registered_ && !is_registered_;  // the first question goes out with the registration
  if (!goal_ || !client_ || is_away || question_ || !entrances_.empty() || now < goal_->server_from) return;
  rendezvous::Query query{.most = 8};
  if (goal_->goal.session)
    query.session = to_text(*goal_->goal.session);
  else
    query.name = goal_->goal.name;
  if (!goal_->goal.game.empty() && !goal_->goal.invite) query.game = goal_->goal.game;
  question_ = client_->find(now, query);
}

void Node::hear_rows(Instant now, const std::vector<rendezvous::Entry>& rows) {
  question_.reset();
  if (!goal_) {
    if (!rows.empty()) ask_host_of(now, rows.front().row);
    return;
  }
  goal_->next = now + pause_of_search;
  goal_->was_answered = true;
  for (const auto& [row, address, age, refreshed, failed] : rows) {
    const auto session = parse_session_id(row.session);
    if (!session || row.entry_points.empty()) continue;
    session_ = *session;
    return dial(now, row.entry_points);
  }
}

/// Who is without a host looks who leads by now: it may be somebody that it never met.
void Node::seek_host(Instant now) {
  const auto& view = member_.view();
  const bool has_a_host = member_.is_member() && !member_.is_paused() && !(view && view->settings.branch_of);
  const bool is_lost = !goal_ && !is_closing_ && !has_a_host && !member_.is_over();
  if (!is_lost || !is_registered_ || question_ || !entrances_.empty() || now < next_seek_) return;
  next_seek_ = now + pause_of_seek;
  question_ = client_->find(now, {.session = to_text(session_), .most = 1});
}

void Node::ask_host_of(Instant now, const rendezvous::Row& row) {
  if (!entrances_.empty() || row.session != to_text(session_) || row.entry_points.empty()) return;
  const auto host = parse_member_id(row.entry_points.front());
  const auto contact = host ? contacts_.find(*host) : contacts_.end();
  const bool is_linked = contact != contacts_.end() && contact->second.stage == Contact::Stage::up;
  if (!host || *host == member_.id()) return;
  member_.ask_at(*host);
  if (!is_linked) try_door(now, *host);
}

/// At all doors at once: whoever opens first lets this host in, and links with the others are wanted too.
void Node::dial(Instant now, const std::vector<std::string>& entries) {
  for (const auto& entry : entries) {
    const auto member = parse_member_id(entry);
    if (!member || *member == member_.id()) continue;
    goal_->dialled.insert(*member);
    if (entrances_.contains(*member)) continue;
    const auto known = contacts_.find(*member);
    if (known == contacts_.end() || known->second.stage == Contact::Stage::idle) try_door(now, *member);
  }
  gather(now);
}

/// Those who join at the same moment will need links with each other; the host could tell them only once it is linked
/// with all of them.
void Node::gather(Instant now) {
  while (gatherings_.size() < doors_at_once) {
    gatherings_.push_back({.place = client_->open(
                               now, {.purpose = rendezvous::Purpose::gather, .name = door_name(session_, "newcomers")}),
                           .describe_by = now + config_.gathering});
    if (hub_.gathering().is_done()) describe(now, gatherings_.back());
  }
}

void Node::stop_gathering(Instant now) {
  for (const auto& gathering : std::exchange(gatherings_, {})) {
    if (gathering.link) hub_.drop(*gathering.link);
    client_->close(now, gathering.place);
  }
}

void Node::try_door(Instant now, const MemberId& member) {
  auto& entrance = entrances_[member];
  entrance = {.place = client_->open(now, {.purpose = rendezvous::Purpose::connect,
                                           .name = door_name(session_, to_text(member)),
                                           .wait = wait_at_entrance}),
              .describe_by = now + config_.gathering,
              .since = now};
  if (hub_.gathering().is_done()) describe(now, entrance);
}

void Node::close_entrance(Instant now, const MemberId& member) {
  const auto found = entrances_.find(member);
  if (found == entrances_.end()) return;
  if (found->second.link) hub_.drop(*found->second.link);
  client_->close(now, found->second.place);
  entrances_.erase(found);
}

void Node::hear_not_possible(Instant now, const rendezvous::NotPossible& not_possible) {
  if (not_possible.finality == rendezvous::Finality::passing) return;
  const auto entrance = std::ranges::find(entrances_, not_possible.place,
                                          [](const auto& each) { return std::optional{each.second.place}; });
  if (entrance != entrances_.end()) {
    if (entrance->second.link) hub_.drop(*entrance->second.link);
    entrances_.erase(entrance);
    return;
  }
  for (auto* doors : {&doors_, &gatherings_}) {
    const auto door =
        std::ranges::find(*doors, not_possible.place, [](const Door& each) { return std::optional{each.place}; });
    if (door == doors->end()) continue;
    if (door->link) hub_.drop(*door->link);
    doors->erase(door);
    return;
  }
  if (not_possible.place) return;
  // The server wants nothing to do with this host: that ends what cannot be done without it.
  // A session that was never listed nobody would ever find.
  const bool is_needed = config_.server == ServerUse::needed && (!member_.is_member() || !was_registered_);
  if (is_needed) return finish(now, not_possible.error);
  events_.emplace_back(Trouble{not_possible.error});
}

/// Until the member machine has a link it can go on with.
void Node::keep_looking(Instant now) {
  if (!goal_) return;
  if (goal_->has_entered) {
    goal_.reset();
    return;
  }
  if (now >= goal_->until) {
    const bool was_anybody_there = !goal_->dialled.empty() || !goal_->was_answered || goal_->goal.invite;
    events_.emplace_back(NotJoined{was_anybody_there ? Refusal::timeout : Refusal::not_found, tried(), {}});
    return finish(now, std::nullopt);
  }
  knock_at_entries(now);
  if (now < goal_->next) return;
  goal_->next = now + pause_of_search;
  // A name that nobody has yet is worth a second look, since hosts come and go; but not the whole time.
  if (goal_->was_answered && goal_->dialled.empty() && !goal_->goal.invite &&
      ++goal_->empty_answers >= goal_->goal.looks) {
    events_.emplace_back(NotJoined{Refusal::not_found, {}, {}});
    return finish(now, std::nullopt);
  }
  ask_directory(now);
}

// --- the row -------------------------------------------------------------------------------------------------------

/// Written by the host that acts, whenever something in it has changed.
void Node::keep_row(Instant now) {
  if (!client_) return;
  const auto& view = member_.view();
  // A branch is nobody's to find: who belongs to it knows the others.
  const bool leads = view && !view->settings.branch_of && member_.acts(now);
  if (!leads) {
    if (published_ && (!view || view->host != member_.id())) {
      client_->release(to_text(session_));
      published_.reset();
    }
    return;
  }
  if (published_ == view && !is_row_stale_) return;
  is_row_stale_ = false;
  const bool is_take_over = !published_;
  published_ = view;
  session_ = view->session;
  rendezvous::Row row{
      .session = to_text(view->session),
      .name = view->settings.name,
      .game = view->settings.game,
      .tags = {view->settings.tags.begin(), view->settings.tags.end()},
      .host = to_text(view->host),
      .epoch = view->version.epoch,
      .members = static_cast<std::uint32_t>(view->members.size()),
      .max = view->settings.most,
      .has_password = view->settings.password.has_value(),
      .visibility = view->settings.is_listed ? rendezvous::Visibility::listed : rendezvous::Visibility::hidden,
      .doors = view->settings.standing == Standing::locked ? rendezvous::Doors::locked : rendezvous::Doors::open,
      .router_is_open = open_of(member_.reach_of(config_.member.self)),
      .entry_points = {to_text(view->host)}};
  // Then who is easily reached, then the others.
  for (const auto reach : {Reach::open, Reach::easy, Reach::unknown, Reach::hard})
    for (const auto& member : view->members)
      if (member_.reach_of(member.self) == reach && member.self.id != view->host &&
          row.entry_points.size() < rendezvous::most_entry_points)
        row.entry_points.push_back(to_text(member.self.id));
  row_entries_ = row.entry_points;
  tell_failures();
  client_->publish(now, std::move(row), to_hex(view->settings.token),
                   is_take_over ? end_of(host_end_) : rendezvous::HostEnd::not_said);
}

/// Of those that stand in the row the directory says how often they failed to host, and of the others nothing.
void Node::tell_failures() {
  if (!failed_to_host_) return;
  std::map<MemberId, double> failures;
  for (const auto& entry : row_entries_) {
    const auto member = parse_member_id(entry);
    const auto found = failed_to_host_->find(entry);
    if (member) failures[*member] = found == failed_to_host_->end() ? 0 : found->second;
  }
  member_.set_failures(std::move(failures));
}

void Node::withdraw_row(Instant now) {
  if (!client_ || !published_) return;
  // Others may go on with the session; whoever is alone with it takes the row along.
  if (published_->members.size() == 1 || has_ended_)
    client_->withdraw(now, to_text(session_));
  else
    client_->release(to_text(session_));
  published_.reset();
}
}  // namespace natkit::mesh
