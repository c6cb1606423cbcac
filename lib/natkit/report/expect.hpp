#pragma once
/// `--expect KEY=VALUE`: holds a tool's JSON answer against what a script demands of it.
/// KEY is a dotted path with array indexes ("ipv4.mapping", "servers.0.rtt_ms"). VALUE is compared with the JSON text
/// of the value, strings without quotes; an array equals its members in any order with commas between ("a,b"); null
/// equals "null" and "unknown".
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/result.hpp"

namespace natkit::report {
struct Expectation {
  std::string key;
  std::string value;
};

/// An expectation that the answer does not meet.
struct Unmet {
  std::string key;
  std::string expected;
  std::string got;  ///< in the spelling that VALUE would need; not escaped
};

/// Splits at the first '='. Errc::usage "bad-expectation" when there is none or the key is empty.
[[nodiscard]] Result<Expectation> parse_expectation(std::string_view text);

/// Those not met, in the order asked. Errc::usage "unknown-key" for a path that leads nowhere; it names the keys near
/// by.
[[nodiscard]] Result<std::vector<Unmet>> unmet_expectations(std::string_view json,
                                                            std::span<const Expectation> expectations);

/// Whether every key can be met at all by an answer shaped like this one, before anything is measured: an index stands
/// for any element, and a list that happens to be empty may hold anything. Errors as above.
[[nodiscard]] Result<void> check_keys(std::string_view json, std::span<const Expectation> expectations);

/// Errc::usage is for wrong questions; this is the error of an answer that is not the expected one.
[[nodiscard]] std::string to_text(const Unmet& unmet);  ///< `expected KEY=VALUE, got VALUE`; not escaped
}  // namespace natkit::report
