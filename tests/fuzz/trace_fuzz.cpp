// Any bytes as a recorded trace: what is accepted can be written and read again, and judged.
#include "fuzz/fuzz.hpp"
#include "natkit/base/bytes.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/probe_text.hpp"
#include "natkit/report/trace_json.hpp"

using namespace natkit;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto trace = report::parse_trace(as_text({data, size}));
  if (!trace) {
    must_hold(trace.error().reason == "bad-trace" && !trace.error().detail.empty());
    return 0;
  }
  const auto text = report::to_json(*trace);
  const auto again = report::parse_trace(text);
  must_hold(again.has_value() && report::to_json(*again) == text);
  const auto report = probe::classify(*trace);
  must_hold(!report::to_json(report).empty());
  must_hold(report::to_text(report, report::Style::plain).find('\x1b') == std::string::npos);
  return 0;
}
