#include "natkit/cli/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {

std::unexpected<Error> cannot_write(std::string_view content, const std::string& path, int number) {
  return std::unexpected(
      Error{Errc::usage, "cannot-write",
            fmt::format("cannot write {} to {}: {}", content, printable(path), std::generic_category().message(number)),
            number == ENOSPC ? "make room there, or name a file elsewhere" : "name another file"});
}

/// 0, or `errno` of the write that failed.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int open_file(const std::string& path, int flags, Readers readers) {
  const unsigned mode = readers == Readers::owner_only ? 0600 : 0666;  // less the user's umask
  return ::open(path.c_str(), flags | O_CLOEXEC, mode);                // NOLINT(*-vararg): the system's interface
}
}  // namespace

WholeFile::WholeFile(int descriptor, std::string path, std::string temporary, std::string content)
    : descriptor_(descriptor), path_(std::move(path)), temporary_(std::move(temporary)), content_(std::move(content)) {}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      content_(std::move(other.content_)) {}

WholeFile::~WholeFile() {
  if (descriptor_ != -1) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::unexpected<Error> WholeFile::failure(int number) const { return cannot_write(content_, path_, number); }

Result<WholeFile> WholeFile::create(const std::string& path, std::string content, Readers readers) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return cannot_write(content, path, EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    const int descriptor = open_file(path, O_WRONLY, readers);
    if (descriptor == -1) return cannot_write(content, path, errno);
    return WholeFile{descriptor, path, {}, std::move(content)};
  }
  // Through a symbolic link: the file is replaced, not the link.
  const auto target = std::filesystem::exists(status) ? std::filesystem::canonical(path, error).string() : path;
  auto temporary = fmt::format("{}.{}.tmp", target, ::getpid());
  const int descriptor = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, readers);
  if (descriptor == -1) return cannot_write(content, path, errno);
  return WholeFile{descriptor, target, std::move(temporary), std::move(content)};
}

Result<void> WholeFile::commit(std::string_view text) {
  if (const int number = write_all(descriptor_, text); number != 0) return failure(number);
  // A network file system tells of a full disk only here.
  if (::close(std::exchange(descriptor_, -1)) != 0) return failure(errno);
  if (!temporary_.empty() && std::rename(temporary_.c_str(), path_.c_str()) != 0) return failure(errno);
  temporary_.clear();
  return {};
}
}  // namespace natkit::cli
