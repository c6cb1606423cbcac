#include "natkit/io/hook_runs.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

#include "natkit/io/hook_process.hpp"

namespace natkit::io {
namespace {
using namespace std::chrono_literals;
using asio::posix::stream_descriptor;

constexpr std::size_t most_at_once = 4;  // they are a user's programs: each may take a processor
constexpr std::size_t most_runs = 64;    // with those that wait: peers cause them
constexpr std::size_t most_complaint = 1024;
constexpr auto grace = 500ms;          // from SIGTERM to SIGKILL
constexpr int parting_grace_ms = 200;  // likewise when the run ends: somebody waits for the prompt

enum class Left : std::uint8_t { more, nothing, ended };

/// Reads what is there. What `most` has no place for is dropped, and the last of it tells that there was more.
Left read_some(int descriptor, std::string& text, std::size_t most) {
  std::array<char, 16384> piece{};
  const auto count = ::read(descriptor, piece.data(), piece.size());
  if (count < 0) return errno == EINTR ? Left::more : errno == EAGAIN ? Left::nothing : Left::ended;
  if (count == 0) return Left::ended;
  const auto room = most - std::min(text.size(), most);
  text.append(piece.data(), std::min(static_cast<std::size_t>(count), room));
  return Left::more;
}
}  // namespace

struct HookRuns::Run {
  Run(asio::io_context& context, Hook what)
      : hook(std::move(what)), life(context), output(context), errors(context), alarm(context) {}
  enum class State : std::uint8_t { waiting, running, ending, over };

  /// To one byte more than is allowed, so that it is known when it is too much.
  Left read_output() { return read_some(output.native_handle(), written, hook.most_output + 1); }
  Left read_errors() { return read_some(errors.native_handle(), complaint, most_complaint); }
  [[nodiscard]] bool is_live() const { return state == State::running || state == State::ending; }

