#pragma once
/// What a measurement means for a person who wants others to reach this host: one sentence, and what to do.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/probe/report.hpp"

namespace natkit::report {
/// Where several behaviours are still possible, the grade is that of the least favourable one.
enum class Grade : std::uint8_t {
  unknown,  ///< not enough was measured to promise anything
  blocked,  ///< UDP does not pass: only TCP connects, mostly through a relay
  hard,     ///< every peer sees another port: only peers with an open network can be reached without help
  good,     ///< hole punching works with most peers
  open,     ///< peers need not even punch
};
[[nodiscard]] std::string_view to_text(Grade grade);  ///< "Unknown", "Blocked", "Hard", "Good", "Open"

struct Verdict {
  Grade grade = Grade::unknown;
  std::string summary;              ///< one sentence that begins with the grade: "Good: …"; not escaped
  std::vector<std::string> advice;  ///< sentences; empty where nothing needs to be done
};
[[nodiscard]] Verdict verdict_of(const probe::Report& report);

/// Nobody answered but somebody who speaks in the name of others: a login page, or a filter and a dead server.
[[nodiscard]] bool is_perhaps_behind_a_portal(const probe::Report& report);

/// The sentence that explains a value, e.g. of "ipv4.filtering"; empty where the report holds none. Not escaped.
[[nodiscard]] std::string_view explanation(const probe::Report& report, std::string_view about);
}  // namespace natkit::report
