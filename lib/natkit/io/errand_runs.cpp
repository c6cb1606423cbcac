#include "natkit/io/errand_runs.hpp"

#include <sys/socket.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <string>
#include <utility>

namespace natkit::io {
namespace {
constexpr std::size_t longest_answer = 192U << 10U;
constexpr std::size_t most_waiting = 1024;
// Answers by PCP and NAT-PMP are in by then (0.2 ms measured), those by SSDP are not (50 ms).
constexpr auto calm = std::chrono::milliseconds{10};
}  // namespace

struct ErrandRuns::Run {
  Run(asio::io_context& context, Errand what, ErrandChildren::Child who)
      : errand(std::move(what)), child(std::move(who)), line(context), deadline(context) {}
  Errand errand;
  ErrandChildren::Child child;
  asio::posix::stream_descriptor line;  // watches the child's descriptor without owning it
  asio::steady_timer deadline;
};

ErrandRuns::ErrandRuns(asio::io_context& context, MachineOwner& owner, ErrandChildren* children)
    : context_(context), owner_(owner), children_(children), calm_(context) {
  if (!children_) return;
  calm_.expires_after(calm);
  calm_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) children_->prepare();
  });
}

ErrandRuns::~ErrandRuns() {
  for (auto& [serial, run] : runs_) {
    static_cast<void>(run->line.release());
    static_cast<void>(ErrandChildren::end(std::move(run->child)));
  }
}

void ErrandRuns::begin(Errand errand) {
  if (waiting_.size() >= most_waiting)
    return owner_.report_errand({.id = errand.id, .failure = "too many errands at once"});
  waiting_.push_back(std::move(errand));
  begin_waiting();
}

void ErrandRuns::begin_waiting() {
  while (!waiting_.empty() && (!children_ || runs_.size() < children_->limits().at_once)) {
    auto errand = std::move(waiting_.front());
    waiting_.pop_front();
    auto child = children_ ? children_->take() : ErrandChildren::Child{};
    const auto& question = errand.question;
    const bool is_sent = child.process != 0 && ::send(child.line.number(), question.data(), question.size(),
                                                      MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    if (!is_sent) {
      if (child.process != 0) static_cast<void>(ErrandChildren::end(std::move(child)));
      owner_.report_errand({.id = errand.id, .failure = "there is nobody to run it"});
      continue;
    }
    start(std::move(errand), std::move(child));
  }
}

void ErrandRuns::start(Errand errand, ErrandChildren::Child child) {
  const Serial serial{++begun_};
  auto& run = *(runs_[serial] = std::make_unique<Run>(context_, std::move(errand), std::move(child)));
  std::error_code error;  // of registering; then the deadline ends it
  run.line.assign(run.child.line.number(), error);
  run.deadline.expires_after(run.errand.allowance);
  run.deadline.async_wait([this, serial](const std::error_code& cancelled) {
    if (!cancelled) end(serial, {.failure = "out of time"});
  });
  if (!error) hear(serial);
}

void ErrandRuns::hear(Serial serial) {
  runs_.at(serial)->line.async_wait(
      asio::posix::descriptor_base::wait_read, [this, serial](const std::error_code& cancelled) {
        const auto run = runs_.find(serial);
        if (cancelled || run == runs_.end()) return;
        ErrandReply reply{.answer = Bytes(longest_answer)};
        const auto count =
            ::recv(run->second->child.line.number(), reply.answer.data(), reply.answer.size(), MSG_DONTWAIT);
        reply.answer.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        end(serial, std::move(reply));
      });
}

void ErrandRuns::end(Serial serial, ErrandReply reply) {
  const auto place = runs_.find(serial);
  if (place == runs_.end()) return;
  const auto run = std::move(place->second);
  runs_.erase(place);
  reply.id = run->errand.id;
  static_cast<void>(run->line.release());
  run->deadline.cancel();
  if (!reply.answer.empty()) {
    children_->put_back(std::move(run->child));
  } else {
    auto how = ErrandChildren::end(std::move(run->child));
    if (reply.failure.empty()) reply.failure = std::move(how);
  }
  owner_.report_errand(reply);
  begin_waiting();
  owner_.settle();
}
}  // namespace natkit::io
