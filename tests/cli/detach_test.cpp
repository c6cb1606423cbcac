// Real processes that go to the background.
#include "natkit/cli/detach.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "captured.hpp"
#include "catch.hpp"
#include "natkit/cli/app.hpp"

using namespace natkit;
using cli::Exit;

namespace {
/// A tool that runs `work` in the background, in a process of its own whose standard streams end here.
class Command {
 public:
  using Work = std::function<Exit(cli::Output&, cli::Detached&)>;

  explicit Command(const Work& work, const std::string& log_file = "") {
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ != 0) {
      out_.close_end(1);
      err_.close_end(1);
      return;
    }
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);  // the test's own report them
    ::dup2(out_.write_end(), 1);
    ::dup2(err_.write_end(), 2);
    for (auto* pipe : {&out_, &err_})
      for (const std::size_t end : {0U, 1U}) pipe->close_end(end);
    CLI::App app{"Do what a tool does.", "tool"};
    cli::Output output{"tool"};
    cli::add_common_options(app, output, "1.2.3");
    const std::array<const char*, 1> arguments{"tool"};
    ::_exit(cli::run(app, output, 1, arguments.data(), [&]() -> Exit {
      auto place = cli::detach(output, log_file);
      if (const auto* exit = std::get_if<Exit>(&place)) return *exit;
      return work(output, std::get<cli::Detached>(place));
    }));
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  ~Command() {
    if (process_ > 0) static_cast<void>(::kill(process_, SIGKILL)), static_cast<void>(wait());
  }

  [[nodiscard]] pid_t process() const { return process_; }
  /// As wait(2) says it.
  int wait() {
    int status = 0;
    if (process_ > 0) ::waitpid(process_, &status, 0);
    process_ = 0;
    return status;
  }
  /// All that was written; comes back once nobody holds them open any more.
  std::string out() { return out_.text(); }
  std::string err() { return err_.text(); }

 private:
  pid_t process_ = 0;
  test::Pipe out_, err_;
};

struct File {
  std::string name = (std::filesystem::temp_directory_path() / "natkit-test-XXXXXX").string();
  File() { ::close(::mkstemp(name.data())); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::filesystem::remove(name); }
  [[nodiscard]] std::string text() const {
    std::ostringstream all;
    all << std::ifstream{name}.rdbuf();
    return all.str();
  }
  /// Once there is something in it; ten seconds at most.
  [[nodiscard]] std::string text_soon() const {
    for (int i = 0; i < 1000 && text().empty(); ++i) ::usleep(10'000);
    return text();
  }
};

void write_to(const File& file, const std::string& text) {
  const auto draft = file.name + ".new";
  std::ofstream{draft} << text;
  std::filesystem::rename(draft, file.name);
}

void pause_for_ever() {
  while (true) ::pause();
}
}  // namespace

TEST_CASE("A command comes back with its line as soon as the one in the background is ready", "[detach]") {
  const File note, go;
  Command command{[&](cli::Output& output, cli::Detached& detached) {
    output.warn("before");
    detached.ready("joined");
    detached.ready("twice");
    output.answer("nobody reads this");
    output.warn("nor this");
    static_cast<void>(go.text_soon());  // it goes on after the command has come back
    const bool is_alone = ::getsid(0) == ::getpid() && ::getppid() != 0;
    std::array<char, 1> input{};
    const bool has_no_input = ::read(0, input.data(), 1) == 0;
    write_to(note, is_alone && has_no_input ? "alone" : "not alone");
    return Exit::ok;
  }};
  CHECK(command.out() == "joined\n");  // nobody else holds the streams open
  CHECK(command.err() == "warning: before\n");
  const int status = command.wait();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  write_to(go, "go");
  CHECK(note.text_soon() == "alone");
}

TEST_CASE("What fails before it is ready says so in front, with its exit status", "[detach]") {
  Command command{[](cli::Output& output, cli::Detached&) {
    return output.fail({.code = Errc::refused, .reason = "locked", .detail = "the session is locked", .advice = {}});
  }};
  CHECK(command.out().empty());
  CHECK(command.err() == "error: the session is locked\n");
  const int status = command.wait();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 4);
}

TEST_CASE("That whoever started the command does not care for children makes no success of a failure", "[detach]") {
  std::signal(SIGCHLD, SIG_IGN);  // stays so over exec; the system then forgets how they ended (wait(2))
  Command command{[](cli::Output&, cli::Detached&) { return Exit::no_path; }};
  std::signal(SIGCHLD, SIG_DFL);
  CHECK(WEXITSTATUS(command.wait()) == 6);
}

TEST_CASE("What happens after it was ready goes to the log", "[detach]") {
  const File log;
  Command command{[](cli::Output& output, cli::Detached& detached) {
                    detached.ready("");
                    output.answer("answer");
                    output.warn("remark");
                    return Exit::ok;
                  },
                  log.name};
  CHECK(command.out().empty());
  CHECK(command.err().empty());
  CHECK(command.wait() == 0);
  for (int i = 0; i < 1000 && log.text() != "answer\nwarning: remark\n"; ++i) ::usleep(10'000);
  CHECK(log.text() == "answer\nwarning: remark\n");
}

TEST_CASE("A log that cannot be written is said before anything is begun", "[detach]") {
  Command command{[](cli::Output& output, cli::Detached&) {
                    output.answer("begun");
                    return Exit::ok;
                  },
                  "/natkit/is/nowhere"};
  CHECK(command.out().empty());
  CHECK(command.err().starts_with("error: cannot write /natkit/is/nowhere: No such file or directory\n"));
  CHECK(WEXITSTATUS(command.wait()) == 2);
}

TEST_CASE("A process in the background that is killed before it is ready is no success", "[detach]") {
  Command command{[](cli::Output&, cli::Detached&) {
    static_cast<void>(::kill(::getpid(), SIGKILL));
    return Exit::ok;
  }};
  CHECK(command.err().starts_with("error: the process in the background was ended by signal 9\n"));
  CHECK(WEXITSTATUS(command.wait()) == 70);
}

TEST_CASE("A signal to the command is one to the process in the background, which may still put things in order",
          "[detach]") {
  const auto [sent, end, word] = GENERATE(table<int, int, std::string>({
      {SIGINT, SIGINT, "interrupted"},
      {SIGTERM, SIGTERM, "terminated"},
      {SIGHUP, SIGTERM, "terminated"},
  }));
  const File note;
  Command command{[&](cli::Output& output, cli::Detached&) {
    sigset_t all{};
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    write_to(note, "waiting");
    int signal = 0;
    ::sigwait(&all, &signal);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
    output.answer(signal == SIGINT ? "interrupted" : "terminated");
    return signal == SIGINT ? Exit::interrupted : Exit::terminated;
  }};
  REQUIRE(note.text_soon() == "waiting");
  REQUIRE(::kill(command.process(), sent) == 0);
  CHECK(command.out() == word + "\n");
  const int status = command.wait();
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == end);
}

TEST_CASE("Who kills the command before it is ready ends the process in the background too", "[detach]") {
  const File note;
  Command command{[&](cli::Output&, cli::Detached&) {
    write_to(note, "waiting");
    pause_for_ever();
    return Exit::ok;
  }};
  REQUIRE(note.text_soon() == "waiting");
  REQUIRE(::kill(command.process(), SIGKILL) == 0);
  CHECK(command.out().empty());  // comes back once nobody holds it open
}
