#include "take_over.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "natkit/base/printable.hpp"

namespace natkit {
namespace {
Error cannot_run(const std::string& name, int number) {
  return {Errc::usage, "cannot-run",
          fmt::format("cannot run {}: {}", printable(name), std::generic_category().message(number)),
          "check the command after --"};
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }
}  // namespace

Result<void> check_program(const std::vector<std::string>& command) {
  if (command.empty())
    return std::unexpected(Error{Errc::usage, "cannot-run", "--then exec needs a command to run",
                                 "write it after --, as in `--then exec -- ./game`"});
  const auto& name = command.front();
  if (name.find('/') != std::string::npos) {
    if (is_program(name)) return {};
    return std::unexpected(cannot_run(name, errno));
  }
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  std::string_view folders = path != nullptr ? path : "/usr/bin:/bin";
  while (!folders.empty()) {
    const auto end = folders.find(':');
    if (is_program(std::string{folders.substr(0, end)} + "/" + name)) return {};
    folders.remove_prefix(end == std::string_view::npos ? folders.size() : end + 1);
  }
  return std::unexpected(cannot_run(name, ENOENT));
}

Error become(const std::vector<std::string>& command, const std::vector<std::pair<std::string, std::string>>& extra) {
  for (const auto& [name, value] : extra)
    ::setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread is left
  // What we changed for ourselves goes back to what a program expects.
  for (const int number : {SIGPIPE, SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  auto words = command;
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  return cannot_run(command.front(), errno);
}
}  // namespace natkit
