#include "natkit/probe/planning.hpp"

namespace natkit::probe {
namespace {
/// Routers limit how many errors they send (RFC 1812 §4.3.2.8), so a silent one is asked once more and then left alone.
constexpr unsigned hop_copies = 2;

bool is_settled(const Hop& hop) { return hop.router || hop.has_arrived || hop.own.was_refused; }
}  // namespace

/// Only behind a NAT, and only over IPv4: to see whether a carrier's network lies before the internet.
void plan_hops(Planning& planning) {
  const auto server = planning.server_behind_nat(Family::ipv4);
  if (!server) return;
  for (unsigned limit = 1; limit <= most_hops; ++limit) {
    const Step step{
        .question = Question::hop, .server = *server, .to = planning.digest.servers[*server].address, .sample = limit};
    if (limit > planning.digest.hops.size()) {
      planning.send(step);
      continue;
    }
    const auto& hop = planning.digest.hops[limit - 1];
    if (is_settled(hop)) continue;
    const auto due = hop.own.sent_at + planning.time_of_answer(*server);
    if (due > planning.now)
      planning.wake_at(due);
    else if (hop.own.copies < hop_copies)
      planning.send(step);
  }
}
}  // namespace natkit::probe
