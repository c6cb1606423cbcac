#pragma once
/// `--watch`: what differs between one run's answer and the next. Values are compared, and not what is another one each
/// time: times, counts of packets, the evidence's sentences, the ports of this host's own sockets.
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/result.hpp"

namespace natkit::report {
/// A value that is another one now; both as JSON text.
struct Change {
  std::string key{};  ///< dotted path into the answer, e.g. "ipv4.mapped"; of that and of "local" the address alone
  std::string from{};
  std::string to{};
  bool operator==(const Change&) const = default;
};

/// Between two answers (`to_json` of a report), in the order of the keys. "error" is left out, and what one of the two
/// does not have is null there.
[[nodiscard]] std::vector<Change> changes_between(std::string_view before, std::string_view after);

/// The answers of one watch. A run that fails measures nothing, so its values are compared with nothing; the run after
/// it is held against the last that measured.
class WatchedAnswers {
 public:
  /// The first answer of all: it is shown as a whole, as there is nothing to compare it with.
  [[nodiscard]] bool has_answer() const { return last_.has_value(); }
  /// An answer, with the error that it holds, if any.
  [[nodiscard]] std::vector<Change> enter(std::string answer, const std::optional<Error>& error);
  /// A run without one.
  [[nodiscard]] std::vector<Change> enter_failure(const Error& error);

 private:
  std::optional<std::string> last_{};
  std::string reason_{};  ///< of the error of the run before; empty: it had none
};

/// The answer as an event: {"schema", "event":"report", "at":"2026-11-22T07:42:54Z", …}.
[[nodiscard]] std::string report_event(std::string_view answer, std::chrono::sys_seconds at);
/// {"schema", "event":"changed", "at", "changes":[{"key","from","to"}]}
[[nodiscard]] std::string changed_event(std::span<const Change> changes, std::chrono::sys_seconds at);
/// One line for people: "2026-11-22T07:42:54Z ipv4.mapped: 203.0.113.7 -> 203.0.113.9". Escaped.
[[nodiscard]] std::string to_text(const Change& change, std::chrono::sys_seconds at);
}  // namespace natkit::report
