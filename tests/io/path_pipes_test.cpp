// Streams at a path: programs of one user on one host, and nobody else's.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/pipe_script.hpp"

using namespace natkit;
using namespace natkit::test;
namespace files = std::filesystem;

namespace {
/// A folder that is gone when the test is.
class Folder {
 public:
  Folder() { REQUIRE(::mkdtemp(name_.data()) != nullptr); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { files::remove_all(name_); }
  [[nodiscard]] std::string at(const std::string& name) const { return name_ + "/" + name; }

 private:
  std::string name_ = (files::temp_directory_path() / "natkit-test-XXXXXX").string();
};

unsigned mode_of(const std::string& path) {
  struct stat facts{};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777U;
}

/// What a process leaves that is killed: a name, and nobody behind it.
void leave_dead_socket(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(name.sun_path), sizeof name.sun_path - 1);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  ::close(socket);
  REQUIRE(files::exists(path));
}

/// Why nobody can wait at this path; empty where it is possible.
std::string refusal_of(const std::string& path) {
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path}); };
  machine.on_opened = [&](PipeId, const Endpoint&) { machine.finish(); };
  machine.on_failure = [&](PipeId) { machine.finish(); };
  run(machine);
  return machine.failures[listener];
}
}  // namespace

TEST_CASE("A stream at a path arrives whole, and only its owner can reach it", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("natkit/session");  // the folder is not there yet
  const auto bytes = numbered(1'000'000);
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path}); };
  machine.on_opened = [&](PipeId pipe, const Endpoint&) {
    if (pipe == listener) {
      CHECK(mode_of(path) == 0600);
      CHECK(mode_of(folder.at("natkit")) == 0700);
      return machine.wish(PipeConnectTo{ours, path});
    }
    machine.wish(PipeWrite{ours, bytes});
  };
  machine.on_accepted = [&](PipeId pipe) { machine.wish(PipeRead{pipe}); };
  machine.on_written = [&](PipeId pipe) { machine.wish(PipeEnd{pipe}); };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    if (pipe == ours) return machine.finish();
    if (!piece.empty()) return machine.wish(PipeRead{pipe});
    machine.wish(PipeWrite{pipe, numbered(10)});  // one direction has ended, the other goes on
    machine.wish(PipeRead{ours});
  };
  run(machine);
  CHECK(machine.heard[machine.accepted] == bytes);
  CHECK(machine.heard[ours] == numbered(10));
  CHECK(machine.failures.empty());
  CHECK_FALSE(files::exists(path));  // it went with the run
}

TEST_CASE("A path goes with its listener, and may be used again", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("session");
  PipeScript machine;
  int opened = 0;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path}); };
  machine.on_opened = [&](PipeId, const Endpoint&) {
    if (++opened == 2) return machine.finish();
    machine.wish(PipeClose{listener});
    machine.wish(PipeConnectTo{ours, path});
  };
  machine.on_failure = [&](PipeId pipe) {
    CHECK(pipe == ours);
    machine.wish(PipeListenAt{listener, path});
  };
  run(machine);
  CHECK(machine.failures[ours] == "No such file or directory");
  CHECK(opened == 2);
}

TEST_CASE("What a dead process left at a path is replaced", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("session");
  leave_dead_socket(path);
  CHECK(refusal_of(path).empty());
  CHECK_FALSE(files::exists(path));
}

TEST_CASE("A path where a process waits is refused, and the process is named", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("session");
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path}); };
  machine.on_opened = [&](PipeId pipe, const Endpoint&) {
    if (pipe == listener) machine.wish(PipeListenAt{other, path});
    if (pipe == ours) machine.finish();
  };
  machine.on_failure = [&](PipeId) { machine.wish(PipeConnectTo{ours, path}); };  // the first one is still there
  run(machine);
  CHECK(machine.failures.size() == 1);
  CHECK(machine.failures[other] == "process " + std::to_string(::getpid()) + " is there already");
}

TEST_CASE("A file that is no socket is left alone", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("notes");
  std::ofstream{path} << "mine";
  CHECK(refusal_of(path) == path + " is no socket");
  CHECK(files::file_size(path) == 4);
}

TEST_CASE("A folder that others can enter is refused, and so is a path that is too long", "[path_pipes]") {
  const Folder folder;
  REQUIRE(::mkdir(folder.at("open").c_str(), 0755) == 0);
  REQUIRE(::chmod(folder.at("open").c_str(), 0755) == 0);
  CHECK(refusal_of(folder.at("open/session")) ==
        "the folder " + folder.at("open") + " is open to other users: chmod 700 it");
  const auto longest = folder.at(std::string(107 - folder.at("").size(), 'x'));
  CHECK(longest.size() == 107);
  CHECK(refusal_of(longest).empty());
  CHECK(refusal_of(longest + "x") == "the path is 108 bytes long, and a socket's may have 107");
}

TEST_CASE("A socket that another put in the place of ours is not removed", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("session");
  PipeScript machine;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path}); };
  machine.on_opened = [&](PipeId, const Endpoint&) {
    files::rename(path, folder.at("ours"));
    leave_dead_socket(path);
    machine.finish();
  };
  run(machine);
  CHECK(files::exists(path));
}

TEST_CASE("More connections at a path than are allowed end at once, and the others stay", "[path_pipes]") {
  const Folder folder;
  const auto path = folder.at("session");
  PipeScript machine;
  std::vector<PipeId> accepted;
  machine.on_start = [&] { machine.wish(PipeListenAt{listener, path, 2}); };
  machine.on_opened = [&](PipeId pipe, const Endpoint&) {
    if (pipe == listener)
      for (std::uint32_t name = 10; name < 13; ++name) machine.wish(PipeConnectTo{PipeId{name}, path});
    else
      machine.wish(PipeRead{pipe});
  };
  machine.on_read = [&](PipeId pipe, ByteView piece) {
    CHECK(piece.empty());
    if (pipe != PipeId{12}) return;
    CHECK(accepted.size() == 2);  // that was one too many; with another gone there is room again
    machine.wish(PipeClose{accepted.front()});
    machine.wish(PipeConnectTo{PipeId{13}, path});
  };
  machine.on_accepted = [&](PipeId pipe) {
    accepted.push_back(pipe);
    if (accepted.size() == 3) machine.finish();
  };
  run(machine);
  CHECK(accepted.size() == 3);
}
