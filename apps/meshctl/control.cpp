#include "control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "natkit/base/printable.hpp"
#include "natkit/cli/state_folder.hpp"

namespace natkit::control {
namespace {
constexpr std::string_view suffix = ".mesh";
}

std::string write_line(const Words& words) {
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += '\t';
    for (const char c : word) line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
  }
  return line + '\n';
}

Words parse_line(std::string_view line) {
  while (line.ends_with('\n')) line.remove_suffix(1);
  Words words;
  while (true) {
    const auto tab = line.find('\t');
    words.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return words;
    line.remove_prefix(tab + 1);
  }
}

std::string write_success(std::string_view body) { return write_line({"ok"}) + std::string{body}; }

std::string write_failure(const Error& error) {
  return write_line({std::to_string(static_cast<int>(error.code)), error.reason, error.detail, error.advice});
}

Reply parse_reply(std::string_view text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos)
    return {.error = Error{Errc::peer, "no-answer", "the process of this session ended without an answer", {}},
            .body = {}};
  const auto words = parse_line(text.substr(0, end));
  if (words.front() == "ok") return {.error = {}, .body = std::string{text.substr(end + 1)}};
  int code = 0;
  const auto* const last = words.front().data() + words.front().size();
  const auto [read_to, fault] = std::from_chars(words.front().data(), last, code);
  const bool is_code = fault == std::errc{} && read_to == last && code >= 0 && code <= static_cast<int>(Errc::defect);
  if (words.size() < 4 || !is_code)
    return {.error = Error{Errc::protocol, "version-mismatch", "the process of this session speaks another version",
                           "end it, and start it again"},
            .body = {}};
  return {.error = Error{static_cast<Errc>(code), words[1], words[2], words[3]}, .body = {}};
}

std::string socket_path(const std::string& session) {
  return fmt::format("{}/{}{}", cli::runtime_folder(), session, suffix);
}

Result<std::string> only_session() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{cli::runtime_folder(), ignored})
    if (entry.path().extension() == suffix) found.push_back(entry.path().stem());
  if (found.size() == 1) return found.front();
  if (found.empty())
    return std::unexpected(Error{Errc::nobody_there, "not-running", "no session has a process on this host",
                                 "`meshctl create NAME` begins one, `meshctl join NAME` takes part in one"});
  std::ranges::sort(found);
  std::string names;
  for (const auto& name : found) names += (names.empty() ? "" : ", ") + printable(name);
  return std::unexpected(Error{Errc::usage, "usage", "several sessions have a process on this host: " + names,
                               "name the one that is meant"});
}
}  // namespace natkit::control
