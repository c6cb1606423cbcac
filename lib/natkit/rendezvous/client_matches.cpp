#include <utility>

#include "natkit/rendezvous/client.hpp"
#include "natkit/rendezvous/client_state.hpp"

namespace natkit::rendezvous {
namespace {
// A third of the time after which the server takes a seeker for gone (Matchmaker::Config::silence).
constexpr Duration repetition = std::chrono::seconds{5};
}  // namespace

QuestionId Client::seek(Instant now, Seeker seeker) {
  const QuestionId id{++sessions_->questions_made};
  sessions_->search = Sessions::Search{.question = id, .seeker = std::move(seeker)};
  say_seek(now);
  return id;
}

void Client::stop_seeking(Instant now) {
  if (!sessions_->search) return;
  say(now, Unseek{.question = static_cast<std::uint32_t>(sessions_->search->question)});
  sessions_->search.reset();
}

void Client::say_seek(Instant now) {
  auto& search = *sessions_->search;
  search.next.reset();
  search.deadline.reset();
  if (state_ != State::registered) return;
  search.deadline = now + config_.patience;
  say(now, Seek{.question = static_cast<std::uint32_t>(search.question), .seeker = search.seeker});
}

void Client::handle(Instant now, const Seeking& message) {
  if (!sessions_->search || sessions_->search->question != QuestionId{message.question}) return;
  auto& search = *sessions_->search;
  search.deadline.reset();
  search.next = now + repetition;
  if (std::exchange(search.waiting, message.waiting) != message.waiting)
    events_.emplace_back(StillSeeking{.question = search.question, .waiting = message.waiting});
}

void Client::handle(const Matched& message) {
  if (!sessions_->search || sessions_->search->question != QuestionId{message.question}) return;
  FoundMatch found{.question = sessions_->search->question, .match = message.match};
  if (!sessions_->signer.empty() || message.decision) {
    const auto decision = message.decision ? open_match(*message.decision) : std::unexpected(DecisionError::not_signed);
    if (!decision || to_hex(decision->signer.digest) != sessions_->signer)
      return give_seek_up(DirectoryRefusal::not_signed);
    found.match = decision->match;
    found.decided = decision->decided;
    found.signed_match = message.decision;
  }
  events_.emplace_back(std::move(found));
  sessions_->search.reset();
}

void Client::give_seek_up(DirectoryRefusal refusal) {
  if (!sessions_->search) return;
  events_.emplace_back(NotAnswered{.question = sessions_->search->question, .refusal = refusal});
  sessions_->search.reset();
}

void Client::handle_seek_time(Instant now) {
  std::erase_if(sessions_->complaints, [&](const auto& entry) {
    if (entry.second.deadline > now) return false;
    events_.emplace_back(NotAnswered{.question = entry.first, .refusal = DirectoryRefusal::unanswered});
    return true;
  });
  if (!sessions_->search || state_ != State::registered) return;
  const auto& search = *sessions_->search;
  if (search.deadline && *search.deadline <= now) return give_seek_up(DirectoryRefusal::unanswered);
  if (search.next && *search.next <= now) say_seek(now);
}

QuestionId Client::report_member(Instant now, Report report) {
  const QuestionId id{++sessions_->questions_made};
  const auto& complaint = sessions_->complaints[id] = {.report = std::move(report), .deadline = now + config_.patience};
  say(now, ReportMember{.question = static_cast<std::uint32_t>(id), .report = complaint.report});
  return id;
}

/// To a server that has perhaps heard them: it counts each once.
void Client::say_reports(Instant now) {
  for (auto& [id, complaint] : sessions_->complaints) {
    complaint.deadline = now + config_.patience;
    say(now, ReportMember{.question = static_cast<std::uint32_t>(id), .report = complaint.report});
  }
}

void Client::handle(const ReportTaken& message) {
  const QuestionId id{message.question};
  if (sessions_->complaints.erase(id) != 0)
    events_.emplace_back(ReportHeard{.question = id, .standing = message.standing});
}
}  // namespace natkit::rendezvous
