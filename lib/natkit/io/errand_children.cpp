#include "natkit/io/errand_children.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace natkit::io {
namespace {
constexpr std::size_t longest_message = 192U << 10U;  // below the system's own bound for one message (212 992)
constexpr rlim_t most_processor_seconds = 10;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

void limit(int what, rlim_t value) {
  const rlimit bound{.rlim_cur = value, .rlim_max = value};
  static_cast<void>(::setrlimit(what, &bound));  // NOLINT: best effort, one fence of several
}

void fence(const ErrandChildren::Limits& limits, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before we could ask to be told
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, most_processor_seconds);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NPROC, 0);
  if (!is_sanitized) limit(RLIMIT_DATA, limits.memory_bytes);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
}

[[noreturn]] void serve(int line, ErrandChildren::Task task) {
  static std::array<std::uint8_t, longest_message> question;
  while (true) {
    const auto count = ::recv(line, question.data(), question.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(0);  // the parent is gone
    const auto answer = task(ByteView{question}.first(static_cast<std::size_t>(count)));
    if (answer.empty() || ::send(line, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) ::_exit(1);
  }
}

/// Whether its end of the line is still open. One that waits for work has nothing to say.
bool has_line(const ErrandChildren::Child& child) {
  std::uint8_t nothing = 0;
  return ::recv(child.line.number(), &nothing, sizeof nothing, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
}  // namespace

/// They wait for work that will not come.
ErrandChildren::~ErrandChildren() {
  for (auto& child : idle_) static_cast<void>(end(std::move(child)));
}

void ErrandChildren::prepare() {
  if (!idle_.empty()) return;
  if (auto child = make(); child.process != 0) idle_.push_back(std::move(child));
}

ErrandChildren::Child ErrandChildren::make() const {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  Descriptor ours{ends[0]};
  const Descriptor theirs{ends[1]};
  const auto parent = ::getpid();
  const auto process = ::fork();
  if (process < 0) return {};
  if (process == 0) {
    // Only the line stays open, as descriptor 3: no terminal, no sockets, no locks of the parent's.
    const int line = ::dup2(theirs.number(), 3);
    for (int standard = 0; standard < 3; ++standard) ::close(standard);
    ::close_range(4, ~0U, 0);
    fence(limits_, parent);
    serve(line, task_);
  }
  return {.process = process, .line = std::move(ours)};
}

ErrandChildren::Child ErrandChildren::take() {
  while (!idle_.empty()) {
    auto child = std::move(idle_.back());
    idle_.pop_back();
    if (has_line(child)) return child;
    static_cast<void>(end(std::move(child)));  // somebody has ended it while it waited
  }
  return make();
}

std::string ErrandChildren::end(Child child) {
  static_cast<void>(::kill(child.process, SIGKILL));
  int status = 0;
  while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("left with status {}", WEXITSTATUS(status));
}
}  // namespace natkit::io
