#pragma once
/// From a trace to a report, as a pure function: the same trace gives the same report on every machine, which turns a
/// user's recording into a test. Nothing is guessed. What the answers leave open stays a set or unknown, and every
/// value comes with the evidence for it.
#include "natkit/probe/report.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit::probe {
[[nodiscard]] Report classify(const Trace& trace);
}  // namespace natkit::probe
