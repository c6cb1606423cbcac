// What is said for a process that died: real processes over loopback, killed.
#include "natkit/io/last_words.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "io/machines.hpp"
#include "io/processes.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/last_words_frame.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Somebody who listens, with a socket of the system.
class Ear {
 public:
  Ear() : socket_(*io::open_udp({loopback(), 0}, io::Purpose::client)) {}
  [[nodiscard]] Endpoint endpoint() const { return *io::local_endpoint(socket_.number()); }
  /// The next datagram; none when nothing comes for so long.
  std::optional<Datagram> hear(std::chrono::milliseconds patience) {
    pollfd query{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    if (waiting_.empty() && ::poll(&query, 1, static_cast<int>(patience.count())) == 1) {
      const auto count = batch_.receive(socket_.number());
      for (std::size_t i = 0; i < count; ++i) batch_.read(i, endpoint().port, waiting_.emplace_back());
    }
    if (waiting_.empty()) return std::nullopt;
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }
  /// What comes until it has been silent for so long.
  std::vector<std::string> hear_all(std::chrono::milliseconds silence) {
    std::vector<std::string> heard;
    while (const auto in = hear(silence)) heard.emplace_back(as_text(in->payload));
    return heard;
  }

 private:
  io::Descriptor socket_;
  io::ReceiveBatch batch_;
  std::deque<Datagram> waiting_;
};

/// Says "hello" from a socket, and what it leaves to be said from the same one.
struct Mortal {
  Endpoint ear;
  std::vector<std::string> words;  ///< one set after the other, at each timeout
  std::string goodbye{};           ///< said at the end, after which there are no last words
  Duration life = 10s;             ///< then it says goodbye
  bool closes_socket = false;      ///< before the end
  bool takes_leave = true;
  std::optional<Hook> hook{};  ///< run from the beginning
  std::deque<Datagram> out{};
  std::optional<std::vector<Datagram>> left{};
  std::optional<SocketChange> change{};
  std::size_t next = 0;
  std::optional<Instant> due{}, end{};

  [[nodiscard]] Datagram say(std::string_view text) const {
    return {.socket = SocketId{1}, .remote = ear, .payload = bytes_of(text)};
  }
  void start(Instant now) {
    out.push_back(say("hello"));
    end = now + life;
    due = now;
  }
  void handle_datagram(Instant, const Datagram&) {}
  void handle_timeout(Instant now) {
    if (now >= *end) {
      if (!goodbye.empty()) out.push_back(say(goodbye));
      if (takes_leave) left.emplace();
      due.reset();
      return;
    }
    if (next < words.size()) {
      left = std::vector{say(words[next++])};
      due = now;
      return;
    }
    if (closes_socket) change = SocketEnd{SocketId{1}};
    if (out.empty()) out.push_back({.socket = SocketId{2}, .remote = ear, .payload = bytes_of("ready")});
    due = end;
  }
  std::optional<SocketChange> poll_socket() { return std::exchange(change, std::nullopt); }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  std::optional<Datagram> poll_transmit() {
    if (out.empty()) return std::nullopt;
    auto first = std::move(out.front());
    out.pop_front();
    return first;
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return due; }
  std::optional<Hook> poll_hook() { return std::exchange(hook, std::nullopt); }
  void handle_hook_reply(Instant, const HookReply&) {}
  std::optional<std::vector<Datagram>> poll_last_words() { return std::exchange(left, std::nullopt); }
};
static_assert(SansIo<Mortal> && LeavesLastWords<Mortal> && RunsHooks<Mortal> && OpensSockets<Mortal>);

/// The machine in a process of its own, which leads its group.
class Process {
 public:
  explicit Process(Mortal machine) {
    std::array<int, 2> line{};
    REQUIRE(::pipe(line.data()) == 0);
    const io::Descriptor read_end{line[0]};
    const io::Descriptor write_end{line[1]};
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ > 0) {
      REQUIRE(::read(read_end.number(), &watcher_, sizeof watcher_) == sizeof watcher_);
      return;
    }
    ::setpgid(0, 0);
    int status = 1;
    {
      io::LastWords last_words;
      const auto watcher = last_words.watcher();
      const bool is_told = ::write(write_end.number(), &watcher, sizeof watcher) == sizeof watcher;
      if (is_told && watcher > 0 && io::run(machine, {.last_words = &last_words})) status = 0;
    }
    if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) status = 2;  // the watcher was left behind
    ::_exit(status);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (process_ > 0) static_cast<void>(::kill(process_, SIGKILL));
    static_cast<void>(wait());
  }
  [[nodiscard]] pid_t number() const { return process_; }
  [[nodiscard]] pid_t watcher() const { return watcher_; }
  /// What wait(2) says of its end.
  int wait() {
    int status = 0;
    if (process_ > 0) ::waitpid(process_, &status, 0);
    process_ = 0;
    return status;
  }

 private:
  pid_t process_ = 0;
  pid_t watcher_ = 0;
};

