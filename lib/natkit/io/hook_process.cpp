#include "natkit/io/hook_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace natkit::io {
namespace {
using Failure = std::unexpected<std::string>;

constexpr int first_free = 3;  // after the standard streams
constexpr int last_classic_signal = 31;
constexpr int status_untold = 127;  // as a shell says that it could not run something

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

std::expected<Pipe, std::string> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Failure{std::generic_category().message(errno)};
  return Pipe{Descriptor{ends[0]}, Descriptor{ends[1]}};
}

/// A file in memory rather than a pipe: nothing has to be written while the command runs, or does not read.
std::expected<Descriptor, std::string> open_input(ByteView input) {
  Descriptor file{::memfd_create("natkit-hook", MFD_CLOEXEC)};
  while (file.number() >= 0 && !input.empty()) {
    const auto count = ::write(file.number(), input.data(), input.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Failure{std::generic_category().message(errno)};
    input = input.subspan(static_cast<std::size_t>(count));
  }
  if (file.number() < 0 || ::lseek(file.number(), 0, SEEK_SET) != 0)
    return Failure{std::generic_category().message(errno)};
  return file;
}

/// "NAME=value" of ours and of the hook's. `environ` is read here only, and nothing in this program writes it.
std::vector<std::string> environment_for(const Hook& hook) {
  std::vector<std::string> all;
  const auto is_replaced = [&](std::string_view entry) {
    const auto name = entry.substr(0, entry.find('='));
    return std::ranges::any_of(hook.environment, [&](const auto& variable) { return variable.first == name; });
  };
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (!is_replaced(*entry)) all.emplace_back(*entry);
  for (const auto& [name, value] : hook.environment) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Start {
  std::array<int, first_free> streams;  ///< what become its standard streams
  int report;                           ///< where `errno` goes when it comes to nothing; closed by its success
  char* const* arguments;
  char* const* environment;
  pid_t parent;
};

/// In the child, which shares nothing but may have been forked beside threads: system calls only.
[[noreturn]] void become(const Start& start) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(1);  // it died before we could ask to be told
  // What we ignore would be ignored by whatever it starts; what we handle is forgotten by itself.
  for (int signal = 1; signal <= last_classic_signal; ++signal) static_cast<void>(std::signal(signal, SIG_DFL));
  sigset_t none{};
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // First out of the way of each other, in case we were started without standard streams.
  std::array<int, first_free> safe{};
  for (std::size_t i = 0; i < safe.size(); ++i)
    safe[i] = ::fcntl(start.streams[i], F_DUPFD_CLOEXEC, first_free);     // NOLINT(*-vararg): the system's interface
  const int report = ::fcntl(start.report, F_DUPFD_CLOEXEC, first_free);  // NOLINT(*-vararg)
  for (std::size_t i = 0; i < safe.size(); ++i) ::dup2(safe[i], static_cast<int>(i));
  ::close_range(first_free, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve("/bin/sh", start.arguments, start.environment);
  const int error = errno;
  static_cast<void>(::write(report, &error, sizeof error));  // NOLINT(bugprone-unused-return-value): nobody to tell
  ::_exit(status_untold);
}

/// What `become` reports; 0 once the command runs.
int hear_start(const Descriptor& report) {
  int error = 0;
  ssize_t count = 0;
  do count = ::read(report.number(), &error, sizeof error);
  while (count < 0 && errno == EINTR);
  return count == sizeof error ? error : 0;
}

/// glibc 2.36 declares its own for C only.
int open_life(pid_t process) {
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));  // NOLINT(*-vararg): the system's interface
}

bool make_non_blocking(const Descriptor& descriptor) {
  return ::fcntl(descriptor.number(), F_SETFL, O_NONBLOCK) == 0;  // NOLINT(*-vararg): the system's interface
}
}  // namespace

std::expected<HookProcess, std::string> start_process(const Hook& hook) {
  auto input = open_input(hook.input);
  if (!input) return Failure{input.error()};
  auto output = open_pipe();
  if (!output) return Failure{output.error()};
  auto errors = open_pipe();
  if (!errors) return Failure{errors.error()};
  auto report = open_pipe();
  if (!report) return Failure{report.error()};
  std::vector<std::string> command{"sh", "-c", hook.command};
  auto environment = environment_for(hook);
  const auto arguments = pointers_to(command);
  const auto variables = pointers_to(environment);
  const Start start{.streams = {input->number(), output->write_end.number(), errors->write_end.number()},
                    .report = report->write_end.number(),
                    .arguments = arguments.data(),
                    .environment = variables.data(),
                    .parent = ::getpid()};
  keep_endings();
  const auto process = ::fork();
  if (process < 0) return Failure{std::generic_category().message(errno)};
  if (process == 0) become(start);
  report->write_end = Descriptor{};
  int error = hear_start(report->read_end);
  HookProcess started{.process = process,
                      .life = Descriptor{error == 0 ? open_life(process) : -1},
                      .output = std::move(output->read_end),
                      .errors = std::move(errors->read_end)};
  const bool is_ready =
      started.life.number() >= 0 && make_non_blocking(started.output) && make_non_blocking(started.errors);
  if (is_ready) return started;
  if (error == 0) error = errno;
  signal_group(process, SIGKILL);
  static_cast<void>(reap(process));
  return Failure{std::generic_category().message(error)};
}

void signal_group(pid_t process, int signal) { static_cast<void>(::kill(-process, signal)); }

void keep_endings() {
  struct sigaction now{};
  if (::sigaction(SIGCHLD, nullptr, &now) == 0 && now.sa_handler == SIG_IGN)
    static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
}

int reap(pid_t process) {
  int status = status_untold << 8;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}
}  // namespace natkit::io
