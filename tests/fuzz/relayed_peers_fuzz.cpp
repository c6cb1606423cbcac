// Any bytes as what was remembered of peers: what is accepted can be written, read back, asked and learned from.
#include "fuzz/fuzz.hpp"
#include "natkit/base/bytes.hpp"
#include "natkit/report/relayed_peers_json.hpp"

using namespace natkit;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'795'333'374}};
  auto peers = report::parse_relayed_peers(as_text({data, size}));
  if (!peers) {
    must_hold(peers.error().reason == "bad-memory" && !peers.error().detail.empty());
    return 0;
  }
  const auto written = report::to_json(*peers);
  must_hold(written.size() <= report::most_relayed_peers_bytes);
  const auto again = report::parse_relayed_peers(written);
  must_hold(again && report::to_json(*again) == written);
  for (const auto& one : *peers) {
    must_hold(report::is_relay_expected(*peers, one.meeting));
    const auto age = report::relayed_ago(*peers, one.peer, now);
    must_hold(age && *age >= Duration::zero() && !report::age_text(*age).empty());
  }
  report::note_relayed(*peers, {.meeting = {1}, .peer = {1}, .at = now});
  must_hold(peers->size() <= report::most_relayed_peers);
  report::forget_old(*peers, now);
  must_hold(report::relayed_ago(*peers, {1}, now) == Duration::zero());
  must_hold(report::note_direct(*peers, {1}) == report::Learned::something);
  must_hold(!report::relayed_ago(*peers, {1}, now));
  return 0;
}
