#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/server_state.hpp"

namespace natkit::rendezvous {
namespace {
// What a question costs beside its answer: one that matches nothing among 20000 rows takes 10 ms (measured), and must
// not come more than some 16 times a second from one client.
constexpr double question_bytes = 8192;
}  // namespace

/// Whether the message was about sessions of many. Who has no directory, or no witness, passes over it, as servers of
/// before that time do: the client notices the silence.
bool Server::handle_of_sessions(Instant now, Connection& connection, const Message& message) {
  if (const auto* publish = std::get_if<Publish>(&message))
    handle(now, connection, *publish);
  else if (const auto* withdraw = std::get_if<Withdraw>(&message))
    handle(now, connection, *withdraw);
  else if (const auto* find = std::get_if<Find>(&message))
    handle(now, connection, *find);
  else if (const auto* text = std::get_if<WitnessText>(&message))
    handle(now, connection, *text);
  else if (const auto* seek = std::get_if<Seek>(&message))
    handle(now, connection, *seek);
  else if (const auto* unseek = std::get_if<Unseek>(&message))
    handle(connection, *unseek);
  else if (const auto* report = std::get_if<ReportMember>(&message))
    handle(now, connection, *report);
  else
    return false;
  return true;
}

void Server::handle(Instant now, Connection& connection, const Publish& message) {
  if (config_.directory == nullptr) return;
  const auto& row = message.row;
  if (config_.bans.has(row.host))
    return answer(now, connection,
                  DirectoryRefused{.reason = DirectoryRefusal::banned, .session = row.session, .epoch = row.epoch});
  const auto published =
      config_.directory->publish(now, row, message.token, connection.path.remote.address, message.old_host);
  if (!published)
    return answer(now, connection,
                  DirectoryRefused{.reason = published.error(), .session = row.session, .epoch = row.epoch});
  answer(now, connection,
         Published{.session = row.session,
                   .epoch = row.epoch,
                   .ttl = published->ttl,
                   .failed_to_host = published->failed_to_host});
}

void Server::handle(Instant now, Connection& connection, const Withdraw& message) {
  if (config_.directory == nullptr) return;
  const auto done = config_.directory->withdraw(now, message.session, message.token, message.epoch);
  if (!done)
    return answer(now, connection,
                  DirectoryRefused{.reason = done.error(), .session = message.session, .epoch = message.epoch});
  answer(now, connection, Withdrawn{.session = message.session});
}

void Server::handle(Instant now, Connection& connection, const Find& message) {
  if (config_.directory == nullptr) return;
  if (connection.answers.level(config_.limits.answer_bytes, now) <= 0)
    return send(connection, DirectoryRefused{.reason = DirectoryRefusal::too_fast, .question = message.question});
  connection.answers.take(question_bytes);
  auto found = config_.directory->find(now, message.query);
  if (message.query.session || message.query.name) ask_for_life(now, found.entries);
  answer(now, connection, Rows{.question = message.question, .rows = std::move(found.entries), .next = found.next});
}

/// Who asks for one session is about to connect to its members: while the answer is on its way, and the wish to connect
/// on its way back, those can tell that they are there (server_attempts.cpp).
void Server::ask_for_life(Instant now, const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  for (const auto& member : entries.front().row.entry_points) {
    const auto found = by_peer_.find(member);
    const auto* session = found == by_peer_.end() ? nullptr : find_session(found->second);
    auto* connection = session && session->connection ? find_connection(*session->connection) : nullptr;
    if (connection == nullptr) continue;
    const bool is_asked = connection->ping_sent && now - *connection->ping_sent <= config_.freshness;
    const bool is_there = session->answered && now - *session->answered <= config_.freshness / 2;
    if (!is_asked && !is_there) ping(now, *connection);
  }
}

void Server::handle(Instant now, Connection& connection, const WitnessText& message) {
  if (config_.witness == nullptr || message.text.size() > longest_witness_text) return;
  auto text = config_.witness->answer(now, message.session, message.text);
  if (!text || text->size() > longest_witness_text) return;
  ++counters_.witnessed;
  answer(now, connection, WitnessText{.session = message.session, .text = std::move(*text)});
}

void Server::answer(Instant now, Connection& connection, const Message& message) {
  const auto line = write_message(message);
  static_cast<void>(connection.answers.level(config_.limits.answer_bytes, now));
  connection.answers.take(static_cast<double>(line.size()));
  transmit(connection, line);
}
}  // namespace natkit::rendezvous
