#pragma once
/// Inside this room only: text that is put into pages, HTML or SVG.
#include <string>
#include <string_view>

namespace natkit::report {
/// `printable`, and with `<`, `>`, `&` and both quotes written as references: fit for content and for quoted
/// attributes.
[[nodiscard]] std::string to_markup(std::string_view text);
}  // namespace natkit::report
