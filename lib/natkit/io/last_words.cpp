#include "natkit/io/last_words.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "natkit/io/hook_process.hpp"
#include "natkit/io/last_words_frame.hpp"

namespace natkit::io {
namespace {
constexpr int line_number = 3;  // after the standard streams
constexpr int times_said = 3;   // at 5 % loss one of 8 000 is lost each time
constexpr timespec between{.tv_sec = 0, .tv_nsec = 30'000'000};
constexpr int birth_ms = 1000;    // for the watcher to come into its place: 0.2 ms where nobody else wants a processor
constexpr int leave_ms = 100;     // for the watcher to read what it was told; it has nothing else to do
constexpr int parting_ms = 1000;  // for it to end: it says what it has within 60 ms

constexpr std::size_t control_bytes = CMSG_SPACE(LastWords::most_sockets * sizeof(int));
struct alignas(cmsghdr) Control {
  std::array<std::uint8_t, control_bytes> bytes;
};

struct Held {
  std::vector<Descriptor> sockets;
  Bytes frame;
};

std::vector<Descriptor> take_sockets(msghdr& message) {
  std::vector<Descriptor> taken;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, LastWords::most_sockets> numbers{};
    const auto bytes = std::min(header->cmsg_len - CMSG_LEN(0), sizeof numbers);
    std::memcpy(numbers.data(), CMSG_DATA(header), bytes);
    for (std::size_t i = 0; i < bytes / sizeof(int); ++i) taken.emplace_back(numbers[i]);
  }
  return taken;
}

/// False when the line has ended.
bool hear(Held& held) {
  static std::array<std::uint8_t, LastWords::largest_frame> frame;
  Control control;  // NOLINT(*-member-init): the system fills it as far as it says
  iovec piece{.iov_base = frame.data(), .iov_len = frame.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const auto count = ::recvmsg(line_number, &message, MSG_CMSG_CLOEXEC);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  held = {.sockets = take_sockets(message), .frame = {frame.begin(), frame.begin() + count}};
  return true;
}

void say(const Held& held) {
  const auto words = parse_last_words(held.frame);
  for (int time = 0; time < times_said && !words.empty(); ++time) {
    if (time > 0) ::nanosleep(&between, nullptr);
    for (const auto& word : words)
      if (word.socket < held.sockets.size())
        static_cast<void>(send_all(held.sockets[word.socket].number(), {&word.datagram, 1}, word.source));
  }
}

/// Only the line stays open. The standard streams go nowhere, so that no socket gets their numbers.
void let_go_of_all_but(int line) {
  ::dup2(line, line_number);
  for (int standard = 0; standard < line_number; ++standard) ::close(standard);
  for (int standard = 0; standard < line_number; ++standard)
    static_cast<void>(::open("/dev/null", O_RDWR));  // NOLINT(*-vararg): the system's interface
  ::close_range(line_number + 1, ~0U, 0);
  static_cast<void>(::chdir("/"));  // NOLINT(bugprone-unused-return-value): then a folder stays in use, no more
}

/// Until then it could die with our group, and would hold what we had open.
bool is_in_place(const Descriptor& line) {
  pollfd query{.fd = line.number(), .events = POLLIN, .revents = 0};
  char word = 0;
  return ::poll(&query, 1, birth_ms) == 1 && ::recv(line.number(), &word, sizeof word, MSG_DONTWAIT) == sizeof word;
}

[[noreturn]] void watch(int line) {
  ::setsid();  // who kills the group of the run does not kill this
  ::prctl(PR_SET_NAME, "last-words");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) static_cast<void>(std::signal(signal, SIG_IGN));
  let_go_of_all_but(line);
  constexpr char in_place = '.';
  if (::send(line_number, &in_place, sizeof in_place, MSG_NOSIGNAL) < 0) ::_exit(1);
  Held held;
  while (hear(held)) continue;
  say(held);
  ::_exit(0);
}
}  // namespace

LastWords::LastWords() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  line_ = Descriptor{ends[0]};
  Descriptor theirs{ends[1]};
  keep_endings();
  const auto process = ::fork();
  if (process == 0) watch(theirs.number());
  theirs = Descriptor{};  // so that its death is heard
  if (process < 0) return;
  if (is_in_place(line_)) {
    watcher_ = process;
    return;
  }
  static_cast<void>(::kill(process, SIGKILL));
  static_cast<void>(reap(process));
}

LastWords::~LastWords() {
  if (watcher_ == 0) return;
  line_ = Descriptor{};
  siginfo_t told{};
  for (int waited = 0; waited < parting_ms; waited += 5) {
    const int found = ::waitid(P_PID, static_cast<id_t>(watcher_), &told, WEXITED | WNOHANG | WNOWAIT);
    if (found != 0 || told.si_pid == watcher_) break;
    static_cast<void>(::poll(nullptr, 0, 5));
  }
  static_cast<void>(::kill(watcher_, SIGKILL));  // it has ended, unless somebody has stopped it
  static_cast<void>(reap(watcher_));
}

LastWords::Told LastWords::tell(ByteView frame, std::span<const int> sockets) {
  if (watcher_ == 0) return Told::never;
  Control control{};
  iovec piece{.iov_base = const_cast<std::uint8_t*>(frame.data()),  // NOLINT(*-const-cast): sendmsg only reads it
              .iov_len = frame.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  sockets = sockets.first(std::min(sockets.size(), most_sockets));
  if (!sockets.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sockets.size_bytes());
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sockets.size_bytes());
    std::memcpy(CMSG_DATA(header), sockets.data(), sockets.size_bytes());
  }
  while (::sendmsg(line_.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    // ETOOMANYREFS: too many sockets are under way (unix(7)).
    return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ? Told::not_now : Told::never;
  }
  return Told::yes;
}

void LastWords::take_leave() {
  if (watcher_ == 0) return;
  const auto nothing = write_last_words({}, largest_frame);
  if (tell(nothing, {}) == Told::yes) return;
  pollfd query{.fd = line_.number(), .events = POLLOUT, .revents = 0};
  static_cast<void>(::poll(&query, 1, leave_ms));
  if (tell(nothing, {}) != Told::yes) static_cast<void>(::kill(watcher_, SIGKILL));
}
}  // namespace natkit::io
