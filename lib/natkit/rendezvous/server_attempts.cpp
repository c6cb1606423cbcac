#include <algorithm>
#include <tuple>

#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/server_state.hpp"

namespace natkit::rendezvous {
namespace {
std::uint64_t number_of(AttemptId id) { return static_cast<std::uint64_t>(id); }
}  // namespace

bool Server::is_there(const Seat& seat) const {
  const auto* session = find_session(seat.session);
  return session != nullptr && session->connection && session->places.contains(seat.place);
}

bool Server::is_matchable(const Seat& seat) const {
  if (!is_there(seat)) return false;
  const auto& session = *find_session(seat.session);
  const auto& place = session.places.at(seat.place);
  return session.voice == Session::Voice::heard && place.description && !place.asking;
}

void Server::match(Instant now, const NameKey& key) {
  const auto view = store_.seats(key);
  const std::vector<Seat> seats{view.begin(), view.end()};  // matching may close places
  switch (key.kind) {
    case NameKey::Kind::room:
      return match_room(now, seats);
    case NameKey::Kind::listened:
      return match_listener(now, seats);
    case NameKey::Kind::gathering:
      return match_gathering(now, seats);
  }
}

void Server::match_room(Instant now, const std::vector<Seat>& seats) {
  for (auto later = seats.begin(); later != seats.end(); ++later)
    for (auto earlier = seats.begin(); earlier != later; ++earlier)
      if (is_matchable(*earlier) && is_matchable(*later) && try_pair(now, *earlier, *later)) return;
}

/// Each place that listens has one description, for one connector.
void Server::match_listener(Instant now, const std::vector<Seat>& seats) {
  for (const auto& seat : seats) {
    if (seat.purpose != Purpose::connect || !is_matchable(seat)) continue;
    const auto listener = std::ranges::find_if(
        seats, [this](const Seat& each) { return each.purpose == Purpose::listen && is_matchable(each); });
    if (listener == seats.end()) return;
    std::ignore = try_pair(now, *listener, seat);
  }
}

void Server::match_gathering(Instant now, const std::vector<Seat>& seats) {
  for (auto later = seats.begin(); later != seats.end(); ++later)
    for (auto earlier = seats.begin(); earlier != later; ++earlier)
      if (is_matchable(*earlier) && is_matchable(*later) && !have_met(*earlier, *later)) ask(now, *earlier, *later);
}

/// Or are the same, or about to meet.
bool Server::have_met(const Seat& a, const Seat& b) const {
  const auto& session = *find_session(a.session);
  const auto pair = std::minmax({a.session, b.session});
  return session.peer_id == find_session(b.session)->peer_id ||
         std::ranges::any_of(session.attempts, [&](AttemptId id) { return attempts_.at(id).pair == pair; });
}

bool Server::try_pair(Instant now, const Seat& earlier, const Seat& later) {
  auto& session = *find_session(later.session);
  if (session.peer_id == find_session(earlier.session)->peer_id) return false;
  const auto running = in_progress_.find(std::minmax({earlier.session, later.session}));
  if (running == in_progress_.end()) {
    ask(now, earlier, later);
    return true;
  }
  const auto attempt = running->second;
  refuse_place(now, session, later.place,
               {.reason = Reason::already_in_progress,
                .detail = "the two are connecting already; wait for that",
                .attempt = attempt});
  return false;
}

void Server::ask(Instant now, const Seat& a, const Seat& b) {
  const AttemptId id{rng_.next()};
  auto& attempt = attempts_[id];
  attempt.asked = now;
  attempt.pair = std::minmax({a.session, b.session});
  attempt.sides = {Attempt::Side{.session = a.session, .place = a.place},
                   Attempt::Side{.session = b.session, .place = b.place}};
  in_progress_.emplace(attempt.pair, id);
  alarms_->set({.kind = AlarmKey::Kind::attempt, .owner = number_of(id)}, now + config_.patience);
  for (const auto& side : attempt.sides) {
    auto& session = *find_session(side.session);
    make_room_for_attempt(session);
    session.attempts.push_back(id);
    session.places.at(side.place).asking = id;
    auto& connection = *find_connection(*session.connection);
    // One that left just now is as good as a new one.
    const bool is_asked = connection.ping_sent && now - *connection.ping_sent <= config_.freshness;
    if (!is_fresh(session, attempt) && !is_asked) ping(now, connection);
  }
  begin_if_fresh(now, id);
}

/// Established ones only serve to carry restarts: the oldest goes first.
void Server::make_room_for_attempt(Session& session) {
  if (session.attempts.size() < config_.limits.attempts) return;
  const auto oldest = std::ranges::find_if(
      session.attempts, [this](AttemptId id) { return attempts_.at(id).stage == Attempt::Stage::established; });
  drop_attempt(oldest != session.attempts.end() ? *oldest : session.attempts.front());
}

bool Server::is_fresh(const Session& session, const Attempt& attempt) const {
  return session.connection && session.answered && *session.answered >= attempt.asked - config_.freshness;
}

void Server::begin_if_fresh(Instant now, AttemptId id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.stage != Attempt::Stage::asking) return;
  const auto& attempt = found->second;
  if (std::ranges::all_of(attempt.sides,
                          [&](const auto& side) { return is_fresh(*find_session(side.session), attempt); }))
    begin(now, id);
}

