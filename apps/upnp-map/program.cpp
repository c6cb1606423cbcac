#include "program.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

#include "natkit/base/printable.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace natkit {
namespace {
int as_shell_says(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What we changed for ourselves goes back to what a program expects.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&value_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&value_, &signals);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&signals, number);
    ::posix_spawnattr_setsigdefault(&value_, &signals);
    ::posix_spawnattr_setflags(&value_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&value_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &value_; }

 private:
  posix_spawnattr_t value_{};
};
}  // namespace

Result<void> Program::start(const std::vector<std::string>& command,
                            const std::vector<std::pair<std::string, std::string>>& extra) {
  auto words = command;
  std::vector<std::string> environment;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) environment.emplace_back(*one);
  for (const auto& [name, value] : extra) {
    std::erase_if(environment, [&](const std::string& one) { return one.starts_with(name + "="); });
    environment.push_back(fmt::format("{}={}", name, value));
  }
  const Attributes attributes;
  pid_t child = -1;
  const int number = ::posix_spawnp(&child, words.front().c_str(), nullptr, attributes.get(), pointers(words).data(),
                                    pointers(environment).data());
  if (number != 0)
    return std::unexpected(
        Error{Errc::usage, "cannot-run",
              fmt::format("cannot run {}: {}", printable(command.front()), std::generic_category().message(number)),
              "check the command after --"});
  child_ = child;
  return {};
}

bool Program::has_ended() {
  if (!child_ || status_) return status_.has_value();
  int status = 0;
  const auto ended = ::waitpid(*child_, &status, WNOHANG);
  if (ended == *child_) status_ = as_shell_says(status);
  return status_.has_value();
}

void Program::pass_on_signal() {
  if (child_ && !has_ended()) ::kill(*child_, SIGTERM);
}

std::optional<int> Program::wait_for_status() {
  if (!child_) return std::nullopt;
  while (!status_) {
    int status = 0;
    const auto ended = ::waitpid(*child_, &status, 0);
    if (ended == *child_)
      status_ = as_shell_says(status);
    else if (errno != EINTR)
      return std::nullopt;
  }
  return status_;
}
}  // namespace natkit
