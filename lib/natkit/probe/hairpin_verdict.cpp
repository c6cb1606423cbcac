#include <fmt/format.h>

#include "natkit/probe/planner.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
HairpinVerdict verdict(std::optional<bool> hairpin, const char* reason, std::string detail) {
  return {.hairpin = hairpin, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
}
}  // namespace

HairpinVerdict judge_hairpin(const Digest& digest, Family family, const BehaviorSet& mapping, Duration now) {
  std::vector<const Mirrored*> both;
  for (const auto& each : digest.mirrored)
    if (digest.servers[each.own.server].address.address.family() == family) both.push_back(&each);
  if (both.size() != 2) return verdict({}, "not-asked", "hairpinning is only tried with --hairpin");
  for (const auto* each : both)
    if (each->heard_from)
      return verdict(true, "own-packet-came-back",
                     fmt::format("what one socket sent to {} arrived at the other one, from {}",
                                 to_text(both[each == both[0] ? 1 : 0]->own.mapped.value_or(Endpoint{})),
                                 to_text(*each->heard_from)));
  if (!both[0]->own.mapped || !both[1]->own.mapped)
    return verdict({}, "no-answer", "the two sockets did not learn where they are outside");
  if (mapping != BehaviorSet{Behavior::endpoint_independent})
    return verdict({}, "mapping-depends-on-destination",
                   "the NAT gives the sockets other ports towards each other, so neither knows where the other one is");
  const auto& server = digest.servers[both[0]->own.server];
  for (const auto* each : both)
    if (each->sent < hairpin_copies || now < each->sent_at + server.time_of_answer())
      return verdict({}, "too-little-time", "the run ended before an answer had to be there");
  return verdict(
      false, "silence",
      fmt::format("two sockets sent {} packets each to the other's public endpoint, and none arrived", hairpin_copies));
}
}  // namespace natkit::probe