void Server::begin(Instant now, AttemptId id) {
  auto& attempt = attempts_.at(id);
  attempt.stage = Attempt::Stage::running;
  ++counters_.matched;
  alarms_->set({.kind = AlarmKey::Kind::attempt, .owner = number_of(id)}, now + config_.attempt_lifetime);
  Duration farthest{};
  for (const auto& side : attempt.sides) farthest = std::max(farthest, *find_session(side.session)->round_trip() / 2);
  std::array<std::string, 2> descriptions;
  for (std::size_t i = 0; i < 2; ++i) {
    auto& session = *find_session(attempt.sides[i].session);
    auto& place = session.places.at(attempt.sides[i].place);
    place.asking.reset();
    place.wait = Place::Wait::met;
    kept_bytes_ -= place.description->size();
    descriptions[i] = *std::exchange(place.description, std::nullopt);
    alarms_->cancel({.kind = AlarmKey::Kind::place,
                     .owner = static_cast<std::uint64_t>(session.id),
                     .place = attempt.sides[i].place});
  }
  for (std::size_t i = 0; i < 2; ++i) {
    auto& session = *find_session(attempt.sides[i].session);
    const auto& peer = *find_session(attempt.sides[1 - i].session);
    post(session, PeerFound{.place = attempt.sides[i].place,
                            .attempt = id,
                            .role = session.peer_id > peer.peer_id ? Role::controlling : Role::controlled,
                            .peer = peer.peer_id,
                            .peer_purpose = peer.places.at(attempt.sides[1 - i].place).purpose,
                            .peer_address = peer.address,
                            .description = std::move(descriptions[1 - i]),
                            .start_in = farthest - *session.round_trip() / 2});
  }
}

/// The patience of an attempt is over: nobody knows of it yet, or not both are connected.
void Server::handle_unanswered(Instant now, AttemptId id) {
  const auto& attempt = attempts_.at(id);
  if (attempt.stage != Attempt::Stage::asking) return end_attempt(id, Reason::punch_failed, std::nullopt);
  ++counters_.unresponsive;
  const auto sides = attempt.sides;
  std::array<bool, 2> answered{};
  for (std::size_t i = 0; i < 2; ++i) answered[i] = is_fresh(*find_session(sides[i].session), attempt);
  drop_attempt(id);
  for (std::size_t i = 0; i < 2; ++i) {
    auto& session = *find_session(sides[i].session);
    if (!answered[i]) session.voice = Session::Voice::mute;
    const auto place = session.places.find(sides[i].place);
    if (place == session.places.end()) continue;  // ended, and told so: the other side's end has matched others
    const bool is_lost = !find_session(sides[1 - i].session)->connection;
    Refused refusal{.reason = is_lost ? Reason::connection_to_target_lost : Reason::target_unresponsive,
                    .detail = is_lost            ? "the connection of the other side ended"
                              : !answered[1 - i] ? "the other side does not answer"
                                                 : "this side did not answer in time",
                    .finality = Finality::passing,
                    .place = sides[i].place,
                    .attempt = id};
    if (place->second.wait == Place::Wait::over)
      refuse_place(now, session, sides[i].place, std::move(refusal));
    else
      post(session, refusal);
  }
  for (const auto& side : sides) {
    const auto& places = find_session(side.session)->places;
    if (const auto place = places.find(side.place); place != places.end()) match(now, place->second.key());
  }
}

