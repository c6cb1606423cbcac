#include "natkit/cli/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {
std::unexpected<Error> cannot_read(const std::string& path, int number) {
  return std::unexpected(
      Error{Errc::usage, "cannot-read",
            fmt::format("cannot read {}: {}", printable(path), std::generic_category().message(number)),
            "name another file"});
}
}  // namespace

Result<std::string> read_input(const std::string& path, std::size_t most_bytes) {
  const int descriptor =
      path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg): the system's
  if (descriptor == -1) return cannot_read(path, errno);
  std::string text;
  std::array<char, 65536> piece{};
  int number = 0;
  while (text.size() <= most_bytes) {
    const auto count = ::read(descriptor, piece.data(), std::min(piece.size(), most_bytes + 1 - text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) number = errno;
    if (count <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  if (number != 0) return cannot_read(path, number);
  return text;
}
}  // namespace natkit::cli
