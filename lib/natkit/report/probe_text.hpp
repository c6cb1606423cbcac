#pragma once
/// nat-probe's answer for people: first a sentence that a player understands, then a small table per address family,
/// then the servers. Every text from outside is escaped. The wording may change; scripts read the JSON.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "natkit/probe/report.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::report {
enum class Style : std::uint8_t { plain, colored };  ///< colored: ANSI colour on the first word, for terminals

/// Lines, each with its newline. A value that is unknown or still several says why, as far as the evidence knows; one
/// that is remembered says how old it is.
[[nodiscard]] std::string to_text(const probe::Report& report, Style style,
                                  std::span<const Remembered> remembered = {});

/// How the answer came about, for `--verbose`: one line for each piece of evidence, then the cost; without newlines.
[[nodiscard]] std::vector<std::string> evidence_lines(const probe::Report& report);
}  // namespace natkit::report
