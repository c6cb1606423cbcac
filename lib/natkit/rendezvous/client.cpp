#include "natkit/rendezvous/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "natkit/base/note_earlier.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/rendezvous/client_state.hpp"

namespace natkit::rendezvous {
namespace {
using namespace std::chrono_literals;

// A dead server is noticed by what is not answered; the two together are what a person takes for "it hangs".
constexpr Duration ask_after = 1s;
constexpr Duration lost_after = 4s;
constexpr std::size_t quoted_bytes = 40;

std::string make_token(Rng& rng) {
  std::array<std::uint8_t, 16> bytes{};
  rng.fill(bytes);
  return to_hex(bytes);
}

/// When several servers fail in different ways, what tells most.
int weight_of(Reason reason) {
  if (reason == Reason::authentication_failed || reason == Reason::rejected) return 3;
  if (reason == Reason::server_full) return 2;
  return reason == Reason::version_mismatch ? 1 : 0;
}

/// Coming back later helps against being unreachable or full, and against nothing else.
bool may_pass(Reason reason) {
  return reason == Reason::server_unreachable || reason == Reason::server_full || reason == Reason::server_closing;
}
}  // namespace

Client::Client(Config config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      session_(std::make_unique<Session>()),
      sessions_(std::make_unique<Sessions>()) {
  assert(!config_.servers.empty());
  if (config_.token.empty()) config_.token = make_token(rng_);
  pause_ = config_.first_pause;
}
Client::~Client() = default;

void Client::start(Instant now) { dial_all(now); }

bool Client::owns(SocketId socket) const {
  const auto first = static_cast<std::uint32_t>(config_.first_socket);
  const auto number = static_cast<std::uint32_t>(socket);
  return number >= first && number - first < sockets_made_;
}

ServerConnection* Client::find(SocketId socket) {
  const auto found = std::ranges::find_if(connections_, [&](const auto& c) { return c->socket == socket; });
  return found == connections_.end() ? nullptr : found->get();
}

void Client::dial_all(Instant now) {
  state_ = State::choosing;
  next_try_.reset();
  for (const auto& connection : connections_)  // all have failed
    if (config_.tls.contains(connection->server)) wishes_.emplace_back(SocketEnd{connection->socket});
  connections_.clear();
  for (const auto& server : config_.servers) dial(now, server);
  if (connections_.size() == 1) use(now, *connections_.front());  // nothing to choose: no round trip for it
}

void Client::dial(Instant now, const Endpoint& server) {
  auto& connection = *connections_.emplace_back(std::make_unique<ServerConnection>());
  connection.socket = SocketId{static_cast<std::uint32_t>(config_.first_socket) + sockets_made_++};
  connection.server = server;
  connection.since = now;
  connection.heard = now;
  if (const auto tls = config_.tls.find(server); tls != config_.tls.end())
    wishes_.emplace_back(SocketWish{.socket = connection.socket, .protocol = Protocol::tcp, .tls = tls->second});
  send(connection, Hello{});
}

void Client::choose(Instant now) {
  if (state_ != State::choosing) return;
  const auto is_alive = [](const auto& c) { return c->state != ServerConnection::State::failed; };
  const auto first = std::ranges::find_if(connections_, is_alive);
  if (first == connections_.end()) return fail(now);
  if ((*first)->state == ServerConnection::State::welcomed) return use(now, **first);
  for (const auto& connection : connections_)
    if (connection->welcomed && is_alive(connection) && *connection->welcomed + config_.preference <= now)
      return use(now, *connection);
}

void Client::use(Instant now, ServerConnection& chosen) {
  for (const auto& connection : connections_)
    if (connection.get() != &chosen && connection->state != ServerConnection::State::failed)
      ends_.push_back({connection->socket, connection->server});
  std::erase_if(connections_, [&](const auto& connection) { return connection.get() != &chosen; });
  state_ = State::registering;
  used_ = &chosen;
  const bool is_known = session_->told == Session::Told::perhaps;
  session_->told = Session::Told::perhaps;
  chosen.use = ServerConnection::Use::registering;
  chosen.said = now;
  send(chosen, Register{.id = config_.id,
                        .token = config_.token,
                        .heard = is_known ? std::optional{session_->heard} : std::nullopt});
  if (is_known) return;  // what it has heard already, its answer will say
  chosen.use = ServerConnection::Use::carrying;
  transmit_pending();
  ask_all(now);
}

void Client::transmit_pending() {
  for (const auto& line : session_->out.kept()) transmit(*used_, line);
}

/// Every server has failed.
void Client::fail(Instant now) {
  const auto worst =
      std::ranges::max_element(connections_, {}, [](const auto& connection) { return weight_of(connection->failure); });
  std::string detail;
  for (const auto& connection : connections_)
    detail += fmt::format("{}{}: {}", detail.empty() ? "" : "; ", to_text(connection->server), connection->detail);
  const auto reason = (*worst)->failure;
  if (was_registered_ && may_pass(reason)) return retry_later(now);
  end(reason, std::move(detail));
}

void Client::fail_connection(Instant now, ServerConnection& connection, Reason reason, std::string detail) {
  if (connection.state == ServerConnection::State::failed) return;
  connection.state = ServerConnection::State::failed;
  connection.failure = connection.parting.value_or(reason);
  connection.detail = std::move(detail);
  ends_.push_back({connection.socket, connection.server});
  if (&connection != used_) return choose(now);
  used_ = nullptr;
  if (!was_registered_ || !may_pass(connection.failure)) return fail(now);
  if (state_ == State::registered) {
    away_since_ = now;
    events_.emplace_back(ServerLost{.server = connection.server, .why = connection.detail});
  }
  retry_later(now);
}

void Client::retry_later(Instant now) {
  state_ = State::away;
  // Uneven, so that the clients of a server that was started anew do not all come in the same instant.
  next_try_ = now + std::chrono::duration_cast<Duration>(pause_ * (0.75 + 0.5 * rng_.unit()));
  pause_ = std::min(2 * pause_, config_.longest_pause);
}

void Client::end(Reason reason, std::string detail) {
  give_questions_up();
  events_.emplace_back(NotPossible{.error = to_error(reason, std::move(detail)), .reason = reason});
  state_ = State::over;
  used_ = nullptr;
  connections_.clear();
}

void Client::leave(Instant) {
  if (state_ == State::over) return;
  give_questions_up();
  if (used_ != nullptr) send(*used_, Goodbye{.reason = Reason::closed});
  for (const auto& connection : connections_)
    if (connection->state != ServerConnection::State::failed) ends_.push_back({connection->socket, connection->server});
  used_ = nullptr;
  connections_.clear();
  state_ = State::over;
}

void Client::handle_connected(Instant now, SocketId socket, const Endpoint&) {
  if (auto* connection = find(socket)) connection->connected = now;
}

void Client::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  auto* connection = find(lost.socket);
  if (connection == nullptr) return;
  const bool is_mute = connection->connected && !connection->welcomed;
  fail_connection(
      now, *connection, Reason::server_unreachable,
      is_mute ? fmt::format("closed the connection without a word ({}); is it rendezvousd?", why) : std::string{why});
}

void Client::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (auto* connection = find(socket)) fail_connection(now, *connection, Reason::server_unreachable, std::string{why});
}

