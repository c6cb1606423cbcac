#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/server_state.hpp"

namespace natkit::rendezvous {
namespace {
Matchmaker::Ticket ticket_of(SessionId session) { return Matchmaker::Ticket{static_cast<std::uint64_t>(session)}; }
}  // namespace

/// One client waits for one match at a time, while it is connected.
void Server::handle(Instant now, Connection& connection, const Seek& message) {
  if (config_.matchmaker == nullptr) return;
  if (config_.bans.has(message.seeker.member))
    return answer(now, connection, DirectoryRefused{.reason = DirectoryRefusal::banned, .question = message.question});
  auto& session = *find_session(*connection.session);
  auto seeker = message.seeker;
  // What is measured here counts for more than what is told.
  if (const auto measured = session.round_trip()) seeker.round_trip = measured;
  const auto failures = config_.directory != nullptr ? config_.directory->failed_to_host(now, seeker.member) : 0.0;
  session.seeks = message.question;
  const auto done =
      config_.matchmaker->seek(now, ticket_of(session.id), seeker, connection.path.remote.address, failures);
  if (!done) {
    session.seeks.reset();
    return answer(now, connection,
                  DirectoryRefused{.reason = done.error() == SeekRefusal::full ? DirectoryRefusal::full
                                                                               : DirectoryRefusal::malformed,
                                   .question = message.question});
  }
  if (const auto waiting = config_.matchmaker->waiting_with(ticket_of(session.id)); waiting > 0)
    answer(now, connection, Seeking{.question = message.question, .waiting = static_cast<std::uint32_t>(waiting)});
  tell_matches(now);
}

void Server::handle(Connection& connection, const Unseek& message) {
  auto& session = *find_session(*connection.session);
  if (session.seeks == message.question) stop_seeking(session);
}

void Server::stop_seeking(Session& session) {
  if (!session.seeks) return;
  session.seeks.reset();
  config_.matchmaker->cancel(ticket_of(session.id));
}

void Server::handle(Instant now, Connection& connection, const ReportMember& message) {
  if (config_.reports == nullptr) return;
  const auto taken = config_.reports->take(now, message.report, connection.path.remote.address);
  if (taken) return answer(now, connection, ReportTaken{.question = message.question, .standing = *taken});
  const auto reason = taken.error() == ReportRefusal::malformed    ? DirectoryRefusal::malformed
                      : taken.error() == ReportRefusal::not_signed ? DirectoryRefusal::wrong_token
                                                                   : DirectoryRefusal::too_fast;
  answer(now, connection, DirectoryRefused{.reason = reason, .question = message.question});
}

/// A match is among the messages that outlive a connection: who waited for long must not miss it.
void Server::tell_matches(Instant now) {
  while (const auto found = config_.matchmaker->poll_match()) {
    Matched told{.match = found->match};
    if (config_.identity) told.decision = sign_match(found->match, offer_.unix_time(now), *config_.identity);
    for (const auto ticket : found->tickets) {
      auto* session = find_session(SessionId{static_cast<std::uint64_t>(ticket)});
      if (session == nullptr || !session->seeks) continue;
      told.question = *session->seeks;
      post(*session, told);
      session->seeks.reset();
    }
  }
}
}  // namespace natkit::rendezvous
