#include <algorithm>
#include <utility>

#include "natkit/base/note_earlier.hpp"
#include "natkit/rendezvous/client.hpp"
#include "natkit/rendezvous/client_state.hpp"

namespace natkit::rendezvous {
namespace {
// Of a life that was not yet granted, until a refresh is tried again.
constexpr Duration assumed_ttl = std::chrono::seconds{30};
// Of one question: ten times what a person reads.
constexpr std::size_t most_wished = 2000;
// A row that the directory would not refuse to anybody else either, or not later on.
bool is_passing(DirectoryRefusal refusal) {
  return refusal == DirectoryRefusal::full || refusal == DirectoryRefusal::too_fast ||
         refusal == DirectoryRefusal::unanswered;
}
}  // namespace

bool Client::handle_of_sessions(Instant now, const Message& message) {
  if (const auto* published = std::get_if<Published>(&message))
    handle(now, *published);
  else if (const auto* withdrawn = std::get_if<Withdrawn>(&message))
    handle(*withdrawn);
  else if (const auto* refused = std::get_if<DirectoryRefused>(&message))
    handle(now, *refused);
  else if (const auto* rows = std::get_if<Rows>(&message))
    handle(now, *rows);
  else if (const auto* seeking = std::get_if<Seeking>(&message))
    handle(now, *seeking);
  else if (const auto* taken = std::get_if<ReportTaken>(&message))
    handle(*taken);
  else if (const auto* text = std::get_if<WitnessText>(&message))
    events_.emplace_back(WitnessSaid{.session = text->session, .text = text->text});
  else
    return false;
  return true;
}

/// Over a connection that is there; otherwise `say_sessions_again` does it later.
void Client::say(Instant now, const Message& message) {
  if (state_ != State::registered || used_ == nullptr) return;
  if (!used_->said) used_->said = now;
  send(*used_, message);
}

void Client::publish(Instant now, Row row, std::string token, HostEnd old_host) {
  sessions_->withdrawals.erase(row.session);
  auto& publication = sessions_->publications[row.session];
  publication.row = std::move(row);
  publication.token = std::move(token);
  publication.old_host = old_host;
  publication.told = Publication::Told::nothing;
  say_row(now, publication);
}

void Client::say_row(Instant now, Publication& publication) {
  publication.refresh.reset();
  publication.deadline.reset();
  if (state_ != State::registered) return;
  publication.deadline = now + config_.patience;
  say(now, Publish{.row = publication.row, .token = publication.token, .old_host = publication.old_host});
}

void Client::handle(Instant now, const Published& message) {
  const auto found = sessions_->publications.find(message.session);
  if (found == sessions_->publications.end() || found->second.row.epoch != message.epoch) return;
  auto& publication = found->second;
  publication.ttl = std::max<Duration>(message.ttl, std::chrono::seconds{3});
  publication.deadline.reset();
  // Before a third of the life is over, so that two refreshes may be lost; unevenly, so that the hosts of a server that
  // was started anew do not stay in step.
  publication.refresh = now + std::chrono::duration_cast<Duration>(publication.ttl / 3 * (0.8 + 0.2 * rng_.unit()));
  publication.old_host = HostEnd::not_said;
  if (std::exchange(publication.told, Publication::Told::stands) == Publication::Told::stands &&
      publication.failed_to_host == message.failed_to_host)
    return;
  publication.failed_to_host = message.failed_to_host;
  events_.emplace_back(RowStands{.session = message.session,
                                 .epoch = message.epoch,
                                 .ttl = message.ttl,
                                 .failed_to_host = message.failed_to_host});
}

void Client::withdraw(Instant now, const std::string& session) {
  const auto found = sessions_->publications.find(session);
  if (found == sessions_->publications.end()) return;
  const auto& publication = found->second;
  const auto ttl = publication.ttl == Duration::zero() ? assumed_ttl : publication.ttl;
  sessions_->withdrawals[session] = {.token = publication.token, .epoch = publication.row.epoch, .over = now + ttl};
  say(now, Withdraw{.session = session, .token = publication.token, .epoch = publication.row.epoch});
  sessions_->publications.erase(found);
}

void Client::release(const std::string& session) { sessions_->publications.erase(session); }

void Client::handle(const Withdrawn& message) {
  if (sessions_->withdrawals.erase(message.session) != 0) events_.emplace_back(RowGone{.session = message.session});
}

void Client::handle(Instant now, const DirectoryRefused& message) {
  if (message.question) {
    const QuestionId id{*message.question};
    if (sessions_->search && sessions_->search->question == id) return give_seek_up(message.reason);
    if (sessions_->questions.erase(id) + sessions_->complaints.erase(id) != 0)
      events_.emplace_back(NotAnswered{.question = id, .refusal = message.reason});
    return;
  }
  if (!message.session || !message.epoch) return;
  const auto withdrawal = sessions_->withdrawals.find(*message.session);
  if (withdrawal == sessions_->withdrawals.end()) return handle_publish_refused(now, message);
  if (withdrawal->second.epoch != *message.epoch) return;
  sessions_->withdrawals.erase(withdrawal);
  if (message.reason == DirectoryRefusal::not_found) return events_.emplace_back(RowGone{*message.session}), void();
  events_.emplace_back(RowRefused{
      .session = *message.session, .epoch = *message.epoch, .refusal = message.reason, .finality = Finality::final});
}

void Client::handle_publish_refused(Instant now, const DirectoryRefused& message) {
  const auto found = sessions_->publications.find(*message.session);
  if (found == sessions_->publications.end() || found->second.row.epoch != *message.epoch) return;
  auto& publication = found->second;
  const auto finality = is_passing(message.reason) ? Finality::passing : Finality::final;
  const RowRefused event{
      .session = *message.session, .epoch = *message.epoch, .refusal = message.reason, .finality = finality};
  const auto before = std::exchange(publication.told, Publication::Told::refused);
  publication.deadline.reset();
  publication.refresh = now + (publication.ttl == Duration::zero() ? assumed_ttl : publication.ttl) / 3;
  if (finality == Finality::final) sessions_->publications.erase(found);
  if (before != Publication::Told::refused || finality == Finality::final) events_.emplace_back(event);
}

QuestionId Client::find(Instant now, Query query) {
  const QuestionId id{++sessions_->questions_made};
  auto& question = sessions_->questions[id];
  question.wished = std::min(query.most, most_wished);
  question.query = std::move(query);
  ask(now, id, question);
  return id;
}

/// With the registration, where that is not answered yet: it saves a round trip.
void Client::ask(Instant now, QuestionId id, Question& question) {
  question.deadline = now + config_.patience;
  question.query.most = question.wished - question.rows.size();
  if (used_ == nullptr || used_->use != ServerConnection::Use::carrying) return;
  if (!used_->said) used_->said = now;
  question.asked = used_->socket;
  send(*used_, Find{.question = static_cast<std::uint32_t>(id), .query = question.query});
}

/// Those that this connection has not heard yet.
void Client::ask_all(Instant now) {
  for (auto& [id, question] : sessions_->questions)
    if (question.asked != used_->socket) ask(now, id, question);
}

void Client::handle(Instant now, const Rows& message) {
  const QuestionId id{message.question};
  const auto found = sessions_->questions.find(id);
  if (found == sessions_->questions.end()) return;
  auto& question = found->second;
  const auto room = question.wished - question.rows.size();
  for (const auto& row : message.rows)
    if (question.rows.size() < question.wished) question.rows.push_back(row);
  // A page that does not lead on is the last one, whatever it says.
  const bool goes_on = message.next && *message.next > question.query.after && !message.rows.empty();
  if (goes_on && message.rows.size() < room) {
    question.query.after = *message.next;
    return ask(now, id, question);
  }
  events_.emplace_back(FoundRows{.question = id, .rows = std::move(question.rows)});
  sessions_->questions.erase(found);
}

void Client::send_witness(Instant now, const std::string& session, std::string text) {
  say(now, WitnessText{.session = session, .text = std::move(text)});
}

/// The server is another one, or has perhaps heard nothing of what was said last.
void Client::say_sessions_again(Instant now) {
  for (auto& [session, publication] : sessions_->publications) {
    publication.told = Publication::Told::nothing;
    say_row(now, publication);
  }
  for (const auto& [session, withdrawal] : sessions_->withdrawals)
    say(now, Withdraw{.session = session, .token = withdrawal.token, .epoch = withdrawal.epoch});
  ask_all(now);
  if (sessions_->search) say_seek(now);
  say_reports(now);
}

/// The machine is about to be finished.
void Client::give_questions_up() {
  for (const auto& [id, question] : sessions_->questions)
    events_.emplace_back(NotAnswered{.question = id, .refusal = DirectoryRefusal::unanswered});
  sessions_->questions.clear();
  for (const auto& [id, complaint] : sessions_->complaints)
    events_.emplace_back(NotAnswered{.question = id, .refusal = DirectoryRefusal::unanswered});
  sessions_->complaints.clear();
  give_seek_up(DirectoryRefusal::unanswered);
}

void Client::handle_sessions_time(Instant now) {
  std::erase_if(sessions_->withdrawals, [&](const auto& entry) {
    if (entry.second.over > now) return false;
    events_.emplace_back(RowGone{.session = entry.first});
    return true;
  });
  std::erase_if(sessions_->questions, [&](const auto& entry) {
    if (entry.second.deadline > now) return false;
    events_.emplace_back(NotAnswered{.question = entry.first, .refusal = DirectoryRefusal::unanswered});
    return true;
  });
  std::vector<DirectoryRefused> silent;
  for (auto& [session, publication] : sessions_->publications) {
    if (publication.deadline && *publication.deadline <= now)
      silent.push_back({.reason = DirectoryRefusal::unanswered, .session = session, .epoch = publication.row.epoch});
    else if (publication.refresh && *publication.refresh <= now)
      say_row(now, publication);
  }
  for (const auto& refusal : silent) handle_publish_refused(now, refusal);
  handle_seek_time(now);
}

std::optional<Instant> Client::next_of_sessions() const {
  std::optional<Instant> due;
  for (const auto& [session, publication] : sessions_->publications) {
    note_earlier(due, publication.deadline);
    if (state_ == State::registered) note_earlier(due, publication.refresh);
  }
  for (const auto& [session, withdrawal] : sessions_->withdrawals) note_earlier(due, withdrawal.over);
  for (const auto& [id, question] : sessions_->questions) note_earlier(due, question.deadline);
  for (const auto& [id, complaint] : sessions_->complaints) note_earlier(due, complaint.deadline);
  if (sessions_->search && state_ == State::registered) {
    note_earlier(due, sessions_->search->deadline);
    note_earlier(due, sessions_->search->next);
  }
  return due;
}
}  // namespace natkit::rendezvous