/// The port that it speaks from, once it has left its words: it says "ready" after that.
std::uint16_t port_when_ready(Ear& ear) {
  const auto hello = ear.hear(10s);
  REQUIRE(hello);
  REQUIRE(as_text(hello->payload) == "hello");
  const auto ready = ear.hear(10s);
  REQUIRE(ready);
  REQUIRE(as_text(ready->payload) == "ready");
  return hello->remote.port;
}

/// Kills a process that has something to say, and gives how long it took until it was heard.
Duration time_to_hear(int (*kill)(pid_t)) {
  Ear ear;
  Process process{{.ear = ear.endpoint(), .words = {"gone"}}};
  const auto port = port_when_ready(ear);
  const auto killed = io::now();
  REQUIRE(kill(process.number()) == 0);
  const auto first = ear.hear(2s);
  const auto took = io::now() - killed;
  REQUIRE(first);
  CHECK(as_text(first->payload) == "gone");
  CHECK(first->remote.port == port);
  CHECK(ear.hear_all(300ms) == std::vector<std::string>{"gone", "gone"});
  CHECK(io::now() - killed < 2s);
  CHECK(ends_soon(process.watcher()));
  CHECK(WTERMSIG(process.wait()) == SIGKILL);
  return took;
}

/// The least of some times: the others are those of a machine with too much to do.
Duration quickest(int (*kill)(pid_t)) {
  auto least = time_to_hear(kill);
  for (int i = 0; i < 2; ++i) least = std::min(least, time_to_hear(kill));
  return least;
}
}  // namespace

TEST_CASE("What a killed process has left is said from its port, three times, within 50 ms", "[last_words]") {
  CHECK(quickest([](pid_t process) { return ::kill(process, SIGKILL); }) < 50ms);
}

TEST_CASE("It is said also when the whole process group was killed", "[last_words]") {
  CHECK(quickest([](pid_t process) { return ::kill(-process, SIGKILL); }) < 50ms);
}

