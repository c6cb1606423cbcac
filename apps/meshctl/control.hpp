#pragma once
// What a command and the process that it asks say to each other over a socket of the user's: a line of words, and back
// a line that says how it went, then what is to be printed, until the end.
//
//   kick TAB ben TAB ban                  0            or     4 TAB not-host TAB m2 leads; ask there TAB advice
//                                         text …
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/result.hpp"

namespace natkit::control {
inline constexpr std::size_t longest_line = 20000;

using Words = std::vector<std::string>;
/// Without its end of line; tabs and line ends in words become blanks.
[[nodiscard]] std::string write_line(const Words& words);
[[nodiscard]] Words parse_line(std::string_view line);

[[nodiscard]] std::string write_success(std::string_view body);
[[nodiscard]] std::string write_failure(const Error& error);
struct Reply {
  std::optional<Error> error;
  std::string body;
};
/// Of all that came.
[[nodiscard]] Reply parse_reply(std::string_view text);

/// Where the process of this session waits; in the user's runtime folder.
[[nodiscard]] std::string socket_path(const std::string& session);
/// The only session that has a process here; an error where there is none, or several.
[[nodiscard]] Result<std::string> only_session();
}  // namespace natkit::control
