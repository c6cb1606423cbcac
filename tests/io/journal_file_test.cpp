#include "natkit/io/journal_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;
using portmap::JournalEntry;
using portmap::MappingId;
using portmap::RunId;

namespace {
/// A folder of its own, gone with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "natkit-journal-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file() const { return path_ + "/port-mappings.journal"; }

 private:
  std::string path_;
};

std::unique_ptr<io::JournalFile> open(const Folder& folder, std::uint64_t run = 1) {
  auto journal = io::JournalFile::open(folder.path(), RunId{run});
  if (!journal) throw std::runtime_error{journal.error().detail};
  return std::move(*journal);
}

JournalEntry entry(std::uint64_t id, std::string description = "game") {
  return {.id = MappingId{id},
          .run = RunId{1},
          .route = {"192.168.1.2"_ip, "192.168.1.1"_ip, "eth0"},
          .gateway = "192.168.1.1"_ip,
          .mapped_host = "192.168.1.2"_ip,
          .internal_port = 7000,
          .external = "203.0.113.7:7000"_ep,
          .description = std::move(description),
          .lifetime = 600s};
}

std::vector<std::uint64_t> ids(io::JournalFile& journal) {
  const auto entries = journal.entries();
  std::vector<std::uint64_t> list;
  for (const auto& one : entries.value()) list.push_back(std::to_underlying(one.id));
  return list;
}
using Ids = std::vector<std::uint64_t>;

std::string text_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
void append(const std::string& path, std::string_view text) {
  std::ofstream{path, std::ios::binary | std::ios::app} << text;
}

/// Another process does it; what it returns is its exit status. Ended by a signal: 128 and the signal.
int in_another_process(const std::function<int()>& what) {
  const auto child = ::fork();
  if (child == 0) ::_exit(what());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
}  // namespace

TEST_CASE("The journal holds the last that was written of each mapping, and nothing of those erased", "[journal]") {
  const Folder folder;
  const auto journal = open(folder);
  CHECK(ids(*journal).empty());
  REQUIRE(journal->put(entry(1)));
  REQUIRE(journal->put(entry(2)));
  REQUIRE(journal->put(entry(1, "another = name\n")));
  REQUIRE(journal->put(entry(3)));
  REQUIRE(journal->erase(MappingId{2}));
  REQUIRE(journal->erase(MappingId{9}));
  CHECK(ids(*journal) == Ids{1, 3});
  CHECK(journal->entries()->front().description == "another = name\n");
  CHECK(journal->entries()->front().written_at > 0);
  CHECK(journal->damaged_lines() == 0);
  CHECK(ids(*open(folder, 200)) == Ids{1, 3});
  REQUIRE(journal->put(entry(2)));  // once more
  CHECK(ids(*journal) == Ids{1, 2, 3});
}

TEST_CASE("The journal's folder and files can be read by nobody else", "[journal]") {
  const Folder outer;
  const auto path = outer.path() + "/state/natkit";
  const auto before = ::umask(0);
  REQUIRE(io::JournalFile::open(path, RunId{1}));
  ::umask(before);
  const auto mode = [](const std::string& of) {
    struct stat state{};
    return ::stat(of.c_str(), &state) == 0 ? state.st_mode & 0777U : 0U;
  };
  CHECK(mode(path) == 0700);
  CHECK(mode(path + "/port-mappings.journal") == 0600);
  CHECK(mode(path + "/port-mappings.runs") == 0600);
  REQUIRE(::chmod((path + "/port-mappings.journal").c_str(), 0644) == 0);
  REQUIRE(io::JournalFile::open(path, RunId{1}));
  CHECK(mode(path + "/port-mappings.journal") == 0600);
}

