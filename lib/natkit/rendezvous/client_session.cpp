#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/rendezvous/client.hpp"
#include "natkit/rendezvous/client_state.hpp"

namespace natkit::rendezvous {
namespace {
// The server's own refusal comes first, if it comes at all.
constexpr Duration wait_grace = std::chrono::seconds{3};

template <class T>
constexpr bool is_numbered =
    std::is_same_v<T, PeerFound> || std::is_same_v<T, Refused> || std::is_same_v<T, Candidate> ||
    std::is_same_v<T, Restart> || std::is_same_v<T, Bye> || std::is_same_v<T, Matched>;
}  // namespace

void Client::handle_line(Instant now, ServerConnection& connection, std::string_view line) {
  const auto message = parse_message(line);
  if (!message) {
    if (message.error() == MessageError::unknown_type) return;
    return fail_connection(now, connection, Reason::version_mismatch, "answers, but not as rendezvousd does");
  }
  if (const auto* goodbye = std::get_if<Goodbye>(&*message)) {
    connection.parting = goodbye->reason;
    return fail_connection(now, connection, goodbye->reason, printable(goodbye->detail));
  }
  if (const auto* welcome = std::get_if<Welcome>(&*message)) {
    if (welcome->version != protocol_version)
      return fail_connection(
          now, connection, Reason::version_mismatch,
          fmt::format("speaks version {}, this client version {}", welcome->version, protocol_version));
    connection.state = ServerConnection::State::welcomed;
    connection.welcomed = now;
    connection.seen_as = welcome->address;
    connection.ping_interval = std::max<Duration>(welcome->ping_interval, std::chrono::seconds{1});
    return choose(now);
  }
  if (!connection.welcomed)
    return fail_connection(now, connection, Reason::version_mismatch, "answers, but not as rendezvousd does");
  if (&connection == used_) handle_used(now, connection, *message);
}

void Client::handle_used(Instant now, ServerConnection& connection, const Message& message) {
  if (const auto* ping = std::get_if<Ping>(&message)) {
    static_cast<void>(session_->out.forget(ping->heard));
    return send(connection, Pong{.number = ping->number, .heard = session_->heard});
  }
  if (const auto* pong = std::get_if<Pong>(&message)) return static_cast<void>(session_->out.forget(pong->heard));
  if (std::holds_alternative<Closing>(message)) {
    connection.parting = Reason::server_closing;
    return;
  }
  if (const auto* registered = std::get_if<Registered>(&message)) return handle(now, *registered);
  if (const auto* renewed = std::get_if<Renewed>(&message)) {
    if (state_ == State::registered) events_.emplace_back(take_services(now, *renewed));
    return;
  }
  if (!handle_of_sessions(now, message)) handle_numbered(now, message);
}

void Client::handle(Instant now, const Registered& message) {
  if (state_ != State::registering) return;
  state_ = State::registered;
  pause_ = config_.first_pause;
  away_since_.reset();
  if (used_->use == ServerConnection::Use::registering) {  // it may have known this session
    used_->use = ServerConnection::Use::carrying;
    if (message.session == Registered::Session::resumed) {
      static_cast<void>(session_->out.forget(message.heard));
      transmit_pending();
    } else {
      reopen(now);
    }
  }
  sessions_->signer = message.signer;
  auto [services, end] = take_services(now, message);
  if (std::exchange(was_registered_, true)) {
    events_.emplace_back(Resumed{.server = used_->server, .session = message.session});
    if (!services.empty()) events_.emplace_back(NewServices{.services = std::move(services), .services_end = end});
  } else {
    RegisteredAt event{.server = used_->server,
                       .seen_as = used_->seen_as,
                       .services = std::move(services),
                       .services_end = end,
                       .signer = message.signer};
    if (used_->connected) event.round_trip = *used_->welcomed - *used_->connected;
    events_.emplace_back(event);
  }
  say_sessions_again(now);
}

/// Those without an address are where this server is.
template <class Told>
NewServices Client::take_services(Instant now, const Told& told) const {
  NewServices taken{.services = told.services};
  if (told.services_for) taken.services_end = now + *told.services_for;
  const auto tls = config_.tls.find(used_->server);
  for (auto& service : taken.services) {
    if (service.address) continue;
    service.address = used_->server;
    if (service.transport == Service::Transport::tls && tls != config_.tls.end()) service.name = tls->second.server;
  }
  return taken;
}

/// Nobody there knows us: everything is said again, as it is now.
void Client::reopen(Instant now) {
  session_->out = {};
  session_->heard = 0;
  for (const auto& [id, place] : session_->places) post(now, opening(now, id, place));
}

void Client::handle_numbered(Instant now, const Message& message) {
  std::visit(
      [&]<class T>(const T& known) {
        if constexpr (is_numbered<T>) {
          ++session_->heard;
          if constexpr (std::is_same_v<T, PeerFound>)
            handle_found(now, known);
          else if constexpr (std::is_same_v<T, Refused>)
            handle_refused(known);
          else if constexpr (std::is_same_v<T, Matched>)
            handle(known);
          else if constexpr (std::is_same_v<T, Candidate>)
            events_.emplace_back(RemoteCandidate{.attempt = known.attempt, .text = known.text});
          else if constexpr (std::is_same_v<T, Restart>)
            events_.emplace_back(RemoteRestart{.attempt = known.attempt, .description = known.description});
          else
            events_.emplace_back(PeerLeft{.attempt = known.attempt, .reason = known.reason});
        }
      },
      message);
}

void Client::handle_found(Instant now, const PeerFound& message) {
  const auto found = session_->places.find(message.place);
  if (found == session_->places.end())  // closed while this was on its way
    return post(now, Bye{.attempt = message.attempt, .reason = Reason::closed});
  found->second.wish.description.reset();
  found->second.deadline.reset();
  events_.emplace_back(FoundPeer{.place = message.place,
                                 .attempt = message.attempt,
                                 .role = message.role,
                                 .peer = message.peer,
                                 .peer_purpose = message.peer_purpose,
                                 .peer_address = message.peer_address,
                                 .description = message.description,
                                 .start = now + message.start_in});
}

void Client::handle_refused(const Refused& message) {
  if (!message.place || !session_->places.contains(*message.place)) return;
  if (message.finality == Finality::final) session_->places.erase(*message.place);
  events_.emplace_back(NotPossible{.place = message.place,
                                   .attempt = message.attempt,
                                   .finality = message.finality,
                                   .error = to_error(message.reason, printable(message.detail)),
                                   .reason = message.reason});
}

void Client::handle_waits(Instant now) {
  std::vector<PlaceId> over;
  for (const auto& [id, place] : session_->places)
    if (place.deadline && *place.deadline <= now) over.push_back(id);
  for (const auto id : over) {
    close(now, id);
    const auto reason = state_ == State::registered ? Reason::target_not_connected : Reason::server_unreachable;
    events_.emplace_back(NotPossible{
        .place = id, .error = to_error(reason, "nothing was heard of the other side in time"), .reason = reason});
  }
}

void Client::post(Instant now, const Message& message) {
  const auto& line = session_->out.push(write_message(message));
  if (used_ == nullptr || used_->use != ServerConnection::Use::carrying) return;
  if (!used_->said) used_->said = now;
  transmit(*used_, line);
}

Open Client::opening(Instant now, PlaceId id, const Place& place) {
  Open message{.place = id,
               .purpose = place.wish.purpose,
               .name = place.wish.name,
               .description = place.wish.description,
               .wait = place.wish.wait};
  if (place.deadline) message.wait = std::max(Duration::zero(), *place.deadline - wait_grace - now);
  return message;
}

PlaceId Client::open(Instant now, Wish wish) {
  const PlaceId id{++session_->places_made};
  auto& place = session_->places[id];
  if (wish.wait) place.deadline = now + *wish.wait + wait_grace;
  place.wish = std::move(wish);
  post(now, opening(now, id, place));
  return id;
}

void Client::describe(Instant now, PlaceId place, std::string description) {
  const auto found = session_->places.find(place);
  if (found == session_->places.end()) return;
  found->second.wish.description = description;
  post(now, Describe{.place = place, .description = std::move(description)});
}

void Client::close(Instant now, PlaceId place) {
  if (session_->places.erase(place) != 0) post(now, Close{.place = place});
}

void Client::send_candidate(Instant now, AttemptId attempt, std::string text) {
  post(now, Candidate{.attempt = attempt, .text = std::move(text)});
}

void Client::send_restart(Instant now, AttemptId attempt, std::string description) {
  post(now, Restart{.attempt = attempt, .description = std::move(description)});
}

void Client::report(Instant now, AttemptId attempt, Outcome outcome, std::string path) {
  post(now, AttemptResult{.attempt = attempt, .outcome = outcome, .path = std::move(path)});
}

void Client::send_bye(Instant now, AttemptId attempt, Reason reason) {
  post(now, Bye{.attempt = attempt, .reason = reason});
}
}  // namespace natkit::rendezvous
