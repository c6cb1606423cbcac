#include "natkit/cli/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "natkit/base/printable.hpp"

namespace natkit::cli {
namespace {
/// Writes all of it; gives `errno` where that cannot be done. One call for a whole text keeps lines whole.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // another process made our terminal non-blocking
      pollfd waiting{.fd = descriptor, .events = POLLOUT, .revents = 0};
      static_cast<void>(::poll(&waiting, 1, -1));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::string with_line_end(std::string_view text) {
  std::string line{text};
  if (!line.ends_with('\n')) line += '\n';
  return line;
}

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  return value == nullptr ? std::string_view{} : value;
}

/// A remark is one line, whatever slipped into it.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line;
}
}  // namespace

bool Output::is_colored() const {
  if (is_json() || options.verbosity == Verbosity::quiet || options.color == Color::never) return false;
  if (options.color == Color::always) return true;
  return environment("NO_COLOR").empty() && environment("TERM") != "dumb" && ::isatty(streams_.answer) == 1;
}

void Output::answer(std::string_view text) {
  erase_progress();
  if (write_failure_ == 0) write_failure_ = write_all(streams_.answer, with_line_end(text));
}

void Output::warn(std::string_view line) const {
  if (is_verbose(Verbosity::normal)) remark("warning: " + one_line(line));
}

void Output::explain(Verbosity least, std::string_view line) const {
  if (is_verbose(least)) remark(one_line(line));
}

void Output::progress(std::string_view word) {
  if (is_json() || !is_verbose(Verbosity::normal) || ::isatty(streams_.remarks) != 1) return;
  erase_progress();
  is_progress_shown_ = true;
  static_cast<void>(write_all(streams_.remarks, one_line(word)));
}

void Output::erase_progress() const {
  if (!std::exchange(is_progress_shown_, false)) return;
  static_cast<void>(write_all(streams_.remarks, "\r\x1b[K"));  // ECMA-48 EL: erase to the end of the line
}

void Output::log(std::string_view line) const { remark(one_line(line)); }

Exit Output::fail(const Error& error) {
  if (is_json()) {
    answer(report::error_json(tool_, options.shape,
                              {error.code, error.reason, masked(error.detail), masked(error.advice)}));
  } else {
    remark("error: " + one_line(error.detail));
    if (!error.advice.empty()) remark("hint: " + one_line(error.advice));
  }
  return exit_for(error.code);
}

std::string Output::masked(std::string_view text) const {
  return options.mask ? options.mask(text) : std::string{text};
}

void Output::remark(std::string_view line) const {
  erase_progress();
  // Nobody is left to tell when standard error is gone as well.
  static_cast<void>(write_all(streams_.remarks, with_line_end(masked(line))));
}
}  // namespace natkit::cli