  Hook hook;
  State state = State::waiting;
  HookReply::End end = HookReply::End::exited;
  pid_t process = 0;
  stream_descriptor life, output, errors;
  asio::steady_timer alarm;  // the deadline, then the end of the grace
  std::string written, complaint;
  bool has_exited = false, has_output_ended = false, have_errors_ended = false;
};

HookRuns::~HookRuns() {
  for (const auto& run : runs_)
    if (run->is_live()) signal_group(run->process, SIGTERM);
  int patience = parting_grace_ms;
  for (const auto& run : runs_) {
    if (!run->is_live()) continue;
    pollfd query{.fd = run->life.native_handle(), .events = POLLIN, .revents = 0};
    if (::poll(&query, 1, patience) == 0) patience = 0;  // whoever has not ended by then has had all of it
    signal_group(run->process, SIGKILL);
    static_cast<void>(reap(run->process));
  }
}

void HookRuns::begin(Hook hook) {
  if (runs_.size() >= most_runs)
    return owner_.report_hook({.id = hook.id, .end = HookReply::End::not_started, .complaint = "too many at once"});
  const auto run = runs_.emplace_back(std::make_shared<Run>(context_, std::move(hook)));
  run->alarm.expires_after(run->hook.allowance);
  hear_deadline(run);
  start_waiting();
}

void HookRuns::start_waiting() {
  const auto is_live = [](const Shared& run) { return run->is_live(); };
  const auto is_waiting = [](const Shared& run) { return run->state == Run::State::waiting; };
  while (std::ranges::count_if(runs_, is_live) < static_cast<std::ptrdiff_t>(most_at_once)) {
    const auto next = std::ranges::find_if(runs_, is_waiting);
    if (next == runs_.end()) return;
    start(Shared{*next});
  }
}

void HookRuns::start(const Shared& run) {
  auto process = start_process(run->hook);
  if (!process) {
    run->end = HookReply::End::not_started;
    run->complaint = std::move(process.error());
    return finish(run);
  }
  run->state = Run::State::running;
  run->process = process->process;
  // asio throws when it is out of descriptors or memory, as when the run began.
  run->life.assign(process->life.release());
  run->output.assign(process->output.release());
  run->errors.assign(process->errors.release());
  hear_output(run);
  hear_errors(run);
  hear_exit(run);
}

void HookRuns::hear_deadline(const Shared& run) {
  run->alarm.async_wait([this, run](const std::error_code& cancelled) {
    if (cancelled || run->state == Run::State::over) return;
    if (run->state == Run::State::running) return stop(run, HookReply::End::timed_out);
    if (run->state == Run::State::waiting) run->end = HookReply::End::timed_out;
    finish(run);
    owner_.settle();
  });
}

void HookRuns::hear_output(const Shared& run) {
  run->output.async_wait(stream_descriptor::wait_read, [this, run](const std::error_code& cancelled) {
    if (cancelled || run->state == Run::State::over) return;
    run->has_output_ended = run->read_output() == Left::ended;
    if (run->written.size() > run->hook.most_output) stop(run, HookReply::End::overflowed);
    if (!run->has_output_ended) return hear_output(run);
    look(run);
  });
}

void HookRuns::hear_errors(const Shared& run) {
  run->errors.async_wait(stream_descriptor::wait_read, [this, run](const std::error_code& cancelled) {
    if (cancelled || run->state == Run::State::over) return;
    run->have_errors_ended = run->read_errors() == Left::ended;
    if (!run->have_errors_ended) return hear_errors(run);
    look(run);
  });
}

void HookRuns::hear_exit(const Shared& run) {
  run->life.async_wait(stream_descriptor::wait_read, [this, run](const std::error_code& cancelled) {
    if (cancelled || run->state == Run::State::over) return;
    run->has_exited = true;
    look(run);
  });
}

void HookRuns::stop(const Shared& run, HookReply::End why) {
  if (run->state != Run::State::running) return;
  run->state = Run::State::ending;
  run->end = why;
  signal_group(run->process, SIGTERM);
  run->alarm.expires_after(grace);
  hear_deadline(run);
}

/// Whether it is over. Of one that is being ended, whoever still holds its output is still there.
void HookRuns::look(const Shared& run) {
  const bool is_empty = run->has_output_ended && run->have_errors_ended;
  if (!run->has_exited || (run->state == Run::State::ending && !is_empty)) return;
  finish(run);
  owner_.settle();
}

void HookRuns::finish(const Shared& run) {
  HookReply reply{.id = run->hook.id, .end = run->end};
  if (run->is_live()) {
    // No more than it could have left in its pipes, since what stays in the background may go on writing.
    for (int piece = 0; piece < 64 && run->read_output() == Left::more; ++piece) continue;
    for (int piece = 0; piece < 64 && run->read_errors() == Left::more; ++piece) continue;
    if (run->state == Run::State::running && run->written.size() > run->hook.most_output)
      run->end = reply.end = HookReply::End::overflowed;
    if (reply.end != HookReply::End::exited) signal_group(run->process, SIGKILL);
    const int status = reap(run->process);
    if (reply.end == HookReply::End::exited && WIFSIGNALED(status)) reply.end = HookReply::End::signalled;
    if (reply.end == HookReply::End::exited) reply.number = WEXITSTATUS(status);
    if (reply.end == HookReply::End::signalled) reply.number = WTERMSIG(status);
  }
  run->state = Run::State::over;
  run->alarm.cancel();
  std::error_code ignored;  // it is over either way
  run->life.close(ignored);
  run->output.close(ignored);
  run->errors.close(ignored);
  run->written.resize(std::min(run->written.size(), run->hook.most_output));
  reply.output.assign(run->written.begin(), run->written.end());
  reply.complaint = std::move(run->complaint);
  runs_.remove(Shared{run});
  owner_.report_hook(reply);
  start_waiting();
}
}  // namespace natkit::io
