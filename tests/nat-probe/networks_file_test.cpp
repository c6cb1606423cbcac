#include "networks_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "natkit/report/remembered_json.hpp"

using namespace natkit;
namespace fs = std::filesystem;

namespace {
/// A cache folder of its own, gone with the test.
class Cache {
 public:
  Cache() {
    std::string pattern = (fs::temp_directory_path() / "natkit-networks-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache() { fs::remove_all(path_); }
  [[nodiscard]] std::string folder() const { return path_ + "/cache/natkit"; }
  [[nodiscard]] std::string file() const { return folder() + "/networks.json"; }
  void hold(const std::string& text) const {
    fs::create_directories(folder());
    std::ofstream{file()} << text;
  }

 private:
  std::string path_;
};

report::NetworkMemories one_network() {
  return {{.id = {7}, .mapping_lifetime = {}, .hairpin = report::Memory<bool>{.value = true, .nat = {}, .at = {}}}};
}

unsigned mode_of(const std::string& path) {
  struct stat state{};
  REQUIRE(::stat(path.c_str(), &state) == 0);
  return state.st_mode & 07777U;
}
}  // namespace

TEST_CASE("Where there is no file nothing is remembered, and nothing is wrong", "[networks_file]") {
  const Cache cache;
  const auto read = NetworksFile{cache.folder()}.read();
  REQUIRE(read);
  CHECK(read->empty());
  CHECK_FALSE(fs::exists(cache.folder()));
}

TEST_CASE("What is written is read back, and is its owner's alone", "[networks_file]") {
  const Cache cache;
  const NetworksFile file{cache.folder()};
  const auto umask = ::umask(0);
  const auto written = file.write(one_network());
  ::umask(umask);
  REQUIRE(written);
  CHECK(mode_of(cache.file()) == 0600);
  CHECK(mode_of(cache.folder()) == 0700);
  const auto read = file.read();
  REQUIRE(read);
  CHECK(report::to_json(*read) == report::to_json(one_network()));
  CHECK(std::distance(fs::directory_iterator{cache.folder()}, {}) == 1);
}

TEST_CASE("A file that is of no use says why, and is replaced", "[networks_file]") {
  const Cache cache;
  const NetworksFile file{cache.folder()};
  cache.hold(GENERATE(std::string{"{\"schema\":"}, std::string{"{}"}, std::string(1U << 20U, ' ')));
  const auto read = file.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().detail.starts_with(cache.file() + " is "));
  REQUIRE(file.write(one_network()));
  CHECK(file.read());
  CHECK(mode_of(cache.file()) == 0600);
}

TEST_CASE("What is no file is neither waited for nor replaced", "[networks_file]") {
  const Cache cache;
  const NetworksFile file{cache.folder()};
  fs::create_directories(cache.folder());
  SECTION("a pipe") { REQUIRE(::mkfifo(cache.file().c_str(), 0600) == 0); }
  SECTION("a folder") { fs::create_directory(cache.file()); }
  CHECK_FALSE(file.read());
  CHECK_FALSE(file.write(one_network()));
  CHECK_FALSE(fs::is_regular_file(cache.file()));
}

TEST_CASE("Where no folder can be made that is an error, and not the end", "[networks_file]") {
  const NetworksFile file{"/dev/null/natkit"};
  CHECK(file.read());
  const auto written = file.write(one_network());
  REQUIRE_FALSE(written);
  CHECK(written.error().detail == "cannot make /dev/null/natkit: Not a directory");
}
