#include "natkit/cli/detach.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {
constexpr char ready_mark = 'R';  // before the line: an empty one is a word as well

std::string last_error() { return std::generic_category().message(errno); }

/// Those that end a command at its terminal.
sigset_t ending_signals() {
  sigset_t set{};
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&set, signal);
  return set;
}

/// The terminal is gone, or the user has lost patience: for a process without a terminal that is a wish to end.
int passed_on_as(int signal) { return signal == SIGINT ? SIGINT : SIGTERM; }

/// What waits in front.
class Front {
 public:
  Front(pid_t process, int line, int signals) : process_(process), line_(line), signals_(signals) {}

  /// The line that it was ready with; none when it has ended, or will without having been.
  std::optional<std::string> wait_until_ready() {
    std::string heard;
    while (true) {
      std::array<pollfd, 2> queries{pollfd{.fd = line_, .events = POLLIN, .revents = 0},
                                    pollfd{.fd = signals_, .events = POLLIN, .revents = 0}};
      if (::poll(queries.data(), queries.size(), -1) < 0 && errno != EINTR) break;
      if ((queries[1].revents & POLLIN) != 0) pass_signal_on();
      if (queries[0].revents != 0 && !hear(heard)) break;
    }
    if (heard.empty() || heard.front() != ready_mark) return std::nullopt;
    return heard.substr(1);
  }

  /// As wait(2) says it. What nobody can tell is no success.
  [[nodiscard]] int wait_for_end() const {
    int status = static_cast<int>(Exit::defect) << 8;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

 private:
  void pass_signal_on() const {
    signalfd_siginfo told{};
    if (::read(signals_, &told, sizeof told) != sizeof told) return;
    static_cast<void>(::kill(process_, passed_on_as(static_cast<int>(told.ssi_signo))));
  }

  bool hear(std::string& heard) const {
    std::array<char, 4096> piece{};
    const auto count = ::read(line_, piece.data(), piece.size());
    if (count < 0) return errno == EINTR;
    heard.append(piece.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  pid_t process_;
  int line_;
  int signals_;
};

Exit exit_for_end(Output& output, int status) {
  if (WIFEXITED(status)) return static_cast<Exit>(WEXITSTATUS(status));  // it has said why
  const int signal = WTERMSIG(status);
  if (signal == SIGINT) return Exit::interrupted;
  if (signal == SIGTERM) return Exit::terminated;
  return output.fail(
      {.code = Errc::defect,
       .reason = "internal-error",
       .detail = "the process in the background was ended by signal " + std::to_string(signal),
       .advice = "if nobody has killed it, this is a defect of " + output.tool() + ": please report it"});
}

Exit wait_in_front(Output& output, pid_t process, int line, const sigset_t& blocked) {
  const int signals = ::signalfd(-1, &blocked, SFD_CLOEXEC);
  Front front{process, line, signals};
  const auto said = front.wait_until_ready();
  ::close(signals);
  if (!said) return exit_for_end(output, front.wait_for_end());
  if (!said->empty()) output.answer(*said);
  return Exit::ok;
}

Exit cannot(Output& output, const std::string& what) {
  return output.fail({.code = Errc::usage,
                      .reason = "cannot-detach",
                      .detail = "cannot go to the background: " + what,
                      .advice = "without --detach it runs in the foreground"});
}

int open_sink(const std::string& log_file) {
  const bool is_nowhere = log_file.empty();
  const int flags = is_nowhere ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND;
  return ::open(is_nowhere ? "/dev/null" : log_file.c_str(),  // NOLINT(*-vararg): the system's interface
                flags | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
}
}  // namespace

Detached::~Detached() {
  if (line_ >= 0) ::close(line_);
  if (sink_ >= 0) ::close(sink_);
}

void Detached::ready(std::string_view line) {
  if (line_ < 0) return;
  // First the streams, so that nobody who reads them waits longer than for the command.
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg): the system's interface
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  if (nothing > STDERR_FILENO) ::close(nothing);
  ::dup2(sink_, STDOUT_FILENO);
  ::dup2(sink_, STDERR_FILENO);
  ::close(std::exchange(sink_, -1));
  ::prctl(PR_SET_PDEATHSIG, 0);
  const auto word = ready_mark + std::string{line};
  for (std::size_t done = 0; done < word.size();) {
    const auto count = ::write(line_, word.data() + done, word.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // nobody waits any more
    done += static_cast<std::size_t>(count);
  }
  ::close(std::exchange(line_, -1));
}

std::variant<Detached, Exit> detach(Output& output, const std::string& log_file) {
  const int sink = open_sink(log_file);
  if (sink < 0)
    return output.fail({.code = Errc::usage,
                        .reason = "log-not-writable",
                        .detail = "cannot write " + printable(log_file) + ": " + last_error(),
                        .advice = "name a file in a folder that can be written"});
  std::array<int, 2> line{};
  if (::pipe2(line.data(), O_CLOEXEC) != 0) return cannot(output, last_error());
  const auto signals = ending_signals();
  sigset_t before{};
  ::sigprocmask(SIG_BLOCK, &signals, &before);  // none gets lost between the two
  const auto parent = ::getpid();
  const auto process = ::fork();
  if (process == 0) {
    ::close(line[0]);
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) static_cast<void>(std::raise(SIGTERM));  // it was killed before we could ask to be told
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return std::variant<Detached, Exit>{std::in_place_type<Detached>, line[1], sink};
  }
  ::close(line[1]);
  ::close(sink);
  const auto exit = process < 0 ? cannot(output, last_error()) : wait_in_front(output, process, line[0], signals);
  ::close(line[0]);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return exit;
}
}  // namespace natkit::cli
