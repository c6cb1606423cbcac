#include "networks_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "input_file.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/report/remembered_json.hpp"
#include "whole_file.hpp"

namespace natkit {
namespace {
std::unexpected<Error> failure(std::string_view what, const std::string& path, int number) {
  return std::unexpected(
      Error{Errc::usage, "bad-memory",
            fmt::format("cannot {} {}: {}", what, printable(path), std::generic_category().message(number)), ""});
}

/// 0, ENOENT, or why the file is none to read: a pipe could keep us waiting for ever.
int objection_to(const std::string& path) {
  struct stat state{};
  if (::stat(path.c_str(), &state) != 0) return errno;
  if (S_ISREG(state.st_mode)) return 0;
  return S_ISDIR(state.st_mode) ? EISDIR : EINVAL;
}
}  // namespace

NetworksFile::NetworksFile(std::string folder) : folder_(std::move(folder)), path_(folder_ + "/networks.json") {}

Result<report::NetworkMemories> NetworksFile::read() const {
  const int number = objection_to(path_);
  if (number == ENOENT || number == ENOTDIR) return report::NetworkMemories{};
  if (number != 0) return failure("read", path_, number);
  const auto text = read_input(path_, report::most_memories_bytes);
  if (!text) return std::unexpected(text.error());
  auto memories = report::parse_memories(*text);
  if (!memories) memories.error().detail = fmt::format("{} {}", printable(path_), memories.error().detail);
  return memories;
}

Result<void> NetworksFile::write(const report::NetworkMemories& memories) const {
  std::error_code ignored;  // mkdir says it again
  std::filesystem::create_directories(std::filesystem::path{folder_}.parent_path(), ignored);
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return failure("make", folder_, errno);
  if (const int number = objection_to(path_); number != 0 && number != ENOENT) return failure("write", path_, number);
  auto file = WholeFile::create(path_, "what is remembered", Readers::owner_only);
  if (!file) return std::unexpected(file.error());
  return file->commit(report::to_json(memories));
}
}  // namespace natkit
