// Any bytes as what was remembered of networks: what is accepted can be written, read back, learned from and recalled.
#include "fuzz/fuzz.hpp"
#include "natkit/base/bytes.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/probe_text.hpp"
#include "natkit/report/remembered_json.hpp"

using namespace natkit;
using fuzz::must_hold;

namespace {
/// The same NAT as when that was measured.
template <class T>
void recall_beside(const report::NetworkMemories& memories, const report::NetworkMemory& network,
                   const std::optional<report::Memory<T>>& memory, std::chrono::sys_seconds now) {
  if (!memory) return;
  probe::Report measured;
  measured.ipv4 = probe::FamilyReport{.mapped = Endpoint{},
                                      .nat = true,
                                      .mapping = memory->nat.mapping,
                                      .filtering = memory->nat.filtering,
                                      .port_allocation = {.rule = memory->nat.ports}};
  const auto remembered = report::recall(memories, network.id, Family::ipv4, measured, now);
  for (const auto& one : remembered) must_hold(one.age >= Duration::zero() && !report::age_text(one.age).empty());
  must_hold(!report::to_json(measured, {.remembered = remembered}).empty());
  must_hold(!report::to_text(measured, report::Style::plain, remembered).empty());
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'795'333'374}};
  auto memories = report::parse_memories(as_text({data, size}));
  if (!memories) {
    must_hold(memories.error().reason == "bad-memory" && !memories.error().detail.empty());
    return 0;
  }
  const auto written = report::to_json(*memories);
  must_hold(written.size() <= report::most_memories_bytes);
  const auto again = report::parse_memories(written);
  must_hold(again && report::to_json(*again) == written);
  for (const auto& network : *memories) {
    recall_beside(*memories, network, network.hairpin, now);
    recall_beside(*memories, network, network.mapping_lifetime, now);
  }
  const probe::FamilyReport measured{.nat = true, .mapping = Behavior::endpoint_independent, .hairpin = true};
  must_hold(report::learn(*memories, report::NetworkId{1}, measured, now) == report::Learned::something);
  must_hold(memories->size() <= report::most_networks);
  report::forget_old(*memories, now);
  must_hold(memories->size() >= 1);
  return 0;
}
