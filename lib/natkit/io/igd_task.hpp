#pragma once
/// Runs one IGD call with miniupnpc, blocking: what the children of ErrandChildren do. Nobody else may call it, because
/// the library behind it has no deadline and no bound on memory.
#include "natkit/base/bytes.hpp"

namespace natkit::io {
/// `igd::write_call` in, `igd::write_reply` out. Never empty.
[[nodiscard]] Bytes run_igd_call(ByteView question);
}  // namespace natkit::io
