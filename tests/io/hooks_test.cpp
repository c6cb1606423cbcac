// Commands of the user's, run by the system's real shell.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "io/machines.hpp"
#include "io/processes.hpp"
#include "natkit/io/clock.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
using End = HookReply::End;

/// Hands its hooks out at once and is done when all replies are in, or when the test says so.
struct Caller {
  std::deque<Hook> hooks;
  std::size_t expected = hooks.size();
  std::vector<HookReply> replies{};
  Instant deadline{};
  bool is_late = false;

  void start(Instant now) { deadline = now + 20s; }
  void handle_datagram(Instant, const Datagram&) {}
  void handle_timeout(Instant now) { is_late = now >= deadline; }
  std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    if (is_late || replies.size() >= expected) return std::nullopt;
    return deadline;
  }
  std::optional<Hook> poll_hook() {
    if (hooks.empty()) return std::nullopt;
    auto first = std::move(hooks.front());
    hooks.pop_front();
    return first;
  }
  void handle_hook_reply(Instant, const HookReply& reply) { replies.push_back(reply); }
};
static_assert(SansIo<Caller> && RunsHooks<Caller>);

Hook hook(std::string command, Duration allowance = 10s) {
  return {.id = HookId{7}, .command = std::move(command), .allowance = allowance};
}

std::vector<HookReply> replies_to(std::deque<Hook> hooks) {
  Caller caller{.hooks = std::move(hooks)};
  REQUIRE(io::run(caller));
  REQUIRE_FALSE(caller.is_late);
  return caller.replies;
}

HookReply reply_to(Hook one) {
  std::deque<Hook> hooks;
  hooks.push_back(std::move(one));
  return replies_to(std::move(hooks)).at(0);
}

std::string output_of(const std::string& command) { return std::string{as_text(reply_to(hook(command)).output)}; }

pid_t number_in(std::string_view text) {
  pid_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// A file to be told something by a command whose reply does not come.
struct Note {
  std::string name = (std::filesystem::temp_directory_path() / "natkit-test-XXXXXX").string();
  Note() { ::close(::mkstemp(name.data())); }
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  ~Note() { std::filesystem::remove(name); }
  [[nodiscard]] std::string text() const {
    std::string word;
    std::ifstream{name} >> word;
    return word;
  }
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) count += entry.exists() ? 1U : 0U;
  return count;
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }
}  // namespace

TEST_CASE("A command gets its input and its environment, and its output and status come back", "[hooks]") {
  ::setenv("NATKIT_TEST_KEPT", "kept", 1);
  ::setenv("NATKIT_TEST_REPLACED", "ours", 1);
  auto asked = hook("cat; printf '%s %s %s' \"$NATKIT_TEST_KEPT\" \"$NATKIT_TEST_REPLACED\" \"$NEW\"; exit 3");
  asked.environment = {{"NATKIT_TEST_REPLACED", "theirs"}, {"NEW", "a b; $(c)"}};
  asked.input = {'i', 'n', '\n'};
  const auto before = open_descriptors();
  const auto reply = reply_to(std::move(asked));
  CHECK(reply.id == HookId{7});
  CHECK(reply.end == End::exited);
  CHECK(reply.number == 3);
  CHECK(as_text(reply.output) == "in\nkept theirs a b; $(c)");
  CHECK(reply.complaint.empty());
  CHECK(open_descriptors() == before);
  CHECK_FALSE(has_children());
}

TEST_CASE("A state of several megabytes goes through a command whole", "[hooks]") {
  auto asked = hook("cat");
  asked.input.resize(5'000'000);
  for (std::size_t i = 0; i < asked.input.size(); ++i) asked.input[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8));
  asked.most_output = asked.input.size();
  const auto input = asked.input;
  const auto reply = reply_to(std::move(asked));
  CHECK(reply.has_succeeded());
  CHECK(reply.output == input);
}

TEST_CASE("A command that does not read its input loses nothing", "[hooks]") {
  auto asked = hook("echo done");
  asked.input.resize(1'000'000);
  CHECK(as_text(reply_to(std::move(asked)).output) == "done\n");
}

TEST_CASE("A command that a signal ended is told from one that left", "[hooks]") {
  const auto reply = reply_to(hook("kill -SEGV $$"));
  CHECK(reply.end == End::signalled);
  CHECK(reply.number == SIGSEGV);
  CHECK_FALSE(reply.has_succeeded());
}

TEST_CASE("A status is known also where whoever started us does not care for children", "[hooks]") {
  std::signal(SIGCHLD, SIG_IGN);  // stays so over exec; the system then forgets how they ended (wait(2))
  const auto reply = reply_to(hook("exit 3"));
  std::signal(SIGCHLD, SIG_DFL);
  CHECK(reply.end == End::exited);
  CHECK(reply.number == 3);
}

TEST_CASE("The beginning of what a command complains about comes back, and no flood stops it", "[hooks]") {
  const auto reply = reply_to(hook("echo 'no such game' >&2; head -c 1000000 /dev/zero >&2; exit 1"));
  CHECK(reply.number == 1);
  CHECK(reply.complaint.substr(0, 13) == "no such game\n");
  CHECK(reply.complaint.size() == 1024);
}

