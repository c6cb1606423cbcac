#include "natkit/rendezvous/server.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "natkit/base/note_earlier.hpp"
#include "natkit/rendezvous/server_state.hpp"

namespace natkit::rendezvous {
namespace {
// Of bytes before the first whole line: enough to tell a browser from one of ours.
constexpr std::uint8_t first_byte = '{';
// An id and a token, of 256 bytes each, however they are escaped.
constexpr std::size_t longest_greeting = 4096;

template <class T>
constexpr bool is_numbered = std::is_same_v<T, Open> || std::is_same_v<T, Describe> || std::is_same_v<T, Close> ||
                             std::is_same_v<T, AttemptResult> || std::is_same_v<T, Candidate> ||
                             std::is_same_v<T, Restart> || std::is_same_v<T, Bye>;
}  // namespace

Server::Server(const Config& config, Store& store, Rng& rng)
    : config_(config), offer_(config.offer), store_(store), rng_(rng), alarms_(std::make_unique<AlarmTable>()) {}
Server::~Server() = default;

Server::Connection* Server::find_connection(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}
Server::Session* Server::find_session(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}
const Server::Session* Server::find_session(SessionId id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

bool Server::wants(const Datagram& in) const {
  if (in.protocol != Protocol::tcp) return false;
  if (ending_.contains({in.socket, in.local, in.remote})) return true;
  return (!in.payload.empty() && in.payload.front() == first_byte) ||
         by_path_.contains({in.socket, in.local, in.remote});
}

bool Server::needs_connection(SocketId listener, const Endpoint& local, const Endpoint& remote) const {
  const auto found = by_path_.find({listener, local, remote});
  return found != by_path_.end() && connections_.at(found->second).session;
}

Server::Connection* Server::connection_of(Instant now, const Datagram& in) {
  const Path path{in.socket, in.local, in.remote};
  if (const auto found = by_path_.find(path); found != by_path_.end()) return find_connection(found->second);
  const ConnectionId id{++connections_made_};
  auto& connection = connections_
                         .try_emplace(id, Connection{.id = id,
                                                     .path = path,
                                                     .messages = {config_.limits.messages, now},
                                                     .bytes = {config_.limits.line_bytes, now},
                                                     .answers = {config_.limits.answer_bytes, now},
                                                     .since = now})
                         .first->second;
  by_path_.emplace(path, id);
  if (connections_.size() > config_.limits.connections) {
    dismiss(now, id, Reason::server_full, "this server serves as many clients as it may");
    return nullptr;
  }
  set_connection_alarm(connection);
  return &connection;
}

void Server::handle_datagram(Instant now, const Datagram& in) {
  if (in.protocol != Protocol::tcp || ending_.contains({in.socket, in.local, in.remote})) return;
  auto* connection = connection_of(now, in);
  if (connection == nullptr) return;
  const auto id = connection->id;
  const auto count = static_cast<double>(in.payload.size());
  if (connection->bytes.level(config_.limits.line_bytes, now) < count)
    return dismiss(now, id, Reason::rejected, "too many bytes in too short a time");
  connection->bytes.take(count);
  connection->lines.append(in.payload);
  while (const auto line = connection->lines.next()) {
    handle_line(now, id, *line);
    connection = find_connection(id);
    if (connection == nullptr) return end_doomed(now);
  }
  if (connection->lines.is_broken()) {
    dismiss(now, id, Reason::rejected, fmt::format("a line has more than {} bytes", longest_line));
  } else {
    keep_part(now, *connection);
  }
  end_doomed(now);
}

/// What waits for the end of its line. Before registration lines are short; after it they may be long while there is
/// room for all.
void Server::keep_part(Instant now, Connection& connection) {
  const auto count = connection.lines.part_bytes();
  kept_bytes_ += count - connection.part_bytes;
  connection.part_bytes = count;
  if (count > longest_greeting && !connection.session)
    return dismiss(now, connection.id, Reason::rejected, "too long a line for one who has not registered");
  if (count > longest_greeting && kept_bytes_ > config_.limits.bytes)
    return dismiss(now, connection.id, Reason::server_full, "this server is out of room");
  if (count == 0)
    connection.part_since.reset();
  else if (!connection.part_since)
    connection.part_since = now;
  set_connection_alarm(connection);
}

void Server::handle_line(Instant now, ConnectionId id, std::string_view line) {
  auto& connection = *find_connection(id);
  if (connection.messages.level(config_.limits.messages, now) < 1)
    return dismiss(now, id, Reason::rejected, "too many messages in too short a time");
  connection.messages.take(1);
  const auto message = parse_message(line);
  const bool is_hello = message && std::holds_alternative<Hello>(*message);
  if (!connection.is_greeted && !is_hello)
    return dismiss(
        now, id, Reason::version_mismatch,
        fmt::format("this is rendezvousd of natkit, version {}; a client says hello first", protocol_version));
  if (message) return handle_message(now, connection, *message);
  if (message.error() != MessageError::unknown_type) dismiss(now, id, Reason::rejected, "a message is malformed");
}

void Server::handle_message(Instant now, Connection& connection, const Message& message) {
  connection.missed = 0;
  if (const auto* hello = std::get_if<Hello>(&message)) {
    if (hello->version != protocol_version)
      return dismiss(
          now, connection.id, Reason::version_mismatch,
          fmt::format("the server speaks version {}, the client version {}", protocol_version, hello->version));
    connection.is_greeted = true;
    return send(connection, Welcome{.address = connection.path.remote, .ping_interval = config_.ping_interval});
  }
  if (const auto* ping = std::get_if<Ping>(&message)) {
    auto* session = connection.session ? find_session(*connection.session) : nullptr;
    if (session != nullptr) hear_of(*session, ping->heard);
    return send(connection, Pong{.number = ping->number, .heard = session != nullptr ? session->heard : 0});
  }
  if (const auto* registration = std::get_if<Register>(&message)) {
    if (connection.session) return dismiss(now, connection.id, Reason::rejected, "registered twice");
    return handle(now, connection, *registration);
  }
  if (!connection.session) return dismiss(now, connection.id, Reason::rejected, "register first");
  if (const auto* pong = std::get_if<Pong>(&message)) return handle_pong(now, connection, *pong);
  if (std::holds_alternative<Goodbye>(message)) {
    const auto session = *connection.session;
    const auto id = connection.id;
    end_session(now, session, Reason::closed);
    if (const auto* left = find_connection(id)) end_path(left->path);
    return forget_connection(id);
  }
  if (!handle_of_sessions(now, connection, message)) handle_numbered(now, connection, message);
}

void Server::handle_numbered(Instant now, Connection& connection, const Message& message) {
  auto& session = *find_session(*connection.session);
  const bool is_ours = std::visit(
      [&]<class T>(const T& known) {
        if constexpr (is_numbered<T>) {
          ++session.heard;
          if constexpr (std::is_same_v<T, Open> || std::is_same_v<T, Describe>)
            handle(now, session, known);
          else if constexpr (std::is_same_v<T, Close>)
            close_place(now, session, known.place);
          else
            handle(session, known);
        }
        return is_numbered<T>;
      },
      message);
  if (!is_ours) return dismiss(now, connection.id, Reason::rejected, "only a server says that");
  if (session.voice == Session::Voice::heard) return;
  session.voice = Session::Voice::heard;
  match_places(now, session);
}

void Server::match_places(Instant now, const Session& session) {
  std::vector<NameKey> keys;  // matching may close places
  keys.reserve(session.places.size());
  for (const auto& [number, place] : session.places) keys.push_back(place.key());
  for (const auto& key : keys) match(now, key);
}

void Server::set_connection_alarm(Connection& connection) {
  auto due = connection.session ? connection.next_ping : connection.since + config_.greeting;
  if (connection.part_since) due = std::min(due, *connection.part_since + config_.greeting);
  alarms_->set({.kind = AlarmKey::Kind::connection, .owner = static_cast<std::uint64_t>(connection.id)}, due);
}

void Server::handle_connection_alarm(Instant now, ConnectionId id) {
  auto& connection = *find_connection(id);
  if (connection.part_since && *connection.part_since + config_.greeting <= now)
    return dismiss(now, id, Reason::rejected, "a line does not end");
  if (!connection.session) return dismiss(now, id, Reason::rejected, "too slow to register");
  if (connection.next_ping <= now) {
    if (connection.ping_sent && ++connection.missed >= config_.missed_pings) {
      end_path(connection.path);
      leave_connection(now, *find_session(*connection.session));
      return forget_connection(id);
    }
    ping(now, connection);
  }
  set_connection_alarm(connection);
}

void Server::ping(Instant now, Connection& connection) {
  connection.ping_sent = now;
  connection.next_ping = now + config_.ping_interval;
  renew_offer(now, connection);
  send(connection, Ping{.number = ++connection.ping_number, .heard = find_session(*connection.session)->heard});
  set_connection_alarm(connection);
}

void Server::handle_pong(Instant now, Connection& connection, const Pong& pong) {
  auto& session = *find_session(*connection.session);
  hear_of(session, pong.heard);
  if (!connection.ping_sent || pong.number != connection.ping_number) return;
  session.round_trips[session.next_sample++ % Session::samples] = now - *connection.ping_sent;
  session.answered = now;
  connection.ping_sent.reset();
  const auto attempts = session.attempts;
  for (const auto attempt : attempts) begin_if_fresh(now, attempt);
  if (session.voice == Session::Voice::heard) return;
  session.voice = Session::Voice::heard;
  match_places(now, session);
}

/// Names that end are replaced at half their time.
void Server::renew_offer(Instant now, const Connection& connection) {
  auto& session = *find_session(*connection.session);
  const auto lifetime = offer_.lifetime();
  if (!lifetime || (session.offered && now - *session.offered < *lifetime / 2)) return;
  session.offered = now;
  send(connection,
       Renewed{.services = offer_.services(now, connection.path.local, session.peer_id), .services_for = lifetime});
}

void Server::renew_offers() {
  for (auto& [id, session] : sessions_) session.offered.reset();
}

void Server::send(const Connection& connection, const Message& message) {
  transmit(connection, write_message(message));
}

void Server::transmit(const Connection& connection, std::string_view line) {
  const auto bytes = as_bytes(line);
  out_.push_back({.socket = connection.path.socket,
                  .protocol = Protocol::tcp,
                  .local = connection.path.local,
                  .remote = connection.path.remote,
                  .payload = Bytes(bytes.begin(), bytes.end())});
}

void Server::dismiss(Instant now, ConnectionId id, Reason reason, const std::string& detail) {
  ++counters_.dismissed;
  const auto& connection = *find_connection(id);
  send(connection, Goodbye{.reason = reason, .detail = detail});
  end_path(connection.path);
  const auto session = connection.session;
  forget_connection(id);
  if (!session) return;
  find_session(*session)->connection.reset();
  end_session(now, *session, Reason::connection_to_target_lost);
}

/// What still comes from there, until the driver has been told, is not the beginning of another connection.
void Server::end_path(const Path& path) {
  if (ending_.insert(path).second) ends_.push_back(path);
}

void Server::forget_connection(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  alarms_->cancel({.kind = AlarmKey::Kind::connection, .owner = static_cast<std::uint64_t>(id)});
  by_path_.erase(found->second.path);
  kept_bytes_ -= found->second.part_bytes;
  connections_.erase(found);
}

void Server::handle_send_failure(Instant now, const Datagram& lost, std::string_view) {
  const auto found = by_path_.find({lost.socket, lost.local, lost.remote});
  if (lost.protocol != Protocol::tcp || found == by_path_.end()) return;
  const auto id = found->second;
  const auto session = find_connection(id)->session;
  forget_connection(id);
  if (session) leave_connection(now, *find_session(*session));
  end_doomed(now);
}

void Server::handle_timeout(Instant now) {
  while (const auto due = alarms_->pop(now)) {
    switch (due->kind) {
      case AlarmKey::Kind::connection:
        handle_connection_alarm(now, ConnectionId{due->owner});
        break;
      case AlarmKey::Kind::session:
        end_session(now, SessionId{due->owner}, Reason::connection_to_target_lost);
        break;
      case AlarmKey::Kind::place:
        handle_wait_over(now, SessionId{due->owner}, due->place);
        break;
      case AlarmKey::Kind::attempt:
        handle_unanswered(now, AttemptId{due->owner});
        break;
      case AlarmKey::Kind::attempt_away:
        handle_away(AttemptId{due->owner});
        break;
    }
  }
  if (config_.matchmaker != nullptr) {
    config_.matchmaker->handle_timeout(now);
    tell_matches(now);
  }
  end_doomed(now);
}

void Server::end_doomed(Instant now) {
  while (!doomed_.empty()) {
    const auto [id, why] = doomed_.back();
    doomed_.pop_back();
    const auto* session = find_session(id);
    if (session == nullptr) continue;
    if (session->connection)
      dismiss(now, *session->connection, Reason::rejected, why);
    else
      end_session(now, id, Reason::connection_to_target_lost);
  }
}

/// A connection is ended after its last words: only when they are on their way.
std::optional<SocketChange> Server::poll_socket() {
  if (!out_.empty() || ends_.empty()) return std::nullopt;
  const auto path = ends_.front();
  ends_.pop_front();
  ending_.erase(path);
  return ConnectionEnd{path.socket, path.remote};
}

std::optional<Datagram> Server::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

std::optional<Instant> Server::poll_timeout() const {
  auto due = alarms_->next();
  if (config_.matchmaker != nullptr) note_earlier(due, config_.matchmaker->poll_timeout());
  return due;
}

void Server::replace_bans(Instant now, BanList bans) {
  config_.bans = std::move(bans);
  std::vector<ConnectionId> unwanted;
  for (const auto& [id, session] : sessions_)
    if (session.connection && config_.bans.has(session.peer_id)) unwanted.push_back(*session.connection);
  for (const auto id : unwanted) dismiss(now, id, Reason::banned, std::string{ban_words});
}

void Server::announce_end() {
  for (const auto& [id, connection] : connections_) send(connection, Closing{});
}
}  // namespace natkit::rendezvous