void Client::handle_datagram(Instant now, const Datagram& in) {
  auto* connection = find(in.socket);
  if (connection == nullptr || connection->state == ServerConnection::State::failed || in.payload.empty()) return;
  if (!connection->welcomed && !connection->lines.has_part() && in.payload.front() != '{')
    return fail_connection(
        now, *connection, Reason::version_mismatch,
        fmt::format("answers, but is no rendezvousd: \"{}\"",
                    printable(as_text(ByteView{in.payload}.first(std::min(in.payload.size(), quoted_bytes))))));
  connection->heard = now;
  connection->said.reset();
  connection->pinged.reset();
  connection->lines.append(in.payload);
  while (const auto line = connection->lines.next()) {
    handle_line(now, *connection, *line);
    connection = find(in.socket);
    if (connection == nullptr || connection->state == ServerConnection::State::failed) return;
  }
  if (connection->lines.is_broken())
    fail_connection(now, *connection, Reason::version_mismatch, "answers with a line that does not end");
}

void Client::handle_timeout(Instant now) {
  if (state_ == State::over) return;  // who left while the server was away does not come back to it
  if (next_try_ && *next_try_ <= now) {
    if (config_.give_up && away_since_ && now - *away_since_ >= *config_.give_up)
      end(Reason::server_unreachable,
          fmt::format("the server stayed away for {:.0f} s", to_ms(now - *away_since_) / 1000));
    else
      dial_all(now);
  }
  handle_silence(now);
  choose(now);
  if (state_ != State::over) handle_waits(now);
  if (state_ != State::over) handle_sessions_time(now);
}

