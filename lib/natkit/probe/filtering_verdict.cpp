#include <fmt/format.h>

#include "natkit/probe/silence.hpp"
#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
/// Something was heard: where it came from says what the filter lets through. Both questions' sockets had sent to the
/// server's own endpoint only.
Verdict judge_heard(const Asked& asked) {
  using enum Behavior;
  const bool other_address = asked.heard_from->address != asked.to.address;
  auto detail =
      fmt::format("a socket that had sent only to {} received from {}", to_text(asked.to), to_text(*asked.heard_from));
  if (other_address)
    return {endpoint_independent, {{.reason = "heard-from-other-address", .detail = std::move(detail)}}};
  return {{endpoint_independent, address_dependent},
          {{.reason = "heard-from-other-port", .detail = std::move(detail)}}};
}

Verdict nothing(const char* reason, std::string detail) {
  return {{}, {{.reason = reason, .detail = std::move(detail)}}};
}

Verdict judge_quiet(const Digest& digest, const Asked& asked, Duration now) {
  using enum Behavior;
  const auto silence = judge_silence(digest, asked, now);
  const auto place = changed_place(digest, asked).value_or(Endpoint{});
  switch (silence.state) {
    case SilenceState::proven: {
      const bool receipts = digest.servers[asked.server].gives_receipts;
      auto detail =
          fmt::format("{} answers {} from {} and none arrived, though {} answers when asked directly", silence.overdue,
                      receipts ? "were sent" : "were asked for", to_text(place), to_text(place));
      const bool other_address = place.address != asked.to.address;
      const BehaviorSet left = other_address ? BehaviorSet{address_dependent, address_and_port_dependent}
                                             : BehaviorSet{address_and_port_dependent};
      return {left, {{.reason = receipts ? "silence-after-receipts" : "silence", .detail = std::move(detail)}}};
    }
    case SilenceState::no_second_place:
      return nothing("no-second-place", fmt::format("{} has no other {} to answer from", to_text(asked.to),
                                                    asked.question == Question::filtering ? "address" : "port"));
    case SilenceState::place_is_dead:
      return nothing(
          "second-endpoint-silent",
          fmt::format("{} does not answer even when asked directly, so its silence proves nothing", to_text(place)));
    case SilenceState::waiting:
    case SilenceState::needs_copies:
    case SilenceState::undecided:
      break;
  }
  return nothing("loss-could-explain-it",
                 fmt::format("{} copies to {} stayed without a changed answer, too few to rule out loss",
                             silence.overdue, to_text(asked.to)));
}

Verdict judge_question(const Digest& digest, const Asked& asked, Duration now) {
  const auto& server = digest.servers[asked.server];
  if (asked.heard_from) return judge_heard(asked);
  if (asked.unchanged)
    return nothing(
        "server-ignores-change-request",
        fmt::format("{} was asked to answer from elsewhere and answered from the same place", to_text(asked.to)));
  if (asked.error_code)
    return nothing("server-refuses-change-request",
                   fmt::format("{} refused to answer from elsewhere (error {})", to_text(asked.to), *asked.error_code));
  if (!server.answered) return nothing("no-answer", fmt::format("{} did not answer", to_text(asked.to)));
  return judge_quiet(digest, asked, now);
}
}  // namespace

Verdict judge_filtering(const Digest& digest, Family family, Duration now) {
  Verdict verdict;
  for (const auto& asked : digest.asked) {
    if (asked.to.address.family() != family) continue;
    if (asked.question != Question::filtering && asked.question != Question::filtering_port) continue;
    auto found = judge_question(digest, asked, now);
    verdict.evidence.insert(verdict.evidence.end(), found.evidence.begin(), found.evidence.end());
    const auto both = verdict.behavior.intersect(found.behavior);
    if (!both) {
      verdict.behavior = {};
      verdict.evidence.push_back({.reason = "contradictory-answers", .detail = "the findings exclude each other"});
      return verdict;
    }
    verdict.behavior = *both;
  }
  return verdict;
}

std::optional<bool> judge_behavior_discovery(const Digest& digest, std::uint32_t server) {
  const auto& facts = digest.servers[server];
  if (!facts.answered) return std::nullopt;
  const auto* filtering = digest.find(Question::filtering, server);
  if (!facts.alternate()) return false;
  if (filtering != nullptr && (filtering->unchanged || filtering->error_code)) return false;
  const auto* second = digest.find(Question::mapping, server, *facts.alternate());
  if (second != nullptr && second->is_answered()) return true;
  if (filtering != nullptr && filtering->heard_from) return true;
  return second != nullptr ? std::optional{false} : std::nullopt;
}
}  // namespace natkit::probe
