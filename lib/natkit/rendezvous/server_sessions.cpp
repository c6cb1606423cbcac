#include <fmt/format.h>

#include <algorithm>

#include "natkit/crypto/digest.hpp"
#include "natkit/rendezvous/household.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/server_state.hpp"

namespace natkit::rendezvous {
namespace {
std::uint64_t number_of(SessionId id) { return static_cast<std::uint64_t>(id); }
}  // namespace

void Server::handle(Instant now, Connection& connection, const Register& message) {
  const auto token = crypto::sha256(as_bytes(message.token));
  if (const auto known = by_token_.find(token); known != by_token_.end()) {
    auto& session = *find_session(known->second);
    if (session.peer_id != message.id)
      return dismiss(now, connection.id, Reason::authentication_failed, "that token belongs to another id");
    if (const auto earlier = session.connection) {
      leave_connection(now, session);
      find_connection(*earlier)->session.reset();
      dismiss(now, *earlier, Reason::rejected, "the same client has registered over another connection");
    }
    if (message.heard && forget_heard(session, *message.heard)) return resume(now, connection, session);
    end_session(now, session.id, Reason::connection_to_target_lost);
  }
  if (config_.bans.has(message.id)) return dismiss(now, connection.id, Reason::banned, std::string{ban_words});
  const auto household = household_of(connection.path.remote.address);
  if (const auto shortage = find_shortage(household))
    return dismiss(now, connection.id, Reason::server_full, *shortage);
  const SessionId id{++sessions_made_};
  auto& session = sessions_.try_emplace(id).first->second;
  session.id = id;
  session.peer_id = message.id;
  session.token = token;
  session.household = household;
  by_token_.emplace(token, id);
  by_peer_[message.id] = id;
  ++per_household_[household];
  ++counters_.registered;
  session.connection = connection.id;
  session.address = connection.path.remote;
  connection.session = id;
  send(connection, welcome_in(now, connection, session));
  ping(now, connection);
}

Registered Server::welcome_in(Instant now, const Connection& connection, Session& session) {
  session.offered = now;
  return {.session = Registered::Session::fresh,
          .heard = session.heard,
          .services = offer_.services(now, connection.path.local, session.peer_id),
          .services_for = offer_.lifetime(),
          .signer = config_.identity ? to_hex(config_.identity->fingerprint().digest) : std::string{}};
}

std::optional<std::string> Server::find_shortage(const IpAddress& household) const {
  if (sessions_.size() >= config_.limits.sessions) return "this server serves as many clients as it may";
  const auto found = per_household_.find(household);
  if (found != per_household_.end() && found->second >= config_.limits.sessions_per_address)
    return "this server serves as many clients of that address as it may";
  return std::nullopt;
}

void Server::resume(Instant now, Connection& connection, Session& session) {
  ++counters_.resumed;
  alarms_->cancel({.kind = AlarmKey::Kind::session, .owner = number_of(session.id)});
  session.connection = connection.id;
  session.address = connection.path.remote;
  connection.session = session.id;
  auto welcome = welcome_in(now, connection, session);
  welcome.session = Registered::Session::resumed;
  send(connection, welcome);
  for (const auto& line : session.out.kept()) transmit(connection, line);
  ping(now, connection);  // its answer also tells the attempts that wait for this side
  match_places(now, session);
}

void Server::leave_connection(Instant now, Session& session) {
  stop_seeking(session);  // it says so again when it is back
  session.connection.reset();
  session.answered.reset();
  alarms_->set({.kind = AlarmKey::Kind::session, .owner = number_of(session.id)}, now + config_.grace);
  for (const auto attempt : session.attempts)
    if (attempts_.at(attempt).stage == Attempt::Stage::running)
      alarms_->set({.kind = AlarmKey::Kind::attempt_away, .owner = static_cast<std::uint64_t>(attempt)},
                   now + config_.attempt_grace);
}

void Server::end_session(Instant now, SessionId id, Reason reason) {
  auto& session = *find_session(id);
  stop_seeking(session);
  if (session.connection)
    if (auto* connection = find_connection(*session.connection)) connection->session.reset();
  session.connection.reset();  // it is told nothing more
  while (!session.attempts.empty()) {
    const auto attempt = session.attempts.back();
    if (attempts_.at(attempt).stage == Attempt::Stage::asking)
      abandon_asking(attempt);
    else
      end_attempt(attempt, reason, id);
  }
  while (!session.places.empty()) close_place(now, session, session.places.begin()->first);
  kept_bytes_ -= session.out.bytes();
  alarms_->cancel({.kind = AlarmKey::Kind::session, .owner = number_of(id)});
  const auto household = per_household_.find(session.household);
  if (--household->second == 0) per_household_.erase(household);
  by_token_.erase(session.token);
  if (const auto found = by_peer_.find(session.peer_id); found != by_peer_.end() && found->second == id)
    by_peer_.erase(found);
  sessions_.erase(id);
}

void Server::post(Session& session, const Message& message) {
  const auto& line = session.out.push(write_message(message));
  kept_bytes_ += line.size();
  const auto& limits = config_.limits;
  const bool is_crowded = kept_bytes_ > limits.bytes && session.out.bytes() > limits.unheard_bytes / 16;
  if (session.out.bytes() > limits.unheard_bytes || is_crowded)
    return doomed_.emplace_back(session.id, "too much waits to be heard"), void();
  if (session.connection) transmit(*find_connection(*session.connection), line);
}

bool Server::forget_heard(Session& session, std::uint64_t heard) {
  const auto before = session.out.bytes();
  if (!session.out.forget(heard)) return false;
  kept_bytes_ -= before - session.out.bytes();
  return true;
}

void Server::hear_of(Session& session, std::uint64_t heard) {
  if (!forget_heard(session, heard)) doomed_.emplace_back(session.id, "heard of what was never said");
}

void Server::handle(Instant now, Session& session, const Open& message) {
  if (message.place < session.next_place) return doomed_.emplace_back(session.id, "a place is opened twice"), void();
  session.next_place = PlaceId{static_cast<std::uint32_t>(message.place) + 1};
  if (auto objection = find_objection(now, session, message)) {
    ++counters_.refused;
    objection->place = message.place;
    objection->finality = Finality::final;
    return post(session, *objection);
  }
  auto& place = session.places[message.place];
  place.purpose = message.purpose;
  place.name = message.name;
  describe(place, message.description);
  store_.add(place.key(), {session.id, message.place, message.purpose});
  if (message.wait || message.purpose == Purpose::connect) {
    // Who does not want to wait for a listener still waits for the one that is there to answer.
    const auto wait =
        std::min(std::max(message.wait.value_or(Duration::zero()), config_.patience), config_.longest_wait);
    alarms_->set({.kind = AlarmKey::Kind::place, .owner = number_of(session.id), .place = message.place}, now + wait);
  }
  match(now, place.key());
}

std::optional<Refused> Server::find_objection(Instant now, Session& session, const Open& message) {
  const auto& limits = config_.limits;
  if (message.name.size() > limits.name_bytes || !is_showable(message.name))
    return Refused{.reason = Reason::rejected,
                   .detail = fmt::format("a name has at most {} bytes and no control characters", limits.name_bytes)};
  if (message.description && message.description->size() > limits.description_bytes)
    return Refused{.reason = Reason::rejected,
                   .detail = fmt::format("a description has at most {} bytes", limits.description_bytes)};
  if (session.places.size() >= limits.places)
    return Refused{.reason = Reason::server_full,
                   .detail = fmt::format("a client has at most {} places at a time", limits.places)};
  if (kept_bytes_ + message.description.value_or("").size() > limits.bytes)
    return Refused{.reason = Reason::server_full, .detail = "this server is out of room"};
  switch (message.purpose) {
    case Purpose::pair:
      return find_objection_in_room(now, session, message);
    case Purpose::listen:
      return find_objection_to_listener(now, session, message);
    case Purpose::connect:
      return find_objection_to_connector(session, message);
    case Purpose::gather:
      if (store_.seats({NameKey::Kind::gathering, message.name}).size() >= limits.gathered)
        return Refused{.reason = Reason::server_full, .detail = "too many gather under that name"};
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Refused> Server::find_objection_in_room(Instant now, Session& session, const Open& message) {
  const auto view = store_.seats({NameKey::Kind::room, message.name});
  const std::vector<Seat> seats{view.begin(), view.end()};
  std::size_t others = 0;
  for (const auto& seat : seats) {
    auto& holder = *find_session(seat.session);
    if (holder.peer_id == session.peer_id) {
      if (holder.connection)
        return Refused{.reason = Reason::rejected,
                       .detail = "the same identity is in that room already; nobody is paired with himself"};
      close_place(now, holder, seat.place);  // its owner was started anew, without the old token
    } else if (holder.connection) {
      ++others;
    }
  }
  if (others >= 2) return Refused{.reason = Reason::rejected, .detail = "two others are in that room already"};
  return std::nullopt;
}

std::optional<Refused> Server::find_objection_to_listener(Instant now, Session& session, const Open& message) {
  const auto view = store_.seats({NameKey::Kind::listened, message.name});
  const std::vector<Seat> seats{view.begin(), view.end()};  // closing a place changes it
  for (const auto& seat : seats) {
    if (seat.purpose != Purpose::listen || seat.session == session.id) continue;
    auto& holder = *find_session(seat.session);
    if (holder.connection || holder.peer_id != session.peer_id)
      return Refused{.reason = Reason::authentication_failed, .detail = "somebody else listens under that name"};
    close_place(now, holder, seat.place);
  }
  return std::nullopt;
}

std::optional<Refused> Server::find_objection_to_connector(Session& session, const Open& message) {
  std::size_t queued = 0;
  bool has_listener = false;
  for (const auto& seat : store_.seats({NameKey::Kind::listened, message.name})) {
    if (seat.purpose == Purpose::connect) {
      ++queued;
      continue;
    }
    const auto& holder = *find_session(seat.session);
    if (holder.peer_id == session.peer_id)
      return Refused{.reason = Reason::rejected,
                     .detail = "the same identity listens under that name; nobody connects to himself"};
    has_listener = holder.connection.has_value();
  }
  if (queued >= config_.limits.queued)
    return Refused{.reason = Reason::server_full, .detail = "too many wait for that name"};
  if (!has_listener && message.wait.value_or(Duration::zero()) == Duration::zero())
    return Refused{.reason = Reason::target_not_connected, .detail = "nobody listens under that name"};
  return std::nullopt;
}

void Server::handle(Instant now, Session& session, const Describe& message) {
  const auto found = session.places.find(message.place);
  if (found == session.places.end()) return;  // closed by a refusal that is still on its way
  if (message.description.size() > config_.limits.description_bytes)
    return refuse_place(
        now, session, message.place,
        {.reason = Reason::rejected,
         .detail = fmt::format("a description has at most {} bytes", config_.limits.description_bytes)});
  if (kept_bytes_ + message.description.size() > config_.limits.bytes)
    return refuse_place(now, session, message.place,
                        {.reason = Reason::server_full, .detail = "this server is out of room"});
  auto& place = found->second;
  describe(place, message.description);
  if (place.purpose == Purpose::connect && place.wait == Place::Wait::met) {
    place.wait = Place::Wait::going_on;
    alarms_->set({.kind = AlarmKey::Kind::place, .owner = number_of(session.id), .place = message.place},
                 now + config_.patience);
  }
  match(now, place.key());
}

void Server::describe(Place& place, std::optional<std::string> description) {
  if (place.description) kept_bytes_ -= place.description->size();
  if (description) kept_bytes_ += description->size();
  place.description = std::move(description);
}

void Server::handle_wait_over(Instant now, SessionId id, PlaceId number) {
  auto& session = *find_session(id);
  auto& place = session.places.at(number);
  place.wait = Place::Wait::over;
  if (place.asking || !place.description) return;  // about to be told, or has been
  bool has_target = false;
  for (const auto& seat : store_.seats(place.key()))
    has_target = has_target || (seat.session != id && is_there(seat) &&
                                (place.purpose != Purpose::connect || seat.purpose == Purpose::listen));
  if (has_target)
    return refuse_place(
        now, session, number,
        {.reason = Reason::target_unresponsive, .detail = "the other side is there and does not answer"});
  refuse_place(now, session, number,
               {.reason = Reason::target_not_connected,
                .detail = place.purpose == Purpose::pair      ? "nobody else came into that room"
                          : place.purpose == Purpose::connect ? "nobody listens under that name"
                                                              : "nobody came to that name"});
}

void Server::refuse_place(Instant now, Session& session, PlaceId place, Refused refusal) {
  ++counters_.refused;
  refusal.place = place;
  refusal.finality = Finality::final;
  close_place(now, session, place);
  post(session, refusal);
}

void Server::close_place(Instant now, Session& session, PlaceId number) {
  const auto found = session.places.find(number);
  if (found == session.places.end()) return;
  if (found->second.asking) abandon_asking(*found->second.asking);
  const auto key = found->second.key();
  store_.remove(key, {session.id, number, found->second.purpose});
  describe(found->second, std::nullopt);
  alarms_->cancel({.kind = AlarmKey::Kind::place, .owner = number_of(session.id), .place = number});
  session.places.erase(found);
  match(now, key);
}
}  // namespace natkit::rendezvous