void Client::handle_silence(Instant now) {
  std::vector<SocketId> dialled;
  dialled.reserve(connections_.size());
  for (const auto& connection : connections_) dialled.push_back(connection->socket);
  for (const auto socket : dialled) {
    auto* connection = find(socket);
    if (connection == nullptr || connection->state == ServerConnection::State::failed) continue;
    if (!connection->welcomed) {
      if (connection->since + config_.patience <= now)
        fail_connection(now, *connection, Reason::server_unreachable, "does not answer");
    } else if (connection == used_) {
      if ((connection->pinged && *connection->pinged + lost_after <= now) || silence_limit(*connection) <= now) {
        fail_connection(now, *connection, Reason::server_unreachable, "has fallen silent");
      } else if (connection->said && !connection->pinged && *connection->said + ask_after <= now) {
        connection->pinged = now;
        send(*connection, Ping{.heard = session_->heard});
      }
    }
  }
}

/// It pings; two of its pings, and what they may take, are missing.
Instant Client::silence_limit(const ServerConnection& connection) {
  return connection.heard + 2 * connection.ping_interval + lost_after;
}

void Client::send(const ServerConnection& connection, const Message& message) {
  transmit(connection, write_message(message));
}

void Client::transmit(const ServerConnection& connection, std::string_view line) {
  const auto bytes = as_bytes(line);
  out_.push_back({.socket = connection.socket,
                  .protocol = Protocol::tcp,
                  .remote = connection.server,
                  .payload = Bytes(bytes.begin(), bytes.end())});
}

/// A connection is ended after its last words: only when they are on their way.
std::optional<SocketChange> Client::poll_socket() {
  if (!wishes_.empty()) {
    auto wish = std::move(wishes_.front());
    wishes_.pop_front();
    return wish;
  }
  if (!out_.empty() || ends_.empty()) return std::nullopt;
  const auto end = ends_.front();
  ends_.pop_front();
  return end;
}

std::optional<Datagram> Client::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

std::optional<ClientEvent> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto next = std::move(events_.front());
  events_.pop_front();
  return next;
}

std::optional<Instant> Client::poll_timeout() const {
  if (state_ == State::over || state_ == State::idle) return std::nullopt;
  auto due = next_try_;
  for (const auto& connection : connections_) {
    if (connection->state == ServerConnection::State::failed) continue;
    if (!connection->welcomed) {
      note_earlier(due, connection->since + config_.patience);
    } else if (connection.get() == used_) {
      note_earlier(due, silence_limit(*connection));
      if (connection->pinged)
        note_earlier(due, *connection->pinged + lost_after);
      else if (connection->said)
        note_earlier(due, *connection->said + ask_after);
    } else {
      note_earlier(due, *connection->welcomed + config_.preference);
    }
  }
  for (const auto& [id, place] : session_->places) note_earlier(due, place.deadline);
  note_earlier(due, next_of_sessions());
  return due;
}
}  // namespace natkit::rendezvous