TEST_CASE("What is whole is kept, whatever else stands in the file, and damage is told", "[journal]") {
  const Folder folder;
  REQUIRE(open(folder)->put(entry(1)));
  const auto whole = text_of(folder.file());
  auto changed = whole;
  changed.replace(changed.find("7000"), 4, "7001");
  const auto [garbage, damaged] = GENERATE_COPY(table<std::string, std::size_t>({
      {"", 0},
      {"\n\n\n", 0},
      {"what is this\n", 1},
      {std::string(100'000, 'x') + "\n", 1},
      {std::string{"\0\xff\x1b[31m\n", 8}, 1},
      {"natkit-2 id=0000000000000007 new=things crc=00000000\n", 1},
      {"erased \nerased zz\n", 2},
      {whole.substr(0, 40) + "\n" + whole.substr(40), 2},
      {changed, 1},
  }));
  append(folder.file(), garbage);
  const auto journal = open(folder);
  CHECK(ids(*journal) == Ids{1});
  CHECK(journal->damaged_lines() == damaged);
  REQUIRE(journal->put(entry(2)));
  CHECK(ids(*journal) == Ids{1, 2});
  const bool is_readable_to_another_version = garbage.starts_with("natkit-2");
  CHECK(journal->damaged_lines() == (is_readable_to_another_version ? 1U : 0U));  // told once
  if (is_readable_to_another_version) CHECK(text_of(folder.file()).find(garbage) != std::string::npos);
}

TEST_CASE("A line that was cut off costs no other line, wherever the cut is", "[journal]") {
  const Folder folder;
  REQUIRE(open(folder)->put(entry(1)));
  const auto first = text_of(folder.file()).size();
  REQUIRE(open(folder)->put(entry(2)));
  const auto whole = text_of(folder.file());
  for (auto cut = first; cut < whole.size(); cut += cut + 10 < whole.size() ? 7U : 1U) {
    std::filesystem::resize_file(folder.file(), cut);
    const auto journal = open(folder);
    REQUIRE(ids(*journal) == Ids{1});
    REQUIRE(journal->put(entry(3)));
    const auto now = ids(*journal);
    // Where only the line's end was missing, the line is whole again; then it may as well count.
    REQUIRE((now == Ids{1, 3} || (cut + 1 == whole.size() && now == Ids{1, 2, 3})));
    std::ofstream{folder.file(), std::ios::binary | std::ios::trunc} << whole;
  }
}

TEST_CASE("Two processes that write at once lose nothing, rewriting the file included", "[journal]") {
  const Folder folder;
  constexpr std::uint64_t each = 100;
  const std::string padding(600, 'd');  // so that the file is rewritten several times
  std::array<pid_t, 2> writers{};
  for (std::uint64_t who = 0; who < writers.size(); ++who) {
    writers.at(who) = ::fork();
    if (writers.at(who) != 0) continue;
    const auto journal = io::JournalFile::open(folder.path(), RunId{(who + 1) * 100});
    bool is_well = journal.has_value();
    for (std::uint64_t i = 0; i < each && is_well; ++i) {
      const auto id = (who + 1) * 10'000 + i;
      is_well = (*journal)->put(entry(id, padding)).has_value();
      if (is_well && i % 10 != 0) is_well = (*journal)->erase(MappingId{id}).has_value();
    }
    ::_exit(is_well ? 0 : 1);
  }
  for (const auto writer : writers) {
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    CHECK(status == 0);
  }
  const auto journal = open(folder);
  const auto left = ids(*journal);
  CHECK(journal->damaged_lines() == 0);
  std::set<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < each; i += 10) expected.insert({10'000 + i, 20'000 + i});
  CHECK(std::set<std::uint64_t>(left.begin(), left.end()) == expected);
  CHECK(std::filesystem::file_size(folder.file()) < 2 * each * 850);  // less than was ever written
}

TEST_CASE("A process that is killed while it writes loses at most what it was writing", "[journal]") {
  const Folder folder;
  for (int round = 0; round < 10; ++round) {
    std::array<int, 2> line{};
    REQUIRE(::pipe2(line.data(), O_CLOEXEC) == 0);
    const auto child = ::fork();
    if (child == 0) {
      const auto journal = io::JournalFile::open(folder.path(), RunId{1});
      for (std::uint64_t i = 1; journal; ++i) {
        if (!(*journal)->put(entry(static_cast<std::uint64_t>(round) * 1'000'000 + i, std::string(300, 'd')))) break;
        if (::write(line[1], &i, sizeof i) != sizeof i) break;
      }
      ::_exit(1);
    }
    ::close(line[1]);
    std::uint64_t last = 0;
    for (int i = 0; i < 5 + round; ++i) REQUIRE(::read(line[0], &last, sizeof last) == sizeof last);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(line[0], &last, sizeof last) == sizeof last) {
    }
    ::close(line[0]);
    const auto journal = open(folder);
    const auto now = ids(*journal);
    std::uint64_t found = 0;
    for (const auto id : now) found += id / 1'000'000 == static_cast<std::uint64_t>(round) ? 1U : 0U;
    CHECK(found >= last);
    CHECK(found <= last + 1);
    for (const auto id : now) REQUIRE(journal->erase(MappingId{id}));
    CHECK(ids(*journal).empty());
  }
}