TEST_CASE("A command that runs then keeps nobody from saying it, and dies with the run", "[last_words][hooks]") {
  std::string note = (std::filesystem::temp_directory_path() / "natkit-test-XXXXXX").string();
  ::close(::mkstemp(note.data()));
  Ear ear;
  Process process{{.ear = ear.endpoint(),
                   .words = {"gone"},
                   .hook = Hook{.command = "echo $$ > " + note + "; exec sleep 30", .allowance = 60s}}};
  static_cast<void>(port_when_ready(ear));
  pid_t command = 0;
  for (int i = 0; i < 200 && command == 0; ++i) {
    ::usleep(10'000);
    std::ifstream{note} >> command;
  }
  std::filesystem::remove(note);
  REQUIRE(command > 0);
  CHECK(is_alive(command));
  REQUIRE(::kill(process.number(), SIGKILL) == 0);
  CHECK(ear.hear_all(300ms) == std::vector<std::string>{"gone", "gone", "gone"});
  CHECK(ends_soon(command));
}

TEST_CASE("A run that ended in order leaves nothing to be said, nor anybody to say it", "[last_words]") {
  Ear ear;
  Process process{{.ear = ear.endpoint(), .words = {"gone"}, .goodbye = "goodbye", .life = 100ms}};
  static_cast<void>(port_when_ready(ear));
  const auto watcher = process.watcher();
  CHECK(process.wait() == 0);
  CHECK_FALSE(is_alive(watcher));
  CHECK(ear.hear_all(300ms) == std::vector<std::string>{"goodbye"});
}

TEST_CASE("A machine that is finished has nothing left to say, even where it did not say so", "[last_words]") {
  Ear ear;
  Process process{{.ear = ear.endpoint(), .words = {"gone"}, .life = 100ms, .takes_leave = false}};
  static_cast<void>(port_when_ready(ear));
  CHECK(process.wait() == 0);
  CHECK(ear.hear_all(300ms).empty());
}

TEST_CASE("A run that is cut short has its last words said, and waits for that", "[last_words]") {
  Ear ear;
  Process process{{.ear = ear.endpoint(), .words = {"gone"}}};
  static_cast<void>(port_when_ready(ear));
  REQUIRE(::kill(process.number(), SIGINT) == 0);
  CHECK(process.wait() == 0);
  CHECK(ear.hear_all(10ms).size() == 3);
}

TEST_CASE("Only the newest of many last words are said", "[last_words]") {
  Ear ear;
  std::vector<std::string> words;
  for (int i = 0; i < 2000; ++i) words.push_back("gone " + std::to_string(i));
  Process process{{.ear = ear.endpoint(), .words = std::move(words)}};
  static_cast<void>(port_when_ready(ear));
  REQUIRE(::kill(process.number(), SIGKILL) == 0);
  CHECK(ear.hear_all(300ms) == std::vector<std::string>{"gone 1999", "gone 1999", "gone 1999"});
}

TEST_CASE("A socket that was closed is let go of, and nothing is said from it", "[last_words]") {
  Ear ear;
  Process process{{.ear = ear.endpoint(), .words = {"gone"}, .closes_socket = true}};
  const auto port = port_when_ready(ear);
  auto again = io::open_udp({loopback(), port}, io::Purpose::client);
  for (int i = 0; i < 100 && !again; ++i) {  // the watcher lets go a moment later
    ::usleep(10'000);
    again = io::open_udp({loopback(), port}, io::Purpose::client);
  }
  CHECK(again);
  REQUIRE(::kill(process.number(), SIGKILL) == 0);
  CHECK(ear.hear_all(300ms).empty());
}

TEST_CASE("A watcher that is stopped holds nobody up", "[last_words]") {
  const auto begin = io::now();
  {
    Ear ear;
    io::LastWords last_words;
    REQUIRE(last_words.watcher() > 0);
    REQUIRE(::kill(last_words.watcher(), SIGSTOP) == 0);
    std::vector<std::string> words(5000, std::string(1000, 'x'));
    Mortal machine{.ear = ear.endpoint(), .words = std::move(words), .life = 2s};
    REQUIRE(io::run(machine, {.last_words = &last_words}));
  }
  CHECK(io::now() - begin >= 2s);
  CHECK(io::now() - begin < 2s + 1s);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("A watcher has nothing open but its line, and a session of its own", "[last_words]") {
  const Ear something_open;
  const io::LastWords last_words;
  const auto folder = "/proc/" + std::to_string(last_words.watcher());
  std::string name;
  std::ifstream{folder + "/comm"} >> name;
  CHECK(name == "last-words");
  std::vector<std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator{folder + "/fd"})
    open.push_back(entry.path().filename().string() + " " + std::filesystem::read_symlink(entry.path()).string());
  std::ranges::sort(open);
  REQUIRE(open.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) CHECK(open[i] == std::to_string(i) + " /dev/null");
  CHECK(open[3].starts_with("3 socket:"));
  CHECK(::getsid(last_words.watcher()) == last_words.watcher());
}

TEST_CASE("Last words survive the way to the watcher, as many as there is room for", "[last_words]") {
  const std::array<std::uint8_t, 16> six{0x20, 0x01, 0x0d, 0xb8};
  std::vector<io::LastWord> words{
      {.socket = 2,
       .source = io::Source::of_datagram,
       .datagram = {.local = {loopback(), 1}, .remote = {IpAddress::v6(six), 65535}, .payload = bytes_of("one")}},
      {.datagram = {.remote = {loopback(), 7}, .hop_limit = 3, .payload = {}}}};
  const auto frame = io::write_last_words(words, 1000);
  const auto parsed = io::parse_last_words(frame);
  REQUIRE(parsed.size() == 2);
  CHECK(parsed[0].socket == 2);
  CHECK(parsed[0].source == io::Source::of_datagram);
  CHECK(parsed[0].datagram.local == Endpoint{loopback(), 1});
  CHECK(parsed[0].datagram.remote == Endpoint{IpAddress::v6(six), 65535});
  CHECK(as_text(parsed[0].datagram.payload) == "one");
  CHECK(parsed[1].datagram.hop_limit == 3);
  CHECK(parsed[1].datagram.payload.empty());
  CHECK(io::write_last_words(words, frame.size() - 1).front() == 1);
  for (std::size_t cut = 0; cut < frame.size(); ++cut)
    CHECK(io::parse_last_words(ByteView{frame}.first(cut)).size() < 2);
  CHECK(io::write_last_words(std::vector(300, words[1]), 65536).front() == 255);
}
