#include "natkit/io/errand_children.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <deque>
#include <filesystem>
#include <functional>
#include <set>

#include "catch.hpp"
#include "machines.hpp"
#include "natkit/io/clock.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Set by a child that is about to answer, seen by the parent.
std::atomic<int>& answering() {
  static auto* shared = static_cast<std::atomic<int>*>(
      ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *shared;
}

/// What the children do: as the question says.
Bytes obey(ByteView question) {
  const auto text = as_text(question);
  if (text == "crash") std::raise(SIGSEGV);
  if (text == "leave") ::_exit(7);
  while (text == "hang") ::pause();
  if (text == "eat") return Bytes(1U << 30U, 1);
  if (text == "huge") return Bytes(1U << 20U, 1);
  if (text == "largest") return Bytes(100'000, 1);
  if (text == "nothing") return {};
  if (text == "who") return bytes_of(std::to_string(::getpid()));
  if (text == "descriptors") {
    std::string open;
    for (int number = 0; number < 1000; ++number)
      if (::fcntl(number, F_GETFD) >= 0) open += std::to_string(number) + " ";
    return bytes_of(open);
  }
  if (text == "flag") answering() = 1;
  return {question.begin(), question.end()};
}

/// Hands its questions out at once and is done when all replies are in.
struct Boss {
  std::deque<Errand> questions;
  std::size_t expected = questions.size();
  std::vector<ErrandReply> replies{};
  std::deque<Datagram> out{};
  std::function<void(Boss&, const ErrandReply&)> on_reply = [](Boss&, const ErrandReply&) {};
  Duration patience = 20s;
  std::function<void()> on_late = [] {};
  Instant due{};
  int timeouts = 0;
  std::size_t answers = 0;

  void start(Instant now) { due = now + patience; }
  void handle_datagram(Instant, const Datagram&) { ++answers; }
  void handle_timeout(Instant now) {
    ++timeouts;
    on_late();
    due = now + 20s;
  }
  std::optional<Datagram> poll_transmit() {
    if (out.empty()) return std::nullopt;
    auto first = std::move(out.front());
    out.pop_front();
    return first;
  }
  std::optional<Instant> poll_timeout() const {
    const bool is_done = timeouts > 1 || (replies.size() >= expected && answers == 0);
    return is_done ? std::nullopt : std::optional{due};
  }
  std::optional<Errand> poll_errand() {
    if (questions.empty()) return std::nullopt;
    auto first = std::move(questions.front());
    questions.pop_front();
    return first;
  }
  void handle_errand_reply(Instant, const ErrandReply& reply) {
    replies.push_back(reply);
    on_reply(*this, reply);
  }

  [[nodiscard]] const ErrandReply& reply(std::uint32_t id) const {
    for (const auto& one : replies)
      if (one.id == ErrandId{id}) return one;
    throw std::out_of_range{"no reply to errand " + std::to_string(id)};
  }
};
static_assert(SansIo<Boss> && RunsErrands<Boss>);

Errand errand(std::uint32_t id, std::string_view question, Duration allowance = 10s) {
  return {.id = ErrandId{id}, .question = bytes_of(question), .allowance = allowance};
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) count += entry.exists() ? 1U : 0U;
  return count;
}

/// Children of this process that have ended and were not reaped.
bool has_zombie() {
  siginfo_t told{};
  return ::waitid(P_ALL, 0, &told, WEXITED | WNOHANG | WNOWAIT) == 0 && told.si_pid != 0;
}

/// Nothing else in this program has children; blocks while one is alive.
void reap_all() {
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

pid_t number_in(const Bytes& text) {
  pid_t value = 0;
  const auto view = as_text(text);
  std::from_chars(view.data(), view.data() + view.size(), value);
  return value;
}
}  // namespace

TEST_CASE("An errand is answered by a child that has nothing of ours open", "[errands]") {
  const auto before = open_descriptors();
  {
    io::ErrandChildren children{obey};
    Boss boss{.questions = {errand(1, "hello"), errand(2, "descriptors"), errand(3, "largest")}};
    CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
    CHECK(as_text(boss.reply(1).answer) == "hello");
    CHECK(boss.reply(1).failure.empty());
    CHECK(as_text(boss.reply(2).answer) == "3 ");
    CHECK(boss.reply(3).answer.size() == 100'000);
    CHECK_FALSE(has_zombie());
  }
  reap_all();
  CHECK(open_descriptors() == before);
}

TEST_CASE("A child that fails costs its own errand only, and says how it ended", "[errands]") {
  const auto before = open_descriptors();
  {
    io::ErrandChildren children{obey, {.at_once = 1}};
    Boss boss{.questions = {errand(1, "leave"), errand(2, "huge"), errand(3, "nothing"), errand(4, "crash"),
                            errand(5, "hello")}};
    CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
    CHECK(boss.reply(1).failure == "left with status 7");
    CHECK(boss.reply(2).failure == "left with status 1");  // no message may be that long
    CHECK(boss.reply(3).failure == "left with status 1");
    // The address sanitizer makes its own end of a fault.
    if (!is_sanitized) CHECK(boss.reply(4).failure == "ended by signal 11");
    CHECK(boss.reply(4).answer.empty());
    CHECK(as_text(boss.reply(5).answer) == "hello");
    CHECK_FALSE(has_zombie());
  }
  reap_all();
  CHECK(open_descriptors() == before);
}

TEST_CASE("A child that hangs is ended at its deadline, and reaped", "[errands]") {
  io::ErrandChildren children{obey};
  Boss boss{.questions = {errand(1, "hang", 30ms), errand(2, "hello")}};
  const auto begin = io::now();
  CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
  CHECK(io::now() - begin >= 30ms);
  CHECK(boss.timeouts == 0);
  CHECK(boss.reply(1).failure == "out of time");
  CHECK(as_text(boss.reply(2).answer) == "hello");
  CHECK_FALSE(has_zombie());
}

TEST_CASE("A child gets no more memory than it is allowed", "[errands]") {
  if (is_sanitized) return;  // they map more than that for themselves
  io::ErrandChildren children{obey};
  Boss boss{.questions = {errand(1, "eat")}};
  CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
  CHECK(boss.reply(1).answer.empty());
  CHECK(boss.reply(1).failure == "ended by signal 6");  // std::bad_alloc, which nobody catches
}

TEST_CASE("A run that ends takes the children that are still at work with it", "[errands]") {
  const auto before = open_descriptors();
  {
    io::ErrandChildren children{obey};
    Boss boss{.questions = {errand(1, "hang"), errand(2, "hang")}, .expected = 0};
    CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
    CHECK_FALSE(has_zombie());
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // nor one that lives
    CHECK(errno == ECHILD);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("More errands than children wait their turn", "[errands]") {
  io::ErrandChildren children{obey, {.at_once = 2}};
  Boss boss;
  for (std::uint32_t id = 0; id < 20; ++id) boss.questions.push_back(errand(id, "who"));
  boss.expected = 20;
  CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
  std::set<pid_t> workers;
  for (std::uint32_t id = 0; id < 20; ++id) workers.insert(number_in(boss.reply(id).answer));
  CHECK(workers.size() == 2);
}

TEST_CASE("A child that was killed while it had nothing to do is replaced", "[errands]") {
  io::ErrandChildren children{obey};
  Boss first{.questions = {errand(1, "who")}};
  CHECK(io::run(first, {.errands = &children}) == io::RunEnd::finished);
  const auto idle = number_in(first.reply(1).answer);
  REQUIRE(idle > 0);
  REQUIRE(::kill(idle, SIGKILL) == 0);
  siginfo_t told{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(idle), &told, WEXITED | WNOWAIT) == 0);  // it is dead now

  Boss second{.questions = {errand(2, "who")}};
  CHECK(io::run(second, {.errands = &children}) == io::RunEnd::finished);
  CHECK(second.reply(2).failure.empty());
  CHECK(number_in(second.reply(2).answer) != idle);
  CHECK_FALSE(has_zombie());
}

TEST_CASE("An answer that arrives together with the deadline is one reply, not two", "[errands]") {
  io::ErrandChildren children{obey};
  answering() = 0;
  Boss boss{.questions = {errand(1, "flag", 20ms)}, .patience = 1ms};
  boss.on_late = [] {  // keeps the driver busy until both are due
    const auto begin = io::now();
    while (answering() == 0 || io::now() - begin < 40ms) {
    }
  };
  boss.expected = 2;  // the run goes on after the first
  boss.on_reply = [](Boss& self, const ErrandReply&) {
    if (self.replies.size() == 1) self.questions.push_back(errand(2, "hello"));
  };
  CHECK(io::run(boss, {.errands = &children}) == io::RunEnd::finished);
  CHECK(boss.replies.size() == 2);
  CHECK(as_text(boss.reply(2).answer) == "hello");
  CHECK_FALSE(has_zombie());
}

TEST_CASE("Without children every errand fails, and what the machine then does is done", "[errands]") {
  Echo echo;
  Server server{echo, {{.endpoint = {loopback(), 0}}}};
  Boss boss{.questions = {errand(1, "hello")}};
  boss.on_reply = [&](Boss& self, const ErrandReply&) {
    self.out.push_back({.socket = SocketId{1}, .remote = server.endpoint(), .payload = bytes_of("failed")});
  };
  CHECK(io::run(boss) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  CHECK(boss.reply(1).answer.empty());
  CHECK_FALSE(boss.reply(1).failure.empty());
  CHECK(echo.received.size() <= 1);
  CHECK(boss.out.empty());
}