TEST_CASE("A full disk is an error, what stood there stays, and there is no half line", "[journal]") {
  const Folder folder;
  REQUIRE(open(folder)->put(entry(1)));
  const auto before = text_of(folder.file());
  const int status = in_another_process([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit room{.rlim_cur = before.size() + 100, .rlim_max = before.size() + 100};
    if (::setrlimit(RLIMIT_FSIZE, &room) != 0) return 1;
    const auto journal = io::JournalFile::open(folder.path(), RunId{1});
    if (!journal) return 2;
    const auto put = (*journal)->put(entry(2));
    if (put) return 3;
    if (put.error().reason != "journal-not-writable") return 4;
    return (*journal)->erase(MappingId{1}) ? 0 : 5;  // this little still fits
  });
  CHECK(status == 0);
  CHECK(text_of(folder.file()).starts_with(before));
  const auto journal = open(folder);
  CHECK(ids(*journal).empty());
  CHECK(journal->damaged_lines() == 0);
}

TEST_CASE("A full disk while the file is rewritten leaves the old one", "[journal]") {
  const Folder folder;
  {
    const auto journal = open(folder);
    for (std::uint64_t i = 1; i <= 70; ++i) REQUIRE(journal->put(entry(i, std::string(900, 'd'))));
    for (std::uint64_t i = 21; i <= 70; ++i) REQUIRE(journal->erase(MappingId{i}));
  }
  append(folder.file(), std::string(100'000, '\n'));  // now it is worth it
  const auto before = text_of(folder.file());
  const int status = in_another_process([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit room{.rlim_cur = 5000, .rlim_max = 5000};
    if (::setrlimit(RLIMIT_FSIZE, &room) != 0) return 1;
    const auto journal = io::JournalFile::open(folder.path(), RunId{1});
    if (!journal) return 2;
    const auto put = (*journal)->put(entry(99));
    return !put && put.error().reason == "journal-not-writable" ? 0 : 3;
  });
  CHECK(status == 0);
  CHECK(text_of(folder.file()) == before);
  const auto journal = open(folder);
  CHECK(ids(*journal).size() == 20);
  REQUIRE(journal->put(entry(99)));
  CHECK(ids(*journal).size() == 21);
  CHECK(std::filesystem::file_size(folder.file()) < before.size() / 2);
}

TEST_CASE("A rewritten journal keeps the lines that it does not understand", "[journal]") {
  const Folder folder;
  const auto journal = open(folder);
  append(folder.file(), "natkit-2 of=the-future\n");
  for (std::uint64_t i = 1; i <= 100; ++i) {
    REQUIRE(journal->put(entry(i, std::string(900, 'd'))));
    REQUIRE(journal->erase(MappingId{i}));
  }
  CHECK(std::filesystem::file_size(folder.file()) < 100'000);
  CHECK(ids(*journal).empty());
  CHECK(journal->damaged_lines() == 1);
  CHECK(text_of(folder.file()).find("natkit-2 of=the-future\n") != std::string::npos);
}

TEST_CASE("A long journal of mappings that stand is not read at every write, but when it has doubled", "[journal]") {
  const Folder folder;
  const auto journal = open(folder);
  const auto fill = [&](std::uint64_t from) {
    const auto end = text_of(folder.file()).size() + 70'000;
    for (; text_of(folder.file()).size() < end; ++from) REQUIRE(journal->note(entry(from)));
    return from;
  };
  const auto standing = fill(1);
  REQUIRE(journal->note(entry(standing)));  // looks, and finds nothing that is over
  for (std::uint64_t id = 1; id <= standing; ++id) append(folder.file(), fmt::format("erased {:016x}\n", id));

  const auto before = text_of(folder.file());
  REQUIRE(journal->note(entry(100'000)));
  CHECK(text_of(folder.file()).starts_with(before));

  append(folder.file(), std::string(before.size(), '\n'));
  REQUIRE(journal->note(entry(100'001)));
  CHECK(ids(*journal) == Ids{100'000, 100'001});
  CHECK(text_of(folder.file()).size() < 1000);
}

TEST_CASE("A file too large to be a journal is refused, and not cut", "[journal]") {
  const Folder folder;
  REQUIRE(open(folder)->put(entry(1)));
  const std::string line(1U << 20U, 'x');
  for (int i = 0; i < 17; ++i) append(folder.file(), line + "\n");
  const auto size = std::filesystem::file_size(folder.file());
  const auto journal = io::JournalFile::open(folder.path(), RunId{1});
  REQUIRE_FALSE(journal);
  CHECK(journal.error().reason == "journal-not-safe");
  CHECK(std::filesystem::file_size(folder.file()) == size);
}

TEST_CASE("A journal that leads elsewhere, or is no file, is refused and left alone", "[journal]") {
  const Folder folder;
  const auto elsewhere = folder.path() + "/precious";
  append(elsewhere, "mine\n");
  const std::string name = GENERATE("port-mappings.journal", "port-mappings.runs");
  const auto path = folder.path() + "/" + name;
  SECTION("a symbolic link") { std::filesystem::create_symlink(elsewhere, path); }
  SECTION("a symbolic link to nothing") { std::filesystem::create_symlink(folder.path() + "/not-there", path); }
  SECTION("a pipe") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  SECTION("a folder") { std::filesystem::create_directory(path); }
  const auto journal = io::JournalFile::open(folder.path(), RunId{1});
  REQUIRE_FALSE(journal);
  CHECK(journal.error().reason.starts_with("journal-not-"));
  CHECK_FALSE(journal.error().advice.empty());
  CHECK(text_of(elsewhere) == "mine\n");
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/not-there"));
}

TEST_CASE("A link in the place of the rewritten file is not written through", "[journal]") {
  const Folder folder;
  const auto elsewhere = folder.path() + "/precious";
  append(elsewhere, "mine\n");
  const auto journal = open(folder);
  REQUIRE(journal->put(entry(1)));
  append(folder.file(), std::string(100'000, '\n'));  // worth rewriting
  std::filesystem::create_symlink(elsewhere, folder.file() + ".new");
  CHECK_FALSE(journal->put(entry(2)));
  CHECK(text_of(elsewhere) == "mine\n");
  CHECK(ids(*journal) == Ids{1});
}

TEST_CASE("A journal in a folder that cannot be made or written is an error with advice", "[journal]") {
  const Folder folder;
  append(folder.path() + "/file", "");
  for (const auto* path : {"/file/natkit", "/file"}) {
    const auto journal = io::JournalFile::open(folder.path() + path, RunId{1});
    REQUIRE_FALSE(journal);
    CHECK(journal.error().reason == "journal-not-writable");
    CHECK_FALSE(journal.error().advice.empty());
  }
}

TEST_CASE("A run lives as long as its process, however that ends", "[journal]") {
  const Folder folder;
  const auto journal = open(folder, 1);
  CHECK(journal->is_alive(RunId{1}));
  CHECK_FALSE(journal->is_alive(RunId{200}));
  std::array<int, 2> line{};
  REQUIRE(::pipe2(line.data(), O_CLOEXEC) == 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto theirs = io::JournalFile::open(folder.path(), RunId{0xffff'ffff'ffff'ff02U});
    const char ready = theirs ? 'y' : 'n';
    static_cast<void>(::write(line[1], &ready, 1));
    while (true) ::pause();
  }
  char ready = 0;
  REQUIRE(::read(line[0], &ready, 1) == 1);
  CHECK(ready == 'y');
  CHECK(journal->is_alive(RunId{0xffff'ffff'ffff'ff02U}));
  CHECK_FALSE(journal->is_alive(RunId{300}));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(journal->is_alive(RunId{0xffff'ffff'ffff'ff02U}));
  for (const int end : line) ::close(end);
}
