// Any bytes as a peer's report: what is accepted can be held against a report, in words and in JSON.
#include "fuzz/fuzz.hpp"
#include "natkit/base/bytes.hpp"
#include "natkit/report/against.hpp"
#include "natkit/report/peer_report.hpp"
#include "natkit/report/probe_json.hpp"

using namespace natkit;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto peer = report::parse_peer_report(as_text({data, size}));
  if (!peer) {
    must_hold(peer.error().reason == "bad-report" && !peer.error().detail.empty());
    return 0;
  }
  const auto against = report::against_of(*peer, *peer);
  must_hold(!against.reason.empty());
  must_hold(against.expected == probe::Need::direct || !against.advice.empty());
  must_hold(report::to_text(against).find('\x1b') == std::string::npos);
  const auto written = report::to_json(*peer, {.against = against, .error = {}});
  must_hold(report::parse_peer_report(written).has_value());
  return 0;
}
