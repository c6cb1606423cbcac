#pragma once
/// Text from outside (a peer, a file, the command line) made safe to show. A terminal obeys control characters and the
/// Unicode marks that reorder text, so neither may reach it raw.
#include <string>
#include <string_view>

namespace natkit {
/// The text with control characters, reordering marks, line separators and bytes that are not UTF-8 written as `\n`,
/// `\t`, `\x1b` or `\u202e`, and a backslash as `\\`. At most four times as long as its cause.
[[nodiscard]] std::string printable(std::string_view text);
}  // namespace natkit
