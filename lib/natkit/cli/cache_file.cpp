#include "natkit/cli/cache_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/cli/input_file.hpp"
#include "natkit/cli/whole_file.hpp"

namespace natkit::cli {
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

CacheFile::CacheFile(std::string folder, std::string_view name)
    : folder_(std::move(folder)), path_(fmt::format("{}/{}", folder_, name)) {}

Result<std::optional<std::string>> CacheFile::read(std::size_t most_bytes) const {
  const int number = objection_to(path_);
  if (number == ENOENT || number == ENOTDIR) return std::nullopt;
  if (number != 0) return failure("read", path_, number);
  auto text = read_input(path_, most_bytes);
  if (!text) return std::unexpected(text.error());
  return std::optional{std::move(*text)};
}

Result<void> CacheFile::write(std::string_view text) const {
  std::error_code ignored;  // mkdir says it again
  std::filesystem::create_directories(std::filesystem::path{folder_}.parent_path(), ignored);
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return failure("make", folder_, errno);
  if (const int number = objection_to(path_); number != 0 && number != ENOENT) return failure("write", path_, number);
  auto file = WholeFile::create(path_, "what is remembered", Readers::owner_only);
  if (!file) return std::unexpected(file.error());
  return file->commit(text);
}
}  // namespace natkit::cli