TEST_CASE("A command that writes too much is ended, and its output is the beginning", "[hooks]") {
  auto asked = hook("while :; do echo 123456789; done");
  asked.most_output = 100'000;
  const auto reply = reply_to(std::move(asked));
  CHECK(reply.end == End::overflowed);
  CHECK(reply.output.size() == 100'000);
  CHECK(as_text(reply.output).substr(0, 10) == "123456789\n");

  auto one_more = hook("printf 12345");  // it has ended before anybody has read
  one_more.most_output = 4;
  CHECK(reply_to(one_more).end == End::overflowed);
  one_more.most_output = 5;
  CHECK(reply_to(one_more).end == End::exited);
}

TEST_CASE("At its deadline a command is ended with everything that it has started", "[hooks]") {
  const auto begin = io::now();
  // The one in the middle does not care for SIGTERM, and neither does its child.
  const auto reply = reply_to(hook("(trap '' TERM; sleep 30 & echo $!; wait) & sleep 30 & echo $!; wait", 300ms));
  CHECK(io::now() - begin >= 300ms);
  CHECK(io::now() - begin < 5s);
  CHECK(reply.end == End::timed_out);
  const auto text = std::string{as_text(reply.output)};
  const auto first = number_in(text), second = number_in(std::string_view{text}.substr(text.find('\n') + 1));
  REQUIRE(first > 0);
  REQUIRE(second > 0);
  CHECK(ends_soon(first));
  CHECK(ends_soon(second));
  CHECK_FALSE(has_children());
}

TEST_CASE("A command that is told to end may still put things in order", "[hooks]") {
  const auto begin = io::now();
  const auto reply = reply_to(hook("trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.01; done", 300ms));
  CHECK(reply.end == End::timed_out);
  CHECK(as_text(reply.output) == "ready\ntidy\n");
  CHECK(io::now() - begin < 300ms + 450ms);  // nobody waited for the whole grace
}

TEST_CASE("A command has nothing of ours open, its own group, and every signal's usual effect", "[hooks]") {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  // ls has opened the folder itself, as number 3.
  CHECK(output_of("ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 ");
  CHECK(output_of("[ $(ps -o pgid= -p $$) = $$ ] && echo own") == "own\n");
  CHECK(output_of("grep SigIgn /proc/self/status | tr -dc '0-9a-f\\n' | tail -c 17") == "0000000000000000\n");
  CHECK(output_of("grep SigBlk /proc/self/status | tail -c 17") == "0000000000000000\n");
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
}

TEST_CASE("What a command left in the background on purpose stays, and keeps nobody waiting", "[hooks]") {
  const auto begin = io::now();
  const auto reply = reply_to(hook("sleep 30 & echo $!"));
  CHECK(io::now() - begin < 5s);
  CHECK(reply.has_succeeded());
  const auto background = number_in(as_text(reply.output));
  REQUIRE(background > 0);
  CHECK(is_alive(background));
  CHECK(::kill(background, SIGKILL) == 0);
}

TEST_CASE("What cannot be started says why", "[hooks]") {
  auto asked = hook("true");
  asked.environment.emplace_back("LONG", std::string(5'000'000, 'x'));  // more than the system allows (execve(2))
  const auto reply = reply_to(std::move(asked));
  CHECK(reply.end == End::not_started);
  CHECK(reply.complaint == "Argument list too long");
  CHECK(reply_to(hook("natkit-has-no-such-program")).number == 127);
  CHECK_FALSE(has_children());
}

TEST_CASE("Only a few commands run at once, others wait within their allowance, and many more are refused", "[hooks]") {
  std::deque<Hook> hooks;
  for (int i = 0; i < 4; ++i) hooks.push_back(hook("sleep 0.6"));
  hooks.push_back(hook("echo late", 100ms));
  for (int i = 5; i < 70; ++i) hooks.push_back(hook("true"));
  const auto replies = replies_to(std::move(hooks));
  int refused = 0, timed_out = 0, done = 0;
  for (const auto& reply : replies) {
    if (reply.end == End::not_started) ++refused;
    if (reply.end == End::timed_out) ++timed_out;
    if (reply.has_succeeded()) ++done;
  }
  CHECK(refused == 6);
  CHECK(timed_out == 1);
  CHECK(done == 63);
}

TEST_CASE("The end of a run ends the commands that still run, and leaves no zombie", "[hooks]") {
  const auto before = open_descriptors();
  const Note note;
  Caller caller{.hooks = {hook("sleep 30 & echo $! > " + note.name + "; wait"),
                          hook("while [ ! -s " + note.name + " ]; do sleep 0.01; done")}};
  caller.expected = 1;
  const auto begin = io::now();
  REQUIRE(io::run(caller));
  CHECK(io::now() - begin < 5s);
  CHECK_FALSE(has_children());
  const auto child = number_in(note.text());
  REQUIRE(child > 0);
  CHECK(ends_soon(child));
  CHECK(open_descriptors() == before);
}
