#pragma once
// A diagnosis as an error, with what to type against it.
#include "natkit/base/result.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/portmap/diagnosis.hpp"

namespace natkit {
/// With -v it is told as well what the diagnosis rests on.
[[nodiscard]] Error culprit(const cli::Output& output, const portmap::Diagnosis& diagnosis);
/// Without that.
[[nodiscard]] Error error_of(const portmap::Diagnosis& diagnosis);
}  // namespace natkit
