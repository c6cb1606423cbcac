#include "natkit/cli/cache_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::cli;
namespace fs = std::filesystem;

namespace {
/// A cache folder of its own, gone with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "natkit-cache-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string path() const { return path_ + "/cache/natkit"; }

 private:
  std::string path_;
};

unsigned mode_of(const std::string& path) {
  struct stat state{};
  REQUIRE(::stat(path.c_str(), &state) == 0);
  return state.st_mode & 07777U;
}
}  // namespace

TEST_CASE("A cache file that is not there is empty, and reading makes no folder", "[cache_file]") {
  const Folder folder;
  const auto read = CacheFile{folder.path(), "some.json"}.read(100);
  REQUIRE(read);
  CHECK_FALSE(*read);
  CHECK_FALSE(fs::exists(folder.path()));
}

TEST_CASE("What is written into the cache is read back, and is its owner's alone", "[cache_file]") {
  const Folder folder;
  const CacheFile file{folder.path(), "some.json"};
  const auto umask = ::umask(0);
  const auto written = file.write("a text");
  ::umask(umask);
  REQUIRE(written);
  CHECK(mode_of(file.path()) == 0600);
  CHECK(mode_of(folder.path()) == 0700);
  CHECK(file.read(100).value() == "a text");
  CHECK(std::distance(fs::directory_iterator{folder.path()}, {}) == 1);
}

TEST_CASE("Of a cache file that is too large no more is read than shows it", "[cache_file]") {
  const Folder folder;
  const CacheFile file{folder.path(), "some.json"};
  REQUIRE(file.write(std::string(1000, ' ')));
  CHECK(file.read(100).value()->size() == 101);
}

TEST_CASE("What is no file in the cache is neither waited for nor replaced", "[cache_file]") {
  const Folder folder;
  const CacheFile file{folder.path(), "some.json"};
  fs::create_directories(folder.path());
  SECTION("a pipe") { REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0); }
  SECTION("a folder") { fs::create_directory(file.path()); }
  CHECK_FALSE(file.read(100));
  CHECK_FALSE(file.write("a text"));
  CHECK_FALSE(fs::is_regular_file(file.path()));
}

TEST_CASE("Where no cache folder can be made that is an error and not the end", "[cache_file]") {
  CHECK(CacheFile("/dev/null/natkit", "some.json").read(100));
  const auto written = CacheFile{"/dev/null/natkit", "some.json"}.write("a text");
  REQUIRE_FALSE(written);
  CHECK(written.error().detail == "cannot make /dev/null/natkit: Not a directory");
}
