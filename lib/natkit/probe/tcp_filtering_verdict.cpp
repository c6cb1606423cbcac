#include <fmt/format.h>

#include "natkit/probe/silence.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
Verdict verdict(BehaviorSet behavior, const char* reason, std::string detail) {
  return {behavior, {{.reason = reason, .detail = std::move(detail)}}};
}

/// From where the server says it connects; none as long as it says nothing.
std::optional<Endpoint> origin_of(const Asked& asked) {
  for (const auto& copy : asked.copies)
    if (copy.receipt) return copy.receipt;
  return std::nullopt;
}

/// Whether our side of the handshake would leave from where the connection came in. A NAT that gives it another port
/// breaks the connection after its filter has let it pass.
bool may_answer(const BehaviorSet& mapping, const Endpoint& origin, const Endpoint& asked) {
  using enum Behavior;
  if (mapping.is_unknown() || mapping.contains(address_and_port_dependent)) return false;
  return origin.address == asked.address || !mapping.contains(address_dependent);
}

Verdict judge_call(const Digest& digest, const Asked& asked, const BehaviorSet& mapping, Duration now) {
  using enum Behavior;
  if (asked.heard_from) {
    const bool is_other_address = asked.heard_from->address != asked.to.address;
    return verdict(
        is_other_address ? BehaviorSet{endpoint_independent} : BehaviorSet{endpoint_independent, address_dependent},
        is_other_address ? "connected-from-other-address" : "connected-from-other-port",
        fmt::format("a port that had connected only to {} was reached by a connection from {}", to_text(asked.to),
                    to_text(*asked.heard_from)));
  }
  if (asked.unchanged)
    return verdict({}, "server-connects-to-nobody", fmt::format("{} does not connect back", to_text(asked.to)));
  if (asked.reach_refusal)
    return verdict({}, "server-does-not-connect",
                   fmt::format("{} was asked to connect back: {}", to_text(asked.to), to_text(*asked.reach_refusal)));
  const auto origin = origin_of(asked);
  const auto silence = judge_calls(digest, asked, now);
  if (!origin || !silence.is_proven)
    return verdict({}, "loss-could-explain-it",
                   fmt::format("{} connections that {} began did not arrive, too few to rule out loss", silence.overdue,
                               to_text(asked.to)));
  if (!may_answer(mapping, *origin, asked.to))
    return verdict(
        {}, "mapping-may-depend-on-destination",
        fmt::format("{} connections from {} did not come about; since the NAT may give this port another one "
                    "outside towards {}, that need not be its filter",
                    silence.overdue, to_text(origin->address), to_text(origin->address)));
  const bool is_other_address = origin->address != asked.to.address;
  return verdict(
      is_other_address ? BehaviorSet{address_dependent, address_and_port_dependent}
                       : BehaviorSet{address_and_port_dependent},
      "silence-after-reports",
      fmt::format("{} connections were begun from {} and none arrived", silence.overdue, to_text(origin->address)));
}

/// It came to no call.
Verdict judge_own(const Digest& digest, const Asked* own) {
  if (own == nullptr) return verdict({}, "not-asked", "no server was asked");
  if (!own->mapped && own->send_failures > 0)
    return verdict({}, "server-has-no-tcp", fmt::format("{} over TCP: {}", to_text(own->to), own->why_not_sent));
  if (!own->mapped) return verdict({}, "no-answer", fmt::format("{} did not answer over TCP", to_text(own->to)));
  if (!digest.servers[own->server].gives_receipts)
    return verdict({}, "server-connects-to-nobody",
                   fmt::format("{} is none that connects back when it is asked to", to_text(own->to)));
  return verdict({}, "too-little-time", "the run ended before an answer had to be there");
}
}  // namespace

Verdict judge_tcp_filtering(const Digest& digest, Family family, const BehaviorSet& mapping, Duration now) {
  const Asked* own = nullptr;
  Verdict all;
  bool was_called = false;
  for (const auto& asked : digest.asked) {
    if (asked.to.address.family() != family) continue;
    if (asked.question == Question::tcp_filtering && (own == nullptr || asked.mapped)) own = &asked;
    if (asked.question != Question::tcp_call && asked.question != Question::tcp_call_port) continue;
    was_called = true;
    auto found = judge_call(digest, asked, mapping, now);
    all.evidence.insert(all.evidence.end(), found.evidence.begin(), found.evidence.end());
    const auto both = all.behavior.intersect(found.behavior);
    if (!both) {
      all.behavior = {};
      all.evidence.push_back({.reason = "contradictory-answers", .detail = "the findings exclude each other"});
      return all;
    }
    all.behavior = *both;
  }
  return was_called ? all : judge_own(digest, own);
}
}  // namespace natkit::probe
