#pragma once
/// An error as scripts read it (the common part of the command-line contract).
#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"

namespace natkit::report {
/// One object answers a one-shot command; a command that goes on writes one object per line, each with an "event".
enum class Shape : std::uint8_t { answer, event };

/// {"schema":"natkit/<tool>/1","error":{"reason":…,"detail":…,"advice":…}}, without a line end; an event carries
/// "event":"error" after the schema. Advice is null where there is none. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string error_json(std::string_view tool, Shape shape, const Error& error);
}  // namespace natkit::report
