// Standard input and output of a machine, in a child process: from and to pipes and files.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <thread>

#include "catch.hpp"
#include "natkit/io/driver.hpp"

using namespace natkit;
using namespace std::chrono_literals;

namespace {
/// Writes what it reads, one piece at a time, and is finished at the end of the input.
class Echo {
 public:
  void start(Instant now) {
    deadline_ = now + 20s;
    wish_ = PipeRead{standard_streams, 10'000};
  }
  void handle_datagram(Instant, const Datagram&) {}
  void handle_timeout(Instant) { deadline_.reset(); }
  std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline_; }
  std::optional<PipeChange> poll_pipe() { return std::exchange(wish_, std::nullopt); }
  void handle_pipe_read(Instant, PipeId, ByteView piece) {
    if (piece.empty())
      deadline_.reset();
    else
      wish_ = PipeWrite{standard_streams, Bytes(piece.begin(), piece.end())};
  }
  void handle_pipe_written(Instant, PipeId) { wish_ = PipeRead{standard_streams, 10'000}; }
  void handle_pipe_failure(Instant, PipeId, std::string_view) {
    has_failed = true;
    deadline_.reset();
  }
  bool has_failed = false;

 private:
  std::optional<Instant> deadline_;
  std::optional<PipeChange> wish_;
};
static_assert(UsesPipes<Echo>);

constexpr int all_well = 0, output_failed = 3;

/// A child whose standard input and output are these; its exit status tells how it went.
pid_t run_echo(int input, int output) {
  const auto child = ::fork();
  if (child != 0) return child;
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  for (int number = 3; number < 64; ++number) ::close(number);
  Echo echo;
  const auto end = io::run(echo);
  ::_exit(!end ? 1 : echo.has_failed ? output_failed : all_well);
}

int status_of(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string numbers() {
  std::string text;
  for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i) + "\n";
  return text;
}

std::string read_all(int number) {
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t count = 0; (count = ::read(number, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(count));
  return text;
}
}  // namespace

TEST_CASE("What comes in by a pipe goes out by a pipe, byte for byte", "[pipes]") {
  std::array<int, 2> in{}, out{};
  REQUIRE(::pipe(in.data()) == 0);
  REQUIRE(::pipe(out.data()) == 0);
  const auto child = run_echo(in[0], out[1]);
  ::close(in[0]);
  ::close(out[1]);
  const auto text = numbers();
  std::thread writer{[&] {
    for (std::size_t done = 0; done < text.size();) {
      const auto count = ::write(in[1], text.data() + done, text.size() - done);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    ::close(in[1]);
  }};
  const auto heard = read_all(out[0]);
  writer.join();
  ::close(out[0]);
  CHECK(heard == text);
  CHECK(status_of(child) == all_well);
}

TEST_CASE("Files, which the system cannot be asked about, are read and written as well", "[pipes]") {
  auto* from = std::tmpfile();
  auto* to = std::tmpfile();
  const auto text = numbers();
  REQUIRE(std::fwrite(text.data(), 1, text.size(), from) == text.size());
  std::fflush(from);
  ::lseek(::fileno(from), 0, SEEK_SET);
  CHECK(status_of(run_echo(::fileno(from), ::fileno(to))) == all_well);
  ::lseek(::fileno(to), 0, SEEK_SET);
  CHECK(read_all(::fileno(to)) == text);
  std::fclose(from);
  std::fclose(to);
}

TEST_CASE("That nobody takes what is written is told, and the descriptors stay as they were", "[pipes]") {
  std::array<int, 2> in{};
  REQUIRE(::pipe(in.data()) == 0);
  const auto full = ::open("/dev/full", O_WRONLY);
  REQUIRE(full >= 0);
  REQUIRE(::write(in[1], "x", 1) == 1);
  CHECK(status_of(run_echo(in[0], full)) == output_failed);
  CHECK((::fcntl(in[0], F_GETFL) & O_NONBLOCK) == 0);
  for (const auto number : {in[0], in[1], full}) ::close(number);
}