/// One side took itself away before anybody was told: the other one goes on waiting, at least as long as it would have.
void Server::abandon_asking(AttemptId id) {
  const auto attempt = attempts_.at(id);
  drop_attempt(id);
  for (const auto& side : attempt.sides) {
    auto& place = find_session(side.session)->places.at(side.place);
    if (place.wait != Place::Wait::over) continue;
    place.wait = Place::Wait::going_on;
    alarms_->set(
        {.kind = AlarmKey::Kind::place, .owner = static_cast<std::uint64_t>(side.session), .place = side.place},
        attempt.asked + config_.patience);
  }
}

void Server::end_attempt(AttemptId id, Reason reason, std::optional<SessionId> leaver) {
  const auto& attempt = attempts_.at(id);
  if (attempt.stage != Attempt::Stage::established) ++counters_.failed;
  for (const auto& side : attempt.sides)
    if (side.session != leaver) post(*find_session(side.session), Bye{.attempt = id, .reason = reason});
  drop_attempt(id);
}

void Server::drop_attempt(AttemptId id) {
  const auto found = attempts_.find(id);
  for (const auto& side : found->second.sides) {
    auto& session = *find_session(side.session);
    std::erase(session.attempts, id);
    if (const auto place = session.places.find(side.place); place != session.places.end() && place->second.asking == id)
      place->second.asking.reset();
  }
  if (const auto pair = in_progress_.find(found->second.pair); pair != in_progress_.end() && pair->second == id)
    in_progress_.erase(pair);
  for (const auto kind : {AlarmKey::Kind::attempt, AlarmKey::Kind::attempt_away})
    alarms_->cancel({.kind = kind, .owner = number_of(id)});
  attempts_.erase(found);
}

void Server::handle_away(AttemptId id) {
  const auto& attempt = attempts_.at(id);
  if (attempt.stage != Attempt::Stage::running) return;
  for (const auto& side : attempt.sides)
    if (!find_session(side.session)->connection)
      return end_attempt(id, Reason::connection_to_target_lost, side.session);
}

Server::Session* Server::peer_in(AttemptId id, const Session& session) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.stage == Attempt::Stage::asking) return nullptr;
  auto& attempt = found->second;
  if (attempt.sides[0].session != session.id && attempt.sides[1].session != session.id) return nullptr;
  return find_session(attempt.other_than(session.id).session);
}

void Server::handle(Session& session, const Candidate& message) {
  auto* peer = peer_in(message.attempt, session);
  if (peer == nullptr || message.text.size() > config_.limits.candidate_bytes) return;
  ++counters_.relayed;
  post(*peer, message);
}

void Server::handle(Session& session, const Restart& message) {
  auto* peer = peer_in(message.attempt, session);
  if (peer == nullptr || message.description.size() > config_.limits.description_bytes) return;
  ++counters_.relayed;
  post(*peer, message);
}

void Server::handle(Session& session, const Bye& message) {
  if (peer_in(message.attempt, session) != nullptr) end_attempt(message.attempt, message.reason, session.id);
}

void Server::handle(Session& session, const AttemptResult& message) {
  if (peer_in(message.attempt, session) == nullptr) return;
  auto& attempt = attempts_.at(message.attempt);
  if (message.outcome == Outcome::failed) return end_attempt(message.attempt, Reason::punch_failed, session.id);
  attempt.side_of(session.id).outcome = message.outcome;
  if (attempt.stage == Attempt::Stage::established || !attempt.other_than(session.id).outcome) return;
  attempt.stage = Attempt::Stage::established;
  ++counters_.connected;
  in_progress_.erase(attempt.pair);
  alarms_->cancel({.kind = AlarmKey::Kind::attempt, .owner = number_of(message.attempt)});
}
}  // namespace natkit::rendezvous
