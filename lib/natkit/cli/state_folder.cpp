#include "natkit/cli/state_folder.hpp"

#include <unistd.h>

#include <cstdlib>

namespace natkit::cli {
namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  return value == nullptr ? "" : value;
}
}  // namespace

Result<std::string> state_folder() {
  auto folder = environment("XDG_STATE_HOME");
  if (folder.empty() && !environment("HOME").empty()) folder = environment("HOME") + "/.local/state";
  if (!folder.empty()) return folder + "/natkit";
  return std::unexpected(Error{Errc::usage, "journal-not-writable",
                               "neither XDG_STATE_HOME nor HOME says where mappings can be written down",
                               "set one of them: without a journal a mapping could be left behind for ever"});
}

std::optional<std::string> cache_folder() {
  if (const auto folder = environment("XDG_CACHE_HOME"); !folder.empty()) return folder + "/natkit";
  if (const auto home = environment("HOME"); !home.empty()) return home + "/.cache/natkit";
  return std::nullopt;
}

std::string runtime_folder() {
  const auto folder = environment("XDG_RUNTIME_DIR");
  return folder.empty() ? "/tmp/natkit-" + std::to_string(::geteuid()) : folder + "/natkit";
}
}  // namespace natkit::cli
